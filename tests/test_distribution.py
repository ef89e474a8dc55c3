"""One process or several, short chunks or long, interrupted or not: the same numbers, with the real model and tools."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from mmdet.checkpoints import load_file
from mmdet.datasets.shapes import ShapesConfig, make_shapes
from mmdet.engine.build import build_tester, build_trainer
from mmdet.engine.distributed import join_processes

NAME = 'masktrack_rcnn_r50_fpn_12e_youtubevis2019'
ENVIRONMENT = {**os.environ, 'OMP_NUM_THREADS': '1'}


def run(root: Path, *arguments: object) -> None:
    """One of the tools, as a user calls it."""
    command = [sys.executable, *(str(argument) for argument in arguments)]
    done = subprocess.run(command, cwd=root, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture
def config_file(reduced_config: Callable, tmp_path: Path) -> Callable[..., Path]:
    """``config_file(iterations, batch_size)`` writes the reduced config and returns its path."""

    def write(iterations: int, batch_size: int) -> Path:
        config = reduced_config(NAME, tmp_path / 'unused')
        config.train_cfg = dict(max_iters=iterations, val_interval=1000)
        config.train_dataloader.batch_size = batch_size
        config.val_dataloader = config.val_evaluator = None
        config.log_cfg = dict(interval=1)
        config.model.detector.roi_head.bbox_head.score_threshold = 0.15
        path = tmp_path / f'config_{iterations}_{batch_size}.py'
        config.dump(path)
        return path

    return write


def losses(work_dir: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (work_dir / 'scalars.jsonl').read_text().splitlines()]
    return [{key: value for key, value in row.items() if 'loss' in key} for row in rows]


@pytest.mark.slow
def test_two_processes_with_half_the_batch_have_the_losses_of_one(
    config_file: Callable, repo_root: Path, tmp_path: Path
) -> None:
    run(repo_root, 'tools/train.py', config_file(5, 2), '--work-dir', tmp_path / 'one')
    run(repo_root, 'tools/train.py', config_file(5, 1), '--work-dir', tmp_path / 'two', '--gpus', 2)
    one, two = losses(tmp_path / 'one'), losses(tmp_path / 'two')
    assert len(one) == len(two) == 5
    for a, b in zip(one, two):
        assert set(a) == set(b) and len(a) >= 6
        assert b == pytest.approx(a, rel=1e-4, abs=1e-7)


@pytest.mark.slow
def test_results_of_one_two_and_three_processes_are_the_same_bytes(
    config_file: Callable, repo_root: Path, tmp_path: Path
) -> None:
    config = config_file(2, 2)
    run(repo_root, 'tools/train.py', config, '--work-dir', tmp_path / 'train')
    digests = set()
    for count in (1, 2, 3):
        out = tmp_path / f'{count}.json'
        test = ['tools/test_video.py', config, tmp_path / 'train/last.safetensors', '--out', out]
        run(repo_root, *test, '--work-dir', tmp_path / 'test', '--gpus', count)
        assert len(json.loads(out.read_text())) > 3
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_chunk_length_does_not_matter(reduced_config: Callable, tmp_path: Path) -> None:
    config = reduced_config(NAME, tmp_path)
    shapes = ShapesConfig(size=(96, 64), num_frames=11, enter_probability=0, leave_probability=0)
    longer = make_shapes(tmp_path / 'longer', shapes, {'train': 1, 'valid': 2}, progress=False)
    config.test_dataloader.dataset.data_root = str(longer)
    config.model.detector.roi_head.bbox_head.score_threshold = 0.15
    process = join_processes('none')
    build_trainer(config, process).train()
    found = []
    for chunk in (1, 4, 8):  # of videos of 11 frames: no two of them cut alike
        tester = build_tester(config, process, tmp_path / 'last.safetensors', chunk_size=chunk)
        tester.infer()
        found.append(list(tester.results()))
    assert sum(len(frame.instance_ids) for result in found[0] for frame in result.frames) > 12
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            for left, right in zip(a.frames, b.frames, strict=True):
                assert list(left.instance_ids) == list(right.instance_ids)
                np.testing.assert_allclose(left.scores, right.scores, atol=1e-4)
                for first, second in zip(left.masks, right.masks, strict=True):
                    different = coco_mask.decode(first) != coco_mask.decode(second)
                    assert different.mean() < 1e-3


@pytest.mark.slow
def test_ten_steps_equal_some_then_sigterm_then_the_rest(
    config_file: Callable, repo_root: Path, tmp_path: Path
) -> None:
    config = config_file(10, 1)
    run(repo_root, 'tools/train.py', config, '--work-dir', tmp_path / 'straight')
    command = [sys.executable, 'tools/train.py', str(config), '--work-dir', str(tmp_path / 'broken')]
    broken = subprocess.Popen(command, cwd=repo_root, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    log = tmp_path / 'broken/scalars.jsonl'
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (log.exists() and len(log.read_text().splitlines()) >= 4):
        time.sleep(0.005)
    broken.send_signal(signal.SIGTERM)
    assert broken.wait(60) == 75
    assert 4 <= len(losses(tmp_path / 'broken')) < 10
    run(repo_root, 'tools/train.py', config, '--work-dir', tmp_path / 'broken', '--resume')
    straight, resumed = (load_file(tmp_path / part / 'iter_10.pth') for part in ('straight', 'broken'))
    for key, value in straight['state_dict'].items():
        assert torch.equal(value, resumed['state_dict'][key]), key
    assert losses(tmp_path / 'straight') == losses(tmp_path / 'broken')

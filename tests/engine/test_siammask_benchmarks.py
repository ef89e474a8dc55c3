"""Every SiamMask config tests and exports with the data set and metric that it names, on tiny sets in their layouts."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.checkpoints import save_weights
from mmdet.datasets.shapes import DAVISWriter, ShapesConfig, YouTubeVOSWriter, make_shapes
from mmdet.engine.build import build_tester
from mmdet.engine.config import load_config
from mmdet.engine.distributed import join_processes
from mmdet.engine.vot_reset import ResetTester
from mmdet.evaluation.vot_files import read_trajectory
from mmdet.evaluation.vot_runs import FAILED, SKIPPED, STARTED, TRACKED
from mmdet.registry import MODELS, register_all
from mmdet.sequences import object_numbers, read_label_map

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / 'configs').glob('s*iammask_*r50_*.py'))
WIDTH, HEIGHT, FRAMES = 192, 96, 10
SIDE, JUMP = 24, 3  # of VOT's target in pixels; the frame from which on it is at the other end of the picture


@pytest.fixture(scope='module')
def benchmarks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Root of a tiny set per data set class."""
    root = tmp_path_factory.mktemp('benchmarks')
    small = dict(size=(96, 64), objects=(2, 3))
    wide = ShapesConfig(size=(WIDTH, HEIGHT), num_frames=FRAMES, enter_probability=0)
    davis = ShapesConfig(**small, num_frames=3, enter_probability=0)
    late = ShapesConfig(**small, num_frames=5, enter_probability=0.9)
    davis = make_shapes(root / 'davis', davis, {'valid': 1}, DAVISWriter(), progress=False)
    wide = make_shapes(root / 'wide', wide, {'valid': 1}, DAVISWriter(), progress=False)
    (davis / 'ImageSets/2016').mkdir()
    shutil.copy(davis / 'ImageSets/2017/val.txt', davis / 'ImageSets/2016/val.txt')
    shutil.copytree(wide / 'JPEGImages/480p/valid_00000', root / 'vot/jumping')
    boxes = [(20 if frame < JUMP else WIDTH - 20 - SIDE, 30) for frame in range(FRAMES)]
    lines = [f'{x},{y},{x},{y + SIDE},{x + SIDE},{y + SIDE},{x + SIDE},{y}\n' for x, y in boxes]
    (root / 'vot/jumping/groundtruth.txt').write_text(''.join(lines))
    (root / 'vot/list.txt').write_text('jumping\n')
    vos = make_shapes(root / 'vos', late, {'train': 1, 'valid': 2}, YouTubeVOSWriter(step=1), progress=False)
    meta = json.loads((vos / 'valid/meta.json').read_text())
    for video in meta['videos'].values():
        first = min(video['objects'].values(), key=lambda item: item['frames'])
        first['frames'] = first['frames'][:2]
    (vos / 'valid/meta.json').write_text(json.dumps(meta))
    return {'DAVISDataset': davis, 'VOTDataset': root / 'vot', 'YouTubeVOSDataset': vos}


def steady_weights(model: Any, path: Path) -> Path:
    """Random weights, but for what scores and moves boxes: the target is taken to be where it was."""
    register_all()
    torch.manual_seed(0)
    state = MODELS.build(model).state_dict()
    heads = {name: torch.zeros_like(value) for name, value in state.items() if re.match(r'rpn_head\.\w+\.out\.', name)}
    assert heads
    save_weights({**state, **heads}, path, {})
    return path


@pytest.fixture
def tester(reduced_config: Callable, benchmarks: dict[str, Path], tmp_path: Path) -> Callable[[str], Any]:
    """``tester(name)``: the test of a config as its file has it, but for narrow layers and the place of the data."""

    def make(name: str) -> Any:
        config, whole = reduced_config(name, tmp_path), load_config(ROOT / f'configs/{name}.py')
        config.test_dataloader, config.test_evaluator = whole.test_dataloader, whole.test_evaluator
        config.test_dataloader.num_workers = 0
        config.test_dataloader.dataset.data_root = str(benchmarks[whole.test_dataloader.dataset.type])
        if whole.test_evaluator.type == 'VOTMetric':
            config.test_evaluator.interval = (2, 6)  # the benchmark's begins after the end of these sequences
        if whole.test_evaluator.get('train_meta'):
            config.test_evaluator.train_meta = str(benchmarks['YouTubeVOSDataset'] / 'train/meta.json')
        weights = steady_weights(config.model, tmp_path / 'weights.safetensors')
        return build_tester(config, join_processes('none'), weights)

    return make


def check_davis(out: Path, numbers: dict[str, float]) -> None:
    assert 0 <= numbers['J-Mean'] <= 1
    assert len(list((out / 'valid_00000').iterdir())) == 3


def check_vot(out: Path, numbers: dict[str, float]) -> None:
    """The target that jumps away is lost, and given again five frames later."""
    states = read_trajectory(out / 'baseline/jumping/jumping_001.txt').states
    failures = np.flatnonzero(states == FAILED)
    assert states[0] == STARTED and len(failures) == numbers['lost'] >= 1
    assert (failures[0] <= JUMP) and 0 <= numbers['EAO'] <= 1
    for failure in failures:
        after = states[failure + 1 : failure + 6].tolist()
        assert after == [SKIPPED, SKIPPED, SKIPPED, SKIPPED, STARTED][: len(after)]
    assert ((states == STARTED) | (states == FAILED) | (states == SKIPPED) | (states == TRACKED)).all()


def check_youtube_vos(out: Path, numbers: dict[str, float], root: Path) -> None:
    """An object is in no map before its first listed frame nor after its last, and as given in the first."""
    assert 0 <= numbers['overall'] <= 1
    meta, seen = json.loads((root / 'valid/meta.json').read_text())['videos'], set()
    for video, entry in meta.items():
        for path in sorted((out / 'Annotations' / video).iterdir()):
            labels = read_label_map(path)
            for number in object_numbers(labels):
                frames = entry['objects'][str(number)]['frames']
                assert frames[0] <= path.stem <= frames[-1]
                seen.add((number, frames[0]))
    assert any(start > '00000' for _, start in seen)  # an object that came later was followed


@pytest.mark.parametrize('name', NAMES)
def test_a_config_tests_and_exports(
    name: str, tester: Callable[[str], Any], benchmarks: dict[str, Path], tmp_path: Path
) -> None:
    run = tester(name)
    assert isinstance(run, ResetTester) is ('vot' in name or name.endswith('_ld'))
    numbers = run.run()
    out = Path(run.export(tmp_path / 'results'))
    if isinstance(run, ResetTester):
        check_vot(out, numbers)
    elif 'youtubevos' in name:
        check_youtube_vos(out, numbers, benchmarks['YouTubeVOSDataset'])
    else:
        check_davis(out, numbers)

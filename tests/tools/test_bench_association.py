"""benchmarks/bench_association.py and the stages that make its input."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdet.datasets import MOTSDataset
from mmdet.datasets.shapes import KITTIMOTSWriter, ShapesConfig, make_shapes
from mmdet.engine.config import load_config, parse_overrides
from mmdet.engine.config_types import check_types
from mmdet.engine.detection_dump import DetectionDump
from mmdet.errors import DataError
from mmdet.ops import rle
from mmdet.registry import register_all
from mmdet.structures import FrameSample, InstanceData

SETS = {
    'holdout': dict(seqmap='seqmaps/train.seqmap', split='holdout'),
    'valid': dict(seqmap='seqmaps/val.seqmap'),
}


def store_truth(root: Path, folder: Path, dim: int, seed: int = 0) -> None:
    """True objects as stored detections, with a vector per object that is the same in all frames."""
    rng = np.random.default_rng(seed)
    for name, choice in SETS.items():
        data = MOTSDataset('instances_txt', str(root), test_mode=True, **choice)
        dump = DetectionDump(folder / name, track_head=folder.name)
        for video in data.videos:
            tracks = [a for a in data.ground_truth()['annotations'] if a['video_id'] == video.id]
            vectors = torch.from_numpy(rng.normal(size=(len(tracks), dim)) * 5).float()
            for frame in range(video.length):
                seen = [row for row, track in enumerate(tracks) if track['segmentations'][frame]]
                masks = [tracks[row]['segmentations'][frame] for row in seen]
                found = InstanceData()
                found.masks = [rle.normalise_rle(mask, video.height, video.width) for mask in masks]
                corner, extent = np.split(rle.to_bbox(found.masks).astype(np.float32), 2, axis=1)
                found.bboxes = np.concatenate([corner, corner + extent], 1)
                found.labels = np.array([tracks[row]['category_id'] - 1 for row in seen], np.int64)
                found.scores, found.embeddings = np.full(len(seen), 0.9, np.float32), vectors[seen].numpy()
                size = (video.height, video.width)
                sample = FrameSample(metainfo=dict(video_id=video.id, frame_id=frame, ori_shape=size))
                sample.pred_instances = found
                dump.add(sample)
            dump.finish()


@pytest.fixture(scope='module')
def seed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of one seed leaves, with the truth as masks."""
    folder = tmp_path_factory.mktemp('run')
    config = ShapesConfig(size=(64, 48), num_frames=3, classes=('square', 'star'), enter_probability=0)
    splits = {'train': 30, 'valid': 3}  # video 29 is held out
    make_shapes(folder / 'data', config, splits, fmt=KITTIMOTSWriter(), seed=1, progress=False)
    for vectors in ('points', 'reid'):
        store_truth(folder / 'data', folder / 'spatial_embedding' / vectors, 4)
    return folder


def test_table(script: Callable, seed_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = script('bench_association')
    out = tmp_path / 'table.md'
    assert bench.main([str(seed_folder), str(seed_folder), '--trials', '2', '--out', str(out)]) == 0
    head, _, *rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in out.read_text().splitlines()]
    assert head == ['association', 'sMOTSA', 'MOTSA', 'IDS', 'HOTA', 'AssA', 'IDF1']
    found = {row[0]: row[1:] for row in rows}
    assert list(found) == ['IoU of boxes', 'IoU of masks', 'MaskTrack, vectors of crops', 'DeepSORT', 'PointTrack']
    perfect = ['100.0 ± 0.0', '100.0 ± 0.0', '0.0 ± 0.0', '100.0 ± 0.0', '100.0 ± 0.0', '100.0 ± 0.0']
    assert found['PointTrack'] == perfect  # an object's vector never changes
    assert 'PointTrack: ' in capsys.readouterr().out


def test_other_masks_are_refused(script: Callable, seed_folder: Path, tmp_path: Path) -> None:
    bench = script('bench_association')
    (tmp_path / 'data').symlink_to(seed_folder / 'data')
    store_truth(tmp_path / 'data', tmp_path / 'spatial_embedding/points', 4)
    store_truth(tmp_path / 'data', tmp_path / 'spatial_embedding/reid', 4, seed=1)
    bench.Bench(tmp_path, 'spatial_embedding').check_masks()  # other vectors
    file = next((tmp_path / 'spatial_embedding/reid/valid').glob('*.npz'))
    with np.load(file) as arrays:
        changed = dict(arrays)
    np.savez(file, **{**changed, 'scores': changed['scores'] * 0.5})
    with pytest.raises(DataError, match='points, reid hold other masks of video'):
        bench.Bench(tmp_path, 'spatial_embedding').check_masks()
    with pytest.raises(DataError, match='run_shapes_mots'):
        bench.Bench(tmp_path, 'mask_rcnn')


def test_stages_are_commands_that_configs_take(script: Callable, repo_root: Path, tmp_path: Path) -> None:
    register_all()
    run = script('run_shapes_mots')
    args = run.parse(['--work-dir', str(tmp_path), '--mask-rcnn', '--train', 'train_cfg.max_iters=3'])
    lines = run.stages(args)
    assert list(lines)[:3] == ['data', 'segmenter', 'points'] and len(lines) == 15
    for line in lines.values():
        assert (repo_root / line[0]).is_file()
        if line[1].startswith('configs/'):
            options = parse_overrides(line[line.index('--cfg-options') + 1 :])
            check_types(load_config(repo_root / line[1], options).to_dict(), line[1])


@pytest.mark.slow
def test_all_stages(repo_root: Path, tmp_path: Path) -> None:
    few = ['--train-videos', '30', '--valid-videos', '1', '--processes', '1', '--train', 'train_cfg.max_iters=2']
    command = [sys.executable, 'benchmarks/run_shapes_mots.py', '--work-dir', str(tmp_path / 'run'), *few]
    for _ in range(2):
        done = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count('] done') == 8
    score = json.loads((tmp_path / 'run/score.json').read_text())
    assert {'sMOTSA', 'minutes of training', 'seed', 'seconds'} <= set(score)
    assert set(score['seconds']) >= {'data', 'segmenter', 'points', 'reid'}

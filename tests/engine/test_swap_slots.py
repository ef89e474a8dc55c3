"""Editing track_head and tracker of one config, with the same weights, changes the tracker and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmdet.engine.build import build_tester
from mmdet.engine.distributed import join_processes
from mmdet.registry import MODELS, register_all

HEAD, REID = 'the head of the config', 'a network on image crops'
EMBEDDER = dict(type='ReIDEmbedder', size=(8, 16), backbone=dict(type='DeepSORTNet', base_channels=2))
SWAPS = {
    'DeepSORT': (HEAD, dict(type='DeepSORTTracker', n_init=1, min_confidence=None, nms_max_overlap=1.0)),
    'another head': (REID, dict(type='MaskTrackTracker')),
    'another head and DeepSORT': (REID, dict(type='DeepSORTTracker', n_init=1, min_confidence=None)),
    'MaskTrack with motion': (HEAD, dict(type='MaskTrackTracker', motion='kalman')),
    'ByteTrack': (None, dict(type='ByteTracker', high_threshold=0.1, low_threshold=0.0, new_threshold=0.1)),
    'ByteTrack with a head': (HEAD, dict(type='ByteTracker', high_threshold=0.1, low_threshold=0.0, new_threshold=0.1)),
    'OC-SORT': (None, dict(type='OCSORTTracker', min_confidence=0.0, min_hits=0)),
    'SORT': (None, dict(type='SORTTracker', min_hits=0)),
    'IoU of boxes': (None, dict(type='IoUTracker')),
    'IoU of masks': (None, dict(type='IoUTracker', overlap='mask')),
    'no tracker': (None, None),
}


class Run:
    """One test of the config, with its detections on disk, its results and its model."""

    def __init__(self, config: Any, weights: Path, folder: Path) -> None:
        tester = build_tester(config, join_processes('none'), weights, evaluate=False, dump_dir=folder / 'dump')
        tester.infer()
        self.model = tester.model
        self.tracks = [result.to_json() for result in tester.results()]
        self.detections = {path.name: dict(np.load(path)) for path in sorted((folder / 'dump').iterdir())}


@pytest.fixture(scope='module')
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The run with the config as it is, made once."""
    return {'folder': tmp_path_factory.mktemp('swap')}


@pytest.fixture
def config(reduced_config: Callable, tmp_path: Path) -> Any:
    """MaskTrack R-CNN on the shapes, few detections, random weights."""
    config = reduced_config('masktrack_rcnn_r18_fpn_shapes', tmp_path)
    config.model.detector.roi_head.bbox_head.max_per_image = 5
    return config


@pytest.fixture
def first(config: Any, shared: dict[str, Any]) -> Run:
    """MaskTrack's own head and tracker."""
    if 'run' not in shared:
        register_all()
        torch.manual_seed(0)
        torch.save({'state_dict': MODELS.build(config.model).state_dict()}, shared['folder'] / 'w.pth')
        head = MODELS.build(dict(type='ReIDTrackHead', embedder=EMBEDDER))
        save_file(head.state_dict(), shared['folder'] / 'reid.safetensors')
        shared['run'] = Run(copy.deepcopy(config), shared['folder'] / 'w.pth', shared['folder'])
    return shared['run']


OF_THE_HEAD = {'embeddings', 'track_head'}  # in stored detections


def _stays(key: str, head: str | None) -> bool:
    return head == HEAD or not key.startswith('track_head.')


@pytest.mark.parametrize(('head', 'tracker'), SWAPS.values(), ids=SWAPS)
def test_swap(config: Any, first: Run, shared: dict[str, Any], tmp_path: Path, head: Any, tracker: dict | None) -> None:
    if head is None:
        config.model.track_head = None
    if head == REID:
        weights = str(shared['folder'] / 'reid.safetensors')
        config.model.track_head = dict(type='ReIDTrackHead', embedder=EMBEDDER, weights=weights)
    config.model.tracker = tracker
    second = Run(config, shared['folder'] / 'w.pth', tmp_path)
    assert second.detections.keys() == first.detections.keys()
    for name, arrays in first.detections.items():
        assert len(arrays['frames']) > 4
        assert set(second.detections[name]) == set(arrays) - (set() if head else OF_THE_HEAD)
        for key, values in second.detections[name].items():
            same = values.tobytes() == arrays[key].tobytes()
            assert same == (head != REID or key not in OF_THE_HEAD), f'{name}: {key}'
    kept = {key: value for key, value in second.model.state_dict().items() if _stays(key, head)}
    assert all(value.equal(first.model.state_dict()[key]) for key, value in kept.items())
    assert {key for key in first.model.state_dict() if _stays(key, head)} == kept.keys()
    assert second.tracks != first.tracks

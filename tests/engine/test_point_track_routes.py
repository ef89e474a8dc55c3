"""Both steps of PointTrack: weights in two files, in one, or masks stored by the first step give the same tracks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mmdet.checkpoints import load_file, load_weights, require_frozen_weights, save_weights
from mmdet.checkpoints.metadata import describe
from mmdet.engine.build import build_tester, build_trainer
from mmdet.engine.distributed import join_processes
from mmdet.engine.tuning import TrialRunner, TuningTask, usual_objective
from mmdet.errors import CheckpointError, ConfigError
from mmdet.registry import MODELS, register_all

BOTH = 'spatial_embedding_pointtrack_car_kitti_mots'
FINDS_MUCH = dict(type='EmbeddingClusterer', seed_threshold=0.1, foreground=0.1, min_pixels=4, max_seeds=6)


@pytest.fixture
def both(reduced_config: Callable, tmp_path: Path) -> Any:
    """The config of both steps, whose untrained segmenter finds something."""
    config = reduced_config(BOTH, tmp_path / 'both')
    config.model.detector.clusterer = dict(FINDS_MUCH)
    return config


@pytest.fixture
def files(both: Any, tmp_path: Path) -> dict[str, Path]:
    """Weights of a segmenter, of a track head, and of both."""
    register_all()
    torch.manual_seed(3)
    model = MODELS.build(both.model)
    state, found = model.state_dict(), {}
    for name, prefix in (('detector', 'detector.'), ('head', 'track_head.'), ('whole', '')):
        own = {key: value for key, value in state.items() if key.startswith(prefix)}
        found[name] = tmp_path / f'{name}.safetensors'
        meta = describe(model)  # a head trained behind annotations does not tell the segmenter's normalisation
        save_weights(own, found[name], {'track_head': meta['track_head']} if name == 'head' else meta)
    return found


def tracks(config: Any, weights: Path, folder: Path, dump: Path | None = None) -> str:
    """What a test writes, all sequences together."""
    tester = build_tester(config, join_processes('none'), weights, dump_dir=dump)
    tester.run()
    tester.export(folder)
    return '\n'.join(file.read_text() for file in sorted(folder.glob('*.txt')))


def test_all_routes_give_the_same_tracks(
    both: Any, files: dict[str, Path], reduced_config: Callable, tmp_path: Path
) -> None:
    whole = tracks(both, files['whole'], tmp_path / 'whole')
    assert len(whole.splitlines()) > 10
    both.model.track_head.weights = str(files['head'])
    assert tracks(both, files['detector'], tmp_path / 'two_files') == whole
    first = reduced_config('spatial_embedding_erfnet_kitti_mots_car', tmp_path / 'first')
    first.model.detector.clusterer = dict(FINDS_MUCH)
    tracks(first, files['detector'], tmp_path / 'segmented', tmp_path / 'dets')
    second = reduced_config('pointtrack_car_kitti_mots', tmp_path / 'second')
    second.model.detector = dict(type='PrecomputedDetector', path=str(tmp_path / 'dets'))
    assert tracks(second, files['head'], tmp_path / 'two_steps') == whole


def test_the_tracker_is_tuned_on_stored_vectors(both: Any, files: dict[str, Path], tmp_path: Path) -> None:
    tracks(both, files['whole'], tmp_path / 'whole', tmp_path / 'dets')
    rows = [(file.name, line.split()[1]) for file in (tmp_path / 'whole').glob('*.txt') for line in file.open()]
    (tmp_path / 'config.py').write_text(both.pretty_text)
    runner = TrialRunner(TuningTask(str(tmp_path / 'config.py'), str(tmp_path / 'dets'), usual_objective(both)))
    same, none = (runner.run({'threshold': limit}).numbers for limit in (both.model.tracker.threshold, 100.0))
    assert 'sMOTSA' in same
    assert same['IDs'] == len(set(rows)) < len(rows) == none['IDs']


def test_one_file_alone_is_refused(both: Any, files: dict[str, Path], tmp_path: Path) -> None:
    for name in ('detector', 'head'):
        with pytest.raises(CheckpointError, match=r'left random|another model'):
            tracks(both, files[name], tmp_path)


def test_a_head_that_is_set_up_unlike_its_weights(both: Any, files: dict[str, Path]) -> None:
    both.model.track_head.update(weights=str(files['head']), compat=True)
    with pytest.raises(CheckpointError, match=r'track_head\.compat is True and the weights need False'):
        load_weights(MODELS.build(both.model), files['detector'], require_complete=True)


def test_training_keeps_the_segmenter_and_writes_both(both: Any, files: dict[str, Path]) -> None:
    both.load_from = str(files['detector'])
    trainer = build_trainer(both, join_processes('none'))
    assert trainer.train()
    fresh = MODELS.build(both.model)
    load_weights(fresh, Path(both.work_dir) / 'last.safetensors', require_complete=True)
    start = load_file(files['detector'])['state_dict']
    assert all(value.equal(fresh.state_dict()[key]) for key, value in start.items())


def test_a_frozen_detector_needs_weights(both: Any, files: dict[str, Path]) -> None:
    both.load_from = None
    with pytest.raises(ConfigError, match=r'trains around detector, which stay.*set load_from'):
        build_trainer(both, join_processes('none')).train()
    part = files['whole']
    model = MODELS.build(both.model)
    state = {key: value for key, value in model.state_dict().items() if 'branches.0' not in key}
    save_weights(state, part, {})
    both.load_from = str(part)
    with pytest.raises(CheckpointError, match=r'keeps as they are loaded \(detector\)'):
        build_trainer(both, join_processes('none')).train()


def test_a_detector_without_weights_needs_none(reduced_config: Callable, tmp_path: Path) -> None:
    config = reduced_config('pointtrack_car_kitti_mots', tmp_path)
    config.model.detector_trains_on = 'none'
    require_frozen_weights(MODELS.build(config.model), None)

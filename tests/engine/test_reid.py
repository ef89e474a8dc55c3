"""Training, testing and using a re-identification network, from the config to the track head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.checkpoints import load_parts
from mmdet.datasets.base import ChunkIndex
from mmdet.datasets.shapes import ShapesConfig, make_shapes
from mmdet.engine.build import build_tester, build_trainer
from mmdet.engine.config import load_config
from mmdet.engine.distributed import Process, join_processes
from mmdet.engine.retrieval_test import RetrievalTester
from mmdet.errors import ConfigError, DataError
from mmdet.models import Clip, Detector, ReIDTrackHead
from mmdet.registry import DATASETS
from mmdet.structures import InstanceData

ITERATIONS = 55


def small_config(root: Path, shapes: Path, work: Path) -> Any:
    """``reid_deepsort_shapes.py`` at half its width, on crops of 24 x 24 and videos of 96 x 64 pixels."""
    config = load_config(root / 'configs/reid_deepsort_shapes.py')
    config.model.embedder.update(size=(24, 24))
    config.model.embedder.backbone.base_channels = 8
    for name in ('train', 'test'):
        loader = config[f'{name}_dataloader']
        loader.num_workers = 0
        loader.dataset.videos.data_root = str(shapes)
    config.train_dataloader.dataset.pipeline[0].scale = (24, 24)
    config.test_dataloader.dataset.update(camera_frames=3, queries_per_track=None)
    config.train_cfg = dict(max_iters=ITERATIONS)
    config.optim_wrapper.optimizer.lr = 0.003
    config.param_scheduler = []
    config.work_dir = str(work)
    return config


@pytest.fixture(scope='module')
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of 6 frames with three to five objects each."""
    config = ShapesConfig(
        size=(96, 64), num_frames=6, objects=(3, 5), lookalike_probability=0, enter_probability=0, leave_probability=0
    )
    folder = tmp_path_factory.mktemp('reid') / 'set'
    return make_shapes(folder, config, {'train': 16, 'valid': 6}, progress=False)


@pytest.fixture(scope='module')
def trained(repo_root: Path, shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The config of a finished run, with the numbers of the random network under ``before``."""
    config = small_config(repo_root, shapes, tmp_path_factory.mktemp('run'))
    process = join_processes('none')
    trainer = build_trainer(config, process)
    untrained = trainer.state.model
    tester = build_test(config, process, untrained)
    before = tester.run()
    assert trainer.train()
    return config, before


def build_test(config: Any, process: Process, model: torch.nn.Module) -> RetrievalTester:
    from mmdet.datasets import build_test_loader
    from mmdet.engine.build import build_metrics

    loader = build_test_loader(config.test_dataloader, 32)
    folder = Path(config.work_dir) / 'before'
    return RetrievalTester(model, loader, process, folder, build_metrics(config.test_evaluator))


def chance(tester: RetrievalTester) -> float:
    """Rank-1 of answers drawn at random."""
    table = tester.dataset.table
    same = table.identities[:, None] == table.identities[None]
    seen = ~(same & (table.cameras[:, None] == table.cameras[None]))
    return float(np.mean((same & seen).sum(1) / seen.sum(1)))


def test_training_tells_unseen_objects_apart(trained: tuple[Any, dict]) -> None:
    config, before = trained
    tester = build_tester(config, join_processes('none'), Path(config.work_dir) / 'last.safetensors')
    after = tester.run()
    assert after is not None
    assert isinstance(tester, RetrievalTester)
    assert chance(tester) < 0.1
    assert after['rank1'] > 0.7
    assert after['mAP'] > before['mAP'] + 0.1
    entries = json.loads(Path(tester.export(Path(config.work_dir) / 'r.json')).read_text())
    assert len(entries) == len(tester.dataset)
    assert np.mean([entry['right'][0] for entry in entries]) == pytest.approx(after['rank1'])
    tester.remove_results()
    assert not tester.folder.exists()


@torch.no_grad()
def test_the_track_head_gives_the_vectors_of_the_test(trained: tuple[Any, dict]) -> None:
    config, _ = trained
    weights = str(Path(config.work_dir) / 'last.safetensors')
    tester = build_tester(config, join_processes('none'), weights)
    tester.infer()
    crops, vectors = tester.dataset, tester.results()
    head = ReIDTrackHead(config.model.embedder, weights)
    load_parts(head)
    pipeline = [dict(type='LoadFrames'), dict(type='PackClip')]
    videos = DATASETS.build({**config.test_dataloader.dataset.videos, 'test_mode': True, 'pipeline': pipeline})
    clip = videos[ChunkIndex(0, 0, 6)]
    boxes: list[list[list[float]]] = [[] for _ in range(6)]
    expected: list[list[np.ndarray]] = [[] for _ in range(6)]
    for index in range(len(crops)):
        row, frame = int(crops._rows[index]), int(crops._frame_ids[index])
        if videos.table.video[row] == 0:
            x, y, w, h = videos.table.bboxes[int(videos.table.slot_starts[row]) + frame].tolist()
            boxes[frame].append([x, y, x + w, y + h])
            expected[frame].append(vectors[index])
    detections = [InstanceData(bboxes=torch.tensor(rows).reshape(-1, 4)) for rows in boxes]
    frames = clip['inputs']
    found = head.embed(Clip(frames.float(), clip['data_samples'], (), Detector.convention, frames), detections)
    assert sum(len(rows) for rows in boxes) > 10
    np.testing.assert_allclose(torch.cat(found).numpy(), np.concatenate(expected), atol=1e-5)


def test_two_processes_fill_one_folder(trained: tuple[Any, dict], tmp_path: Path) -> None:
    config, _ = trained
    weights = Path(config.work_dir) / 'last.safetensors'
    whole = build_tester(config, join_processes('none'), weights)
    whole.infer()
    shared = RetrievalTester(whole.model, whole.loader, whole.process, tmp_path)
    for rank in range(2):
        part = build_tester(config, Process(), weights)
        part.folder, part.process.rank = tmp_path, rank
        part.loader.batch_sampler.indices = range(rank, len(part.dataset), 2)
        part.clear = lambda: None  # type: ignore[method-assign]
        part.infer()
        if rank == 0:
            with pytest.raises(DataError, match='run the test again'):
                shared.results()
    np.testing.assert_allclose(shared.results(), whole.results(), atol=1e-5)


def test_resuming_continues_to_the_same_bits(repo_root: Path, shapes: Path, tmp_path: Path) -> None:
    process, states = join_processes('none'), []
    for name, stops in (('whole', (4,)), ('parts', (2, 4))):
        config = small_config(repo_root, shapes, tmp_path / name)
        for stop in stops:
            config.train_cfg = dict(max_iters=stop)
            trainer = build_trainer(config, process)
            trainer.train(tmp_path / name)
        states.append(trainer.state.model.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_models_and_data_sets_of_different_tasks(repo_root: Path, shapes: Path, tmp_path: Path) -> None:
    config = small_config(repo_root, shapes, tmp_path)
    config.train_dataloader.dataset = {**config.train_dataloader.dataset.videos, 'pipeline': [dict(type='PackClip')]}
    del config.train_dataloader['sampler']
    with pytest.raises(ConfigError, match='ReIDNet is a model for retrieval and YouTubeVISDataset a data set for'):
        build_trainer(config, join_processes('none'))


def test_what_a_test_of_crops_cannot_do(trained: tuple[Any, dict], tmp_path: Path) -> None:
    config, _ = trained
    weights = Path(config.work_dir) / 'last.safetensors'
    with pytest.raises(ConfigError, match='no detections'):
        build_tester(config, join_processes('none'), weights, dump_dir=tmp_path)
    with pytest.raises(ConfigError, match='--out'):
        build_tester(config, join_processes('none'), weights).draw(tmp_path)

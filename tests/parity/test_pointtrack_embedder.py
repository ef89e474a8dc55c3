"""PointTrack's point sampling and embedding network against the original: same draws, points, attention and vectors."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.checkpoints import convert, load_weights
from mmdet.models import GroundTruthDetector, PointTrackHead, VideoInstanceSegmenter
from mmdet.models.losses import batch_hard_triplet
from mmdet.models.track_heads.points.position import compat_box_shapes, encode_positions
from mmdet.models.track_heads.points.regions import find_regions
from mmdet.models.track_heads.points.sampling import FrameView, InstancePoints

TOLERANCE = 1e-4


@pytest.fixture(scope='module')
def meta(parity_dir: Path) -> dict:
    return json.loads((parity_dir / 'pointtrack_embedder/meta.json').read_text())


@pytest.fixture(scope='module')
def arrays(parity_dir: Path) -> tuple[dict, dict]:
    folder = parity_dir / 'pointtrack_embedder'
    return dict(np.load(folder / 'inputs.npz')), dict(np.load(folder / 'expected.npz'))


@pytest.fixture(scope='module')
def head(parity_dir: Path, meta: dict, tmp_path_factory: pytest.TempPathFactory) -> PointTrackHead:
    """A head with the stand-in weights, through a checkpoint as the original writes it and the converter."""
    folder, work = parity_dir / 'pointtrack_embedder', tmp_path_factory.mktemp('pointtrack')
    spec = importlib.util.spec_from_file_location('stand_in_weights', parity_dir / 'stand_in_weights.py')
    module: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    keys = [row[:2] for row in json.loads((folder / 'keys.json').read_text())]
    weights = module.checkpoint(keys, meta['seed'], meta['gains'], meta.get('centred', ()))
    state = {key: torch.from_numpy(np.asarray(value)) for key, value in weights.items()}
    torch.save({'epoch': 1, 'model_state_dict': state}, work / 'PointTrack.pth')
    report = convert(work / 'PointTrack.pth', work / 'ours.safetensors')
    assert report.family == 'pointtrack' and not report.dropped and len(report.renamed) == len(keys)
    model = VideoInstanceSegmenter(
        dict(type=GroundTruthDetector), track_head=dict(type=PointTrackHead, compat=True),
        tracker=dict(type='PointTrackTracker'),
    ).eval()  # fmt: skip
    load_weights(model, work / 'ours.safetensors', require_complete=True)
    return model.track_head


def _frames(inputs: dict) -> list[int]:
    return sorted({int(name.split('/')[0].removeprefix('frame')) for name in inputs})


def _view(inputs: dict, frame: int) -> FrameView:
    ids = inputs[f'frame{frame}/instance_map']
    masks = torch.from_numpy(np.stack([ids == i for i in np.unique(ids)[1:]]))
    image = torch.from_numpy(inputs[f'frame{frame}/image']).permute(2, 0, 1)
    return FrameView(image, masks, torch.zeros(len(masks), dtype=torch.int64))


def _points(head: PointTrackHead, inputs: dict, frame: int, distinct: bool) -> InstancePoints:
    """Our points for the original's draws."""
    view = _view(inputs, frame)
    regions = find_regions(view.masks, compat=True)
    count = len(view.masks)
    own = torch.from_numpy(np.stack([inputs[f'frame{frame}/draw_fg_{i}'] for i in range(count)])).long()
    none = np.zeros(head.sampler.num_context, np.int64)
    around = torch.from_numpy(np.stack([inputs.get(f'frame{frame}/draw_env_{i}', none) for i in range(count)])).long()
    return head.sampler.points_at(view, regions, own, around, distinct)


def test_points(head: PointTrackHead, arrays: tuple[dict, dict], meta: dict) -> None:
    inputs, _ = arrays
    for frame in _frames(inputs):
        points = _points(head, inputs, frame, distinct=False)
        expected = torch.from_numpy(inputs[f'frame{frame}/points'])  # (N, 1500, 8)
        own, around = expected.split([head.sampler.num_foreground, head.sampler.num_context], 1)
        assert points.foreground.drawn(points.foreground.values).sub(own[..., :5]).abs().max() <= 1e-6
        assert points.context.drawn(points.context.values).sub(around[..., :5]).abs().max() <= 1e-6
        kinds = head.network.context.categories[points.context.kinds].view(*around.shape[:2], 3)
        assert kinds.sub(around[..., 5:]).abs().max() <= 1e-6


def test_number_of_candidates(arrays: tuple[dict, dict], meta: dict) -> None:
    inputs, _ = arrays
    for row in meta['instances']:
        regions = find_regions(_view(inputs, row['frame']).masks, compat=True)
        assert regions.counts[row['row']] == row['foreground_candidates']
        assert regions.context_counts[row['row']] == row['environment_candidates']


@torch.no_grad()
@pytest.mark.parametrize('distinct', [False, True], ids=['every draw', 'every pixel once'])
def test_embeddings(head: PointTrackHead, arrays: tuple[dict, dict], distinct: bool) -> None:
    inputs, expected = arrays
    for frame in _frames(inputs):
        points = _points(head, inputs, frame, distinct)
        result = head.describe(points)
        for name, value in (('embeddings', result.vectors), ('attention', result.weights)):
            assert value.sub(torch.from_numpy(expected[f'frame{frame}/{name}'])).abs().max() < TOLERANCE, name
        positions = encode_positions(compat_box_shapes(points.bboxes))
        assert positions.sub(torch.from_numpy(expected[f'frame{frame}/location'])).abs().max() < TOLERANCE
        theirs = torch.from_numpy(expected[f'frame{frame}/env_argmax']).long()
        assert same_winners(points, result.winners, theirs) >= 0.995


def same_winners(points: InstancePoints, ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Share of maxima (N, 256) that are held by the same pixel; it may have been drawn more than once."""
    around = points.context
    drawn = around.drawn(torch.cat([around.values, around.kinds[:, None].float()], 1))  # (N, C, 6)
    first, second = (drawn.gather(1, winners[..., None].expand(-1, -1, 6)) for winners in (ours, theirs))
    return (first == second).all(-1).float().mean().item()


def test_triplet_loss(arrays: tuple[dict, dict], meta: dict) -> None:
    _, expected = arrays
    vectors, labels = (torch.from_numpy(expected[f'triplet/{name}']) for name in ('embeddings', 'labels'))
    loss = batch_hard_triplet(vectors, labels, meta['config']['margin'], count_alone=True)
    assert loss.item() == pytest.approx(float(expected['triplet/loss'][0]), abs=1e-5)

"""PointTrack's association network: every tensor has its place, and nothing is used silently."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mmdet.checkpoints import convert, load_weights
from mmdet.checkpoints.families import matching
from mmdet.checkpoints.families.point_track import POINT_TRACK, invert
from mmdet.checkpoints.state import shapes_of
from mmdet.errors import CheckpointError
from mmdet.models import VideoInstanceSegmenter
from mmdet.registry import register_all


def model(compat: bool = True, base: int = 4) -> VideoInstanceSegmenter:
    register_all()
    torch.manual_seed(0)
    head = dict(type='PointTrackHead', base_channels=base, compat=compat)
    tracker = dict(type='PointTrackTracker')
    return VideoInstanceSegmenter(dict(type='GroundTruthDetector'), track_head=head, tracker=tracker)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A checkpoint as the original program writes it."""
    old, report = invert(model().state_dict())
    assert len(old) == 104 and not report.dropped
    path = tmp_path / 'PointTrack.pth'
    state = {f'module.{key}': value for key, value in old.items()}
    torch.save({'epoch': 3, 'best_iou': 0.5, 'model_state_dict': state, 'optim_state_dict': {}}, path)
    return path


def test_t20_names_and_shapes() -> None:
    old, _ = invert(model(base=64).state_dict())
    shapes = shapes_of(old)
    assert shapes['point_feat.borderConv.conv6.weight'] == (256, 512, 1)
    assert shapes['point_feat.conv_weight.weight'] == (1, 128, 1)
    assert shapes['point_feat.last_emb.0.weight'] == (256, 960)
    assert shapes['point_feat.conv9.bias'] == (64,)
    assert 'point_feat.conv9_bn.weight' not in shapes and 'point_feat.e_conv3_bn.running_var' in shapes
    assert matching(shapes, {}) == [POINT_TRACK]


def test_t20_every_key_of_the_published_network(parity_dir: Path) -> None:
    table = parity_dir.parent / 'specs/pointtrack_checkpoint_keys.tsv'
    if not table.is_file():
        pytest.skip(f'{table} is not there')
    rows = [line.split('\t') for line in table.read_text().splitlines()]
    published = {
        name.removeprefix('module.'): tuple(int(n) for n in shape.split('x') if n != 'scalar')
        for kind, name, shape, _ in rows
        if kind == 'pointtrack'
    }
    assert shapes_of(invert(model(base=64).state_dict())[0]) == published


def test_there_and_back(original: Path, tmp_path: Path) -> None:
    report = convert(original, tmp_path / 'ours.safetensors')
    assert report.family == 'pointtrack' and not report.dropped and len(report.renamed) == 104
    other = model()
    for parameter in other.parameters():
        torch.nn.init.constant_(parameter, 9)
    load_weights(other, tmp_path / 'ours.safetensors', require_complete=True)
    for name, value in model().state_dict().items():
        assert other.state_dict()[name].equal(value), name


def test_a_tensor_without_counterpart_is_reported(original: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(original, weights_only=True)
    checkpoint['model_state_dict']['module.point_feat.extra.weight'] = torch.zeros(3)
    torch.save(checkpoint, original)
    report = convert(original, tmp_path / 'ours.safetensors')
    assert [entry.key for entry in report.dropped] == ['point_feat.extra.weight']


def test_they_need_compat(original: Path, tmp_path: Path) -> None:
    convert(original, tmp_path / 'ours.safetensors')
    with pytest.raises(CheckpointError, match=r'track_head\.compat is False and the weights need True'):
        load_weights(model(compat=False), tmp_path / 'ours.safetensors', require_complete=True)


def test_t20_never_random(original: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        load_weights(model(), tmp_path / 'missing.safetensors', require_complete=True)
    with pytest.raises(CheckpointError, match='Convert it first'):
        load_weights(model(), original, require_complete=True)
    checkpoint = torch.load(original, weights_only=True)
    del checkpoint['model_state_dict']['module.point_feat.last_emb.2.bias']
    torch.save(checkpoint, original)
    convert(original, tmp_path / 'ours.safetensors')
    with pytest.raises(CheckpointError, match=r'left random: track_head\.network\.output\.bias'):
        load_weights(model(), tmp_path / 'ours.safetensors', require_complete=True)


def test_a_track_head_alone_serves_any_classes(tmp_path: Path) -> None:
    torch.save({'state_dict': model().state_dict(), 'meta': {'classes': ['car']}}, tmp_path / 'last.pth')
    load_weights(model(), tmp_path / 'last.pth', require_complete=True, classes=['cat', 'dog'])


def test_own_weights_of_a_track_head_alone(tmp_path: Path) -> None:
    torch.save({'state_dict': model().state_dict(), 'meta': {}}, tmp_path / 'last.pth')
    report = convert(tmp_path / 'last.pth', tmp_path / 'ours.safetensors')
    assert report.family == 'own' and len(report.loaded) == 104

"""Both checkpoints of PointTrack's original program: each of their 537 keys is mapped or named as dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mmdet.checkpoints import convert, load_file, load_weights
from mmdet.registry import MODELS, register_all

BOTH = 'spatial_embedding_pointtrack_car_kitti_mots'
FAMILIES = {'spatial_embedding': 433, 'pointtrack': 104}


@pytest.fixture
def published(parity_dir: Path, tmp_path: Path) -> dict[str, Path]:
    """A file per network with every published key, shape and type, and values of noise."""
    table = parity_dir.parent / 'specs/pointtrack_checkpoint_keys.tsv'
    if not table.is_file():
        pytest.skip(f'{table} is not there')
    torch.manual_seed(0)
    files = {}
    for family, count in FAMILIES.items():
        rows = [line.split('\t') for line in table.read_text().splitlines() if line.startswith(f'{family}\t')]
        state = {name: _noise(shape, kind) for _, name, shape, kind in rows}
        assert len(state) == count
        files[family] = tmp_path / f'{family}.pth'
        torch.save({'epoch': 1, 'model_state_dict': state, 'optim_state_dict': {}}, files[family])
    return files


def _noise(shape: str, kind: str) -> torch.Tensor:
    size = [int(n) for n in shape.split('x') if n.isdigit()]
    return torch.rand(size) if 'float' in kind else torch.zeros(size, dtype=torch.int64)


def test_t20_all_keys_of_both_networks(published: dict[str, Path], repo_root: Path, tmp_path: Path) -> None:
    from mmdet.engine.config import load_config

    register_all()
    converted, mapped, dropped = {}, 0, []
    for family, file in published.items():
        converted[family] = tmp_path / f'{family}.safetensors'
        report = convert(file, converted[family])
        assert report.family == family
        mapped += len(report.renamed)
        dropped += [entry.key for entry in report.dropped]
    assert dropped == ['encoder.output_conv.weight', 'encoder.output_conv.bias']
    assert mapped + len(dropped) == 537
    options = {'model.track_head.compat': True, 'model.track_head.weights': str(converted['pointtrack'])}
    model = MODELS.build(load_config(repo_root / f'configs/{BOTH}.py', options).model)
    load_weights(model, converted['spatial_embedding'], require_complete=True)
    own = model.state_dict()
    for file in converted.values():
        assert all(own[key].equal(value) for key, value in load_file(file)['state_dict'].items())

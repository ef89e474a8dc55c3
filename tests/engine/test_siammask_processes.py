"""The base network on two processes, across the iteration in which its backbone begins to train."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from mmdet.checkpoints import load_file
from mmdet.engine.build import build_trainer
from mmdet.engine.distributed import STORE_VARIABLE, join_processes, leave_processes


def train_as(rank: int, port: int, config: Any) -> None:
    """One of two processes."""
    os.environ.update(WORLD_SIZE='2', RANK=str(rank), LOCAL_RANK=str(rank), GLOO_SOCKET_IFNAME='lo')
    os.environ[STORE_VARIABLE] = f'127.0.0.1:{port}'
    assert build_trainer(config, join_processes()).train()
    leave_processes()


def losses(folder: Path) -> list[float]:
    lines = [json.loads(line) for line in (folder / 'scalars.jsonl').read_text().splitlines()]
    return [line['loss'] for line in lines if line['mode'] == 'train']


@pytest.fixture
def base_config(reduced_config: Callable) -> Callable[[Path, int], Any]:
    """``base_config(folder, batch_size)``: two iterations with the backbone frozen and two without.

    Groups are normalised in place of batches, whose statistics are those of each process.
    """

    def make(folder: Path, batch_size: int) -> Any:
        config = reduced_config('siammask_base_r50_davis', folder)
        for part in ('neck', 'rpn_head', 'mask_head'):
            config.model[part].norm_cfg = dict(type='GN', num_groups=2)
        config.train_cfg, config.log_cfg = dict(max_epochs=2), dict(interval=1)
        config.train_dataloader.batch_size = batch_size
        return config

    return make


def test_unfreezing_on_two_processes_is_as_on_one(base_config: Callable, tmp_path: Path) -> None:
    store = dist.TCPStore('127.0.0.1', 0, is_master=True, wait_for_workers=False)
    context = multiprocessing.get_context('fork')
    config = base_config(tmp_path / 'two', 1)
    ranks = [context.Process(target=train_as, args=(rank, store.port, config)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(300)
        rank.kill()
    assert [rank.exitcode for rank in ranks] == [0, 0]
    trainer = build_trainer(base_config(tmp_path / 'one', 2), join_processes('none'))
    before = {name: value.clone() for name, value in trainer.state.model.state_dict().items()}
    assert trainer.train()
    assert losses(tmp_path / 'two') == pytest.approx(losses(tmp_path / 'one'), rel=1e-4)
    one, two = (load_file(tmp_path / name / 'epoch_2.pth')['state_dict'] for name in ('one', 'two'))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-5, msg=name)
    changed = {name for name in one if not torch.equal(one[name], before[name])}
    assert {'backbone.layer2.0.conv1.weight', 'backbone.layer3.5.conv1.weight'} <= changed
    assert not any(name.startswith(('backbone.conv1', 'backbone.layer1')) for name in changed)

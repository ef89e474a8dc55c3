"""docs/training.md states the learning rates and batches of the configs, and its commands follow its rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mmdet.engine.config import load_config, parse_overrides

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / 'docs/training.md').read_text()
ROW = re.compile(r'^\| (`.*?) \| (\d+) × (\d+) \| ([\d.]+) \|$', re.M)
RATE = 'optim_wrapper.optimizer.lr'


def rows() -> dict[str, tuple[int, int, float]]:
    """(processes, batch, learning rate) by config, as the table says."""
    found = {}
    for names, processes, batch, rate in ROW.findall(TEXT):
        found |= {name: (int(processes), int(batch), float(rate)) for name in re.findall(r'`(\w+\.py)`', names)}
    return found


def config_of(name: str) -> Config:
    return load_config(ROOT / 'configs' / name)


@pytest.mark.parametrize('name', rows())
def test_table_says_what_the_config_says(name: str) -> None:
    config, (_, batch, rate) = config_of(name), rows()[name]
    assert (config.train_dataloader.batch_size, config.optim_wrapper.optimizer.lr) == (batch, rate)
    assert config.optim_wrapper.optimizer.type == 'SGD'


def test_all_12e_configs_are_alike() -> None:
    for path in ROOT.glob('configs/*_12e_*.py'):
        config = load_config(path)
        assert (config.train_dataloader.batch_size, config.optim_wrapper.optimizer.lr) == (1, 0.00125), path.name


def test_commands_follow_the_linear_rule() -> None:
    commands = re.findall(rf'configs/(\w+\.py) --gpus (\d+) --cfg-options ({RATE}=\S+)', TEXT)
    assert len(commands) > 3
    for name, gpus, option in commands:
        processes, _, rate = rows()[name]
        assert parse_overrides([option])[RATE] == pytest.approx(rate * int(gpus) / processes)


def test_the_other_ways_keep_the_total() -> None:
    batch = re.search(r'configs/(\w+\.py) --gpus (\d+) --cfg-options train_dataloader.batch_size=(\d+)', TEXT)
    assert batch
    processes, own, _ = rows()[batch[1]]
    assert int(batch[2]) * int(batch[3]) == processes * own
    steps = re.search(r'(\w+\.py) \S+ \S+accumulative_counts=(\d+) \\\s+param_scheduler.0.end=(\d+)', TEXT)
    assert steps
    count = int(steps[2])
    assert count == rows()[steps[1]][0] * rows()[steps[1]][1]
    assert int(steps[3]) - 1 == count * (config_of(steps[1]).param_scheduler[0].end - 1)


def test_names_torchvisions_file() -> None:
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

    assert MaskRCNN_ResNet50_FPN_Weights.COCO_V1.url in TEXT

"""One trial: a whole model with given settings over a config's test set, and the numbers of its evaluator."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmdet.engine.build import build_tester
from mmdet.engine.config import load_config, to_json
from mmdet.engine.config_types import check_types
from mmdet.engine.distributed import Process
from mmdet.engine.tuning.journal import Trial
from mmdet.engine.tuning.runner import content_hash
from mmdet.errors import ConfigError

__all__ = ['ModelRunner', 'ModelTask']


@dataclass(frozen=True)
class ModelTask:
    """What is searched for; every worker process reads it for itself.

    Attributes:
        config: config file.
        checkpoint: weights.
        work_dir: folder of intermediate results.
        overrides: of the config.
        trust: run what a pickled checkpoint asks for.
    """

    config: str
    checkpoint: str
    work_dir: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    trust: bool = False

    def load(self, params: Mapping[str, Any] | None = None) -> Config:
        """The config with settings by their dotted places."""
        return load_config(self.config, {**self.overrides, **(params or {})})

    def check(self, points: Iterable[Mapping[str, Any]]) -> None:
        """Refuse settings that the config has no place for, before any test is run.

        Raises:
            ConfigError: naming the setting and what is near it.
        """
        for point in points:
            check_types(self.load(point).to_dict(), f'{self.config} with {dict(point)}' if point else self.config)

    def runner(self, worker: int = 0) -> ModelRunner:
        """A runner of this process, the ``worker``-th of those that share the GPUs."""
        return ModelRunner(self, device_of(worker))

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What all trials have in common."""
        return {'config': to_json(self.load()), 'weights': content_hash(Path(self.checkpoint).expanduser())}


class ModelRunner:
    """Builds model, data and metrics anew for every trial, as any of their settings may change.

    Args:
        task: what is searched for.
        device: where its models compute.
    """

    def __init__(self, task: ModelTask, device: torch.device) -> None:
        self.task, self.device = task, device

    def run(self, params: Mapping[str, Any]) -> Trial:
        """Test and evaluate.

        A trial whose settings are refused says so in its ``problem``, and the search goes on. The config as it is has
        to work.

        Raises:
            MMDetError: the checkpoint or the data do not work.
        """
        start = time.perf_counter()
        config = self.task.load(params)
        config.work_dir = self.task.work_dir
        try:
            tester = build_tester(config, Process(device=self.device), self.task.checkpoint, trust=self.task.trust)
        except ConfigError as error:
            if not params:
                raise  # the config as it is
            return Trial(dict(params), {}, problem=str(error))
        tester.infer()
        numbers = {name: float(value) for name, value in tester.evaluate().items()}
        tester.remove_results()
        return Trial(dict(params), numbers, seconds=round(time.perf_counter() - start, 3))


def device_of(worker: int) -> torch.device:
    """The GPU of the ``worker``-th process, in turn over all GPUs; the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device('cpu')
    return torch.device('cuda', worker % torch.cuda.device_count())

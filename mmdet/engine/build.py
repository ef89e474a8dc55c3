"""From a config to a trainer or a tester: what the tools call."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from torch import nn

from mmdet.checkpoints import load_weights
from mmdet.datasets.loader import build_test_loader, build_train_loader
from mmdet.engine.detection_dump import DetectionDump
from mmdet.engine.distributed import Process
from mmdet.engine.random_state import seed_everything
from mmdet.engine.trainer import Trainer
from mmdet.engine.video_test import VideoTester, require_annotations
from mmdet.engine.vot_reset import ResetTester
from mmdet.errors import ConfigError
from mmdet.files import write_text
from mmdet.registry import HOOKS, METRICS, MODELS, register_all

log = logging.getLogger('mmdet.build')

CHUNK_SIZE = 4  # frames that go through the detector together in a test


def default_work_dir(config: Config) -> str:
    """Where a run keeps its files: the config's ``work_dir``, else ``work_dirs/<name of the config>``."""
    return config.get('work_dir') or str(Path('work_dirs') / Path(config.filename or 'run').stem)


def build_trainer(config: Config, process: Process) -> Trainer:
    """Seed everything, then build model, data and training loop; identical on every process but for its share of data.

    Raises:
        ConfigError: a part is missing, misspelt, or does not fit another.
        DataError: the training data cannot be read.
    """
    _need(config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
    register_all()
    seed, deterministic = _apply_environment(config)
    model = MODELS.build(config.model).to(process.device)
    loader = build_train_loader(config.train_dataloader, seed, process.rank, process.world_size)
    check_classes(config, loader.dataset)
    validator = _build_validator(config, model, process)
    seed_everything(seed + process.rank, deterministic)  # dropout differs between processes, weights do not
    return Trainer(config, process, model, loader, validator, build_hooks(config.get('custom_hooks')))


def _apply_environment(config: Config) -> tuple[int, bool]:
    """Seed everything and set up cuDNN as ``seed`` and ``env_cfg`` say; seed and whether only sure bits are wanted."""
    environment = config.get('env_cfg') or {}
    seed, deterministic = int(config.get('seed') or 0), bool(environment.get('deterministic', False))
    torch.backends.cudnn.benchmark = bool(environment.get('cudnn_benchmark', False))
    seed_everything(seed, deterministic)
    return seed, deterministic


def build_hooks(configs: Any) -> list[Hook]:
    """Hooks of ``custom_hooks``: ours, the user's and mmengine's (``EMAHook``, ``ProfilerHook``) by name."""
    hooks = [HOOKS.build(hook) for hook in configs or ()]
    for hook in hooks:
        if not isinstance(hook, Hook):
            raise ConfigError(f"custom_hooks must be a list of dicts such as dict(type='EMAHook'), it has {hook!r}")
    return hooks


def build_tester(
    config: Config,
    process: Process,
    weights: str | Path,
    *,
    evaluate: bool = True,
    chunk_size: int | None = None,
    trust: bool = False,
    dump_dir: str | Path | None = None,
) -> VideoTester:
    """A tester on ``test_dataloader``; its intermediate results get a folder of their own under ``work_dir``.

    Args:
        config: with ``model``, ``test_dataloader`` and, to evaluate or export, ``test_evaluator``.
        process: this process.
        weights: checkpoint; it must fill the model completely.
        evaluate: whether numbers are wanted, so that a set without ground truth is refused at once.
        chunk_size: frames that go through the detector together; None takes the config's.
        trust: unpickle the checkpoint without limits.
        dump_dir: gets the detections of every video.

    Raises:
        AnnotationsMissingError: evaluation on a data set without ground truth.
        ConfigError: a part is missing, misspelt, or does not fit another.
        CheckpointError: the weights are unsafe, damaged or of another model.
    """
    _need(config, 'model', 'test_dataloader', *(['test_evaluator'] if evaluate else []))
    register_all()
    _apply_environment(config)
    size = chunk_size or (config.get('test_cfg') or {}).get('chunk_size', CHUNK_SIZE)
    loader = build_test_loader(config.test_dataloader, size, process.rank, process.world_size)
    if evaluate:
        require_annotations(loader.dataset)
    metrics = build_metrics(config.get('test_evaluator'))
    check_classes(config, loader.dataset)
    model = MODELS.build(config.model)
    # what is followed because a user marked it may be of any class
    classes = None if getattr(loader.dataset, 'prompted', False) else getattr(loader.dataset, 'classes', None)
    report = load_weights(model, weights, trust=trust, require_complete=True, classes=classes)
    log.info('%s', report.summary())
    folder = Path(process.on_first(lambda: _scratch_folder(config.work_dir), 'making a result folder'))
    dump = DetectionDump(dump_dir) if dump_dir else None
    return choose_tester(metrics)(model.to(process.device), loader, process, folder, metrics, dump)


def choose_tester(metrics: Sequence[Any]) -> type[VideoTester]:
    """The test loop that metrics ask for: with resets or without.

    Raises:
        ConfigError: metrics want different loops, as their results would be of different runs.
    """
    wishes = {bool(getattr(metric, 'resets', False)) for metric in metrics}
    if len(wishes) > 1:
        names = ', '.join(type(metric).__name__ for metric in metrics)
        raise ConfigError(f'{names} cannot be computed from one test: some want resets, others a run without')
    return ResetTester if True in wishes else VideoTester


def _scratch_folder(work_dir: str) -> str:
    try:
        Path(work_dir).mkdir(parents=True, exist_ok=True)
        return tempfile.mkdtemp(prefix='test_', dir=work_dir)
    except OSError as error:
        raise ConfigError(f'work_dir {work_dir} cannot be written: {error.strerror}') from error


def build_metrics(config: Any) -> list[Any]:
    """Metrics of ``val_evaluator`` or ``test_evaluator``: one dict or a list of them."""
    if not config:
        return []
    return [METRICS.build(metric) for metric in ([config] if isinstance(config, Mapping) else config)]


def check_classes(config: Config, dataset: Any) -> None:
    """Refuse a detector whose class heads do not have as many classes as the data set.

    Raises:
        ConfigError: naming both numbers; on a GPU the mistake would end in an unreadable device error.
    """
    for path, number in _class_numbers(config.model.get('detector', {}), 'model.detector'):
        if number != len(dataset.classes):
            names = ', '.join(dataset.classes[:5]) + (', ...' if len(dataset.classes) > 5 else '')
            raise ConfigError(
                f'{path} is {number} but {dataset.ann_file} has {len(dataset.classes)} classes ({names}). Set it to '
                f"{len(dataset.classes)}, or choose classes with the data set's 'classes'."
            )


def _class_numbers(node: Any, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == 'num_classes':
                yield f'{path}.{key}', value
            else:
                yield from _class_numbers(value, f'{path}.{key}')
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _class_numbers(value, f'{path}.{index}')


def _build_validator(config: Config, model: nn.Module, process: Process) -> VideoTester | None:
    if not config.get('val_dataloader') or not config.get('val_evaluator'):
        if config.get('val_dataloader') or config.get('val_evaluator'):
            raise ConfigError('validation needs both val_dataloader and val_evaluator; remove the one that is there')
        return None
    size = (config.get('val_cfg') or {}).get('chunk_size', CHUNK_SIZE)
    loader = build_test_loader(config.val_dataloader, size, process.rank, process.world_size)
    require_annotations(loader.dataset)
    folder = Path(config.work_dir) / 'val_results'
    metrics = build_metrics(config.val_evaluator)
    return choose_tester(metrics)(model, loader, process, folder, metrics)


def _need(config: Config, *keys: str) -> None:
    missing = [key for key in keys if not config.get(key)]
    if missing:
        raise ConfigError(f'{config.filename}: the config has no {" and no ".join(missing)}')


def prepare_work_dir(config: Config, process: Process) -> Path:
    """Make the work folder and write the resolved config into it as ``config.py``."""
    folder = Path(config.work_dir)

    def work() -> None:
        try:
            write_text(folder / 'config.py', config.pretty_text)
        except OSError as error:
            raise ConfigError(f'work_dir {folder} cannot be written: {error.strerror}') from error

    process.on_first(work, 'making the work folder')
    return folder

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
from torch.utils.data import DataLoader

from mmdet.checkpoints import load_parts, load_weights
from mmdet.checkpoints.parts import parts_of
from mmdet.datasets.loader import build_test_loader, build_train_loader
from mmdet.engine.config import resolved_text
from mmdet.engine.detection_dump import DetectionDump
from mmdet.engine.distributed import Process
from mmdet.engine.random_state import seed_everything
from mmdet.engine.retrieval_test import RetrievalTester
from mmdet.engine.tester import Tester
from mmdet.engine.trainer import Trainer
from mmdet.engine.video_test import VideoTester, require_annotations
from mmdet.engine.vot_reset import ResetTester
from mmdet.errors import CheckpointError, ConfigError
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
    model = MODELS.build(config.model)
    loader = build_train_loader(config.train_dataloader, seed, process.rank, process.world_size)
    check_classes(config, loader.dataset)
    _check_task(model, loader.dataset)
    if hasattr(model, 'fit_to'):  # its layers depend on the data
        model.fit_to(loader.dataset)
    model.to(process.device)
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
    weights: str | Path | None,
    *,
    evaluate: bool = True,
    chunk_size: int | None = None,
    trust: bool = False,
    dump_dir: str | Path | None = None,
) -> Tester:
    """A tester on ``test_dataloader``; its intermediate results get a folder of their own under ``work_dir``.

    Args:
        config: with ``model``, ``test_dataloader`` and, to evaluate or export, ``test_evaluator``.
        process: this process.
        weights: checkpoint, which must fill the model completely; None for a model without any.
        evaluate: whether numbers are wanted, so that a set without ground truth is refused at once.
        chunk_size: frames that go through the detector together; None takes the config's.
        trust: unpickle the checkpoint without limits.
        dump_dir: gets the detections of every video.

    Raises:
        AnnotationsMissingError: evaluation on a data set without ground truth.
        ConfigError: a part is missing, misspelt, or does not fit another.
        CheckpointError: the weights are unsafe, damaged or of another model, or not given although needed.
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
    _check_task(model, loader.dataset)
    # what is followed because a user marked it may be of any class
    classes = None if getattr(loader.dataset, 'prompted', False) else getattr(loader.dataset, 'classes', None)
    if needs_weights(model, weights):
        report = load_weights(model, str(weights), trust=trust, require_complete=True, classes=classes)
        log.info('%s', report.summary())
        notes = report.notes
    else:
        notes = load_parts(model)
    for note in notes:
        log.info('%s', note)
    folder = Path(process.on_first(lambda: _scratch_folder(config.work_dir), 'making a result folder'))
    return make_tester(model.to(process.device), loader, process, folder, metrics, dump_dir)


def make_tester(
    model: nn.Module,
    loader: DataLoader,
    process: Process,
    folder: Path,
    metrics: Sequence[Any],
    dump_dir: str | Path | None = None,
) -> Tester:
    """The test loop of a data set's task and of what metrics ask for: with resets or without.

    Raises:
        ConfigError: metrics want different loops, as their results would be of different runs; or detections are to be
            kept where there are none.
    """
    if _task(loader.dataset) != 'video':
        if dump_dir:
            raise ConfigError('--dump-detections is for videos; a test of crops has no detections')
        return RetrievalTester(model, loader, process, folder, metrics)
    wishes = {bool(getattr(metric, 'resets', False)) for metric in metrics}
    if len(wishes) > 1:
        names = ', '.join(type(metric).__name__ for metric in metrics)
        raise ConfigError(f'{names} cannot be computed from one test: some want resets, others a run without')
    kind = ResetTester if True in wishes else VideoTester
    if dump_dir and kind is ResetTester:
        raise ConfigError('--dump-detections keeps nothing under a reset protocol, which has no detections')
    if dump_dir and process.first and any(Path(dump_dir).glob('video_*.npz')):
        log.warning('%s holds detections already; those of videos that are not in this test stay there', dump_dir)
    head = getattr(model, 'track_head', None)
    dump = DetectionDump(dump_dir, None if head is None else type(head).__name__) if dump_dir else None
    return kind(model, loader, process, folder, metrics, dump)


def needs_weights(model: nn.Module, weights: str | Path | None) -> bool:
    """Whether there are weights to load; stored detections with a tracker are a model without any.

    Tensors of parts that bring weights of their own, such as a re-identification network on stored detections, need
    no checkpoint.

    Raises:
        CheckpointError: weights for a model without any, or none for a model that has some.
    """
    own = tuple(f'{name}.' for name, _ in parts_of(model))
    count = sum(not name.startswith(own) for name in model.state_dict())
    if count and weights is None:
        raise CheckpointError(f'the model has {count} tensors of weights: give the checkpoint that fills them')
    if not count and weights is not None:
        raise CheckpointError(f'the model has no weights, so {weights} has no use; leave it out')
    return bool(count)


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


def _task(owner: Any) -> str:
    """What a model or a data set is for: ``video``, or ``retrieval``, whose samples are crops and whose test sorts."""
    return getattr(owner, 'task', 'video')


def _check_task(model: nn.Module, dataset: Any) -> None:
    """Refuse a model on a data set of another task, and one that follows what is marked where nothing is."""
    if _task(model) != _task(dataset):
        raise ConfigError(
            f'{type(model).__name__} is a model for {_task(model)} and {type(dataset).__name__} a data set for '
            f'{_task(dataset)}. ReIDNet goes with Market1501Dataset and with any video data set inside '
            "dict(type='VideoCropDataset', videos=...)"
        )
    if getattr(model, 'needs_prompts', False) and dataset.test_mode and not getattr(dataset, 'prompted', False):
        raise ConfigError(
            f'{type(model).__name__} follows what is marked, and {type(dataset).__name__} marks nothing: test it on '
            'DAVISDataset, which reads every set in the layout of DAVIS, YouTubeVOSDataset, VOTDataset or a '
            'PromptedVideoDataset of your own'
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


def _build_validator(config: Config, model: nn.Module, process: Process) -> Tester | None:
    if not config.get('val_dataloader') or not config.get('val_evaluator'):
        if config.get('val_dataloader') or config.get('val_evaluator'):
            raise ConfigError('validation needs both val_dataloader and val_evaluator; remove the one that is there')
        return None
    size = (config.get('val_cfg') or {}).get('chunk_size', CHUNK_SIZE)
    loader = build_test_loader(config.val_dataloader, size, process.rank, process.world_size)
    require_annotations(loader.dataset)
    folder = Path(config.work_dir) / 'val_results'
    _check_task(model, loader.dataset)
    return make_tester(model, loader, process, folder, build_metrics(config.val_evaluator))


def _need(config: Config, *keys: str) -> None:
    missing = [key for key in keys if not config.get(key)]
    if missing:
        raise ConfigError(f'{config.filename}: the config has no {" and no ".join(missing)}')


def prepare_work_dir(config: Config, process: Process) -> Path:
    """Make the work folder and write the resolved config into it as ``config.py``."""
    folder = Path(config.work_dir)

    def work() -> None:
        try:
            write_text(folder / 'config.py', resolved_text(config))
        except OSError as error:
            raise ConfigError(f'work_dir {folder} cannot be written: {error.strerror}') from error

    process.on_first(work, 'making the work folder')
    return folder

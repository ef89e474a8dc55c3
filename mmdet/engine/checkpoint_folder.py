"""The checkpoints of one run in its work folder: which to write, which to keep, which to go on from.

At any moment the folder holds a complete checkpoint: a new one is written under another name, synced and renamed, then
``last_checkpoint`` is pointed at it the same way, and only then old ones go.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdet.checkpoints import load_file, save_atomic
from mmdet.errors import CheckpointError, ConfigError
from mmdet.files import replacing, write_text

POINTER = 'last_checkpoint'
TRAINING_KEYS = ('state_dict', 'optimizer', 'param_schedulers', 'message')
_PERIODIC = re.compile(r'(epoch|iter)_\d+\.pth')

log = logging.getLogger('mmdet.checkpoint')


class CheckpointFolder:
    """Checkpoints ``epoch_*.pth`` and ``iter_*.pth`` of one run.

    Args:
        folder: the run's work folder.
        max_keep: how many of this run's stay; 0 or less keeps all. The best one is a file of its own and always stays.
            Those of an earlier run in the same folder are not touched unless they have the same names.
    """

    def __init__(self, folder: str | Path, max_keep: int = 3) -> None:
        self.folder = Path(folder)
        self.max_keep = max_keep
        self._own: list[str] = []  # oldest first

    def adopt(self) -> None:
        """Take the checkpoints that are there for this run's own, because it goes on from them."""
        self._own = [path.name for path in reversed(self._newest_first())]

    def save(self, checkpoint: dict[str, Any], name: str) -> Path:
        """Write a checkpoint, point ``last_checkpoint`` at it, delete what is too old.

        Raises:
            CheckpointError: it cannot be written; everything that was there still is.
        """
        path = self.folder / name
        save_atomic(checkpoint, path)
        self._point_at(name)
        self._own = [*(other for other in self._own if other != name), name]
        while 0 < self.max_keep < len(self._own):
            (self.folder / self._own.pop(0)).unlink(missing_ok=True)
        return path

    def keep_best(self, path: Path, name: str) -> Path:
        """Give the checkpoint at ``path`` a second name that age never deletes, in place of the best one before."""
        best = self.folder / name
        try:
            with replacing(best) as temporary:
                try:
                    os.link(path, temporary)  # no second copy on disk
                except OSError:
                    shutil.copyfile(path, temporary)
        except OSError as error:
            raise CheckpointError(f'cannot write {best}: {error.strerror}; {path} is intact') from error
        return best

    def candidates(self) -> list[Path]:
        """Checkpoints to go on from: the one that ``last_checkpoint`` names, then the others, newest first."""
        files = self._newest_first()
        try:
            named = (self.folder / POINTER).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return files
        last = self.folder / named  # an absolute path stays as it is
        return [last, *(path for path in files if path != last)] if named else files

    def load_last(self) -> tuple[dict[str, Any], Path] | None:
        """The newest training checkpoint that can be read; a damaged one is passed over with a warning.

        Returns:
            The checkpoint and its file, or None where there is none at all.

        Raises:
            CheckpointError: there are checkpoints, and all of them are damaged.
        """
        problems = []
        for path in self.candidates():
            try:
                checkpoint = load_training(path)
            except CheckpointError as error:
                problems.append(str(error))
                log.warning('passing over a checkpoint that cannot be used: %s', error)
                continue
            if problems:
                log.warning('resuming from %s instead', path)
            return checkpoint, path
        if problems:
            raise CheckpointError(f'{self.folder}: none of its checkpoints can be used: ' + '; '.join(problems))
        return None

    def _point_at(self, name: str) -> None:
        try:
            write_text(self.folder / POINTER, name + '\n')
        except OSError as error:
            raise CheckpointError(f'cannot write {self.folder / POINTER}: {error.strerror}') from error

    def _newest_first(self) -> list[Path]:
        return sorted(self._periodic(), key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)

    def _periodic(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from (path for path in self.folder.iterdir() if _PERIODIC.fullmatch(path.name))


@dataclass(frozen=True)
class BestRule:
    """Which validation number decides what the best checkpoint is.

    Attributes:
        number: name of the number; ``auto`` takes the first one, None keeps no best checkpoint.
        rule: ``greater`` or ``less`` is better.
    """

    number: str | None = 'auto'
    rule: str = 'greater'

    def __post_init__(self) -> None:
        if self.rule not in ('greater', 'less'):
            raise ConfigError(f"checkpoint_cfg.rule must be 'greater' or 'less', got {self.rule!r}")

    def key(self, metrics: Mapping[str, float]) -> str | None:
        """Name of the deciding number among ``metrics``.

        Raises:
            ConfigError: there is no such number.
        """
        if self.number is None or not metrics:
            return None
        if self.number == 'auto':
            return next(iter(metrics))
        if self.number not in metrics:
            raise ConfigError(f"checkpoint_cfg.save_best: no number '{self.number}' among {', '.join(metrics)}")
        return self.number

    def improves(self, score: float, best: float | None) -> bool:
        """Whether ``score`` is better than the best one so far; a NaN never is."""
        if math.isnan(score):
            return False
        return best is None or (score > best if self.rule == 'greater' else score < best)


def newest_of(source: Path) -> str | None:
    """The checkpoint that ``source`` means: itself, or the newest usable one of a folder; None if there is none."""
    if source.is_file():
        return str(source)
    found = CheckpointFolder(source).load_last()
    return str(found[1]) if found else None


def load_training(path: Path) -> dict[str, Any]:
    """Read a checkpoint that training can go on from.

    Raises:
        CheckpointError: missing, damaged, or holding weights alone.
    """
    checkpoint = load_file(path)
    missing = [key for key in TRAINING_KEYS if key not in checkpoint]
    if missing:
        raise CheckpointError(
            f'{path} holds weights but not the state of a training run (no {", ".join(missing)}). To start from its '
            f'weights use load_from instead of --resume.'
        )
    return checkpoint


def resolved_config(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The config that a training checkpoint was made with, {} where it does not tell."""
    try:
        return json.loads(checkpoint.get('meta', {}).get('resolved_config', '{}'))
    except (TypeError, ValueError):
        return {}

"""How a checkpoint family is described: a table of name patterns that reads in both directions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from torch import Tensor

from mmdet.checkpoints.report import Entry, LoadReport
from mmdet.checkpoints.state import Shapes, StateDict

TOKENS = {'*': r'(.+)', '#': r'(\d+)'}  # in patterns: any text, and a whole number


@dataclass(frozen=True)
class Change:
    """A change of values that goes with a change of name, and the way back.

    Attributes:
        apply: foreign tensor to ours.
        undo: our tensor to the foreign one.
        note: what ``apply`` does, for the report.
        undo_note: what ``undo`` does.
        undo_pads: ``undo`` has to invent values (zeros).
    """

    apply: Callable[[Tensor], Tensor]
    undo: Callable[[Tensor], Tensor]
    note: str
    undo_note: str
    undo_pads: bool = False


@dataclass(frozen=True)
class Rule:
    """Tensors whose foreign name matches ``old`` are called ``new`` in our models.

    ``*`` stands for any text and ``#`` for a whole number; both sides have the same ones in the same order.
    """

    old: str
    new: str
    change: Change | None = None


@dataclass(frozen=True)
class KeyMap:
    """Rules, the first that matches wins, and foreign names that are left out on purpose with the reason."""

    rules: Sequence[Rule]
    ignored: Mapping[str, str] = field(default_factory=dict)

    def to_ours(self, state_dict: Mapping[str, Tensor], report: LoadReport) -> StateDict:
        """Foreign weights under our names; every tensor is accounted for in ``report``."""
        result: StateDict = {}
        for key, tensor in state_dict.items():
            reason = next((why for pattern, why in self.ignored.items() if _match(pattern, key)), None)
            rule, name = self._find(key, 'old', 'new') if reason is None else (None, '')
            if name in result:
                rule, reason = None, f'{name} is taken by another tensor'
            if rule is None:
                report.dropped.append(Entry(key, tuple(tensor.shape), reason or 'no counterpart in our models'))
                continue
            result[name] = rule.change.apply(tensor) if rule.change else tensor
            note = rule.change.note if rule.change else ''
            same = name == key and rule.change is None
            (report.loaded if same else report.renamed).append(Entry(name, tuple(result[name].shape), note, key))
        return result

    def to_theirs(self, state_dict: Mapping[str, Tensor], report: LoadReport) -> StateDict:
        """Our weights under the foreign names; the inverse of :meth:`to_ours`."""
        result: StateDict = {}
        for key, tensor in state_dict.items():
            rule, name = self._find(key, 'new', 'old')
            if rule is None:
                report.dropped.append(Entry(key, tuple(tensor.shape), 'no counterpart in that family'))
                continue
            result[name] = rule.change.undo(tensor) if rule.change else tensor
            note = rule.change.undo_note if rule.change else ''
            padded = rule.change is not None and rule.change.undo_pads and result[name].shape != tensor.shape
            (report.padded if padded else report.renamed).append(Entry(name, tuple(result[name].shape), note, key))
        return result

    def _find(self, key: str, source: str, target: str) -> tuple[Rule | None, str]:
        for rule in self.rules:
            found = _match(getattr(rule, source), key)
            if found:
                parts = iter(found.groups())
                return rule, re.sub(r'[*#]', lambda _: next(parts), getattr(rule, target))  # noqa: B023
        return None, ''


def _match(pattern: str, key: str) -> re.Match[str] | None:
    return _compiled(pattern).fullmatch(key)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(''.join(TOKENS.get(piece) or re.escape(piece) for piece in re.split(r'([*#])', pattern)))


@dataclass(frozen=True)
class ConvertOptions:
    """Choices that keys cannot tell.

    Attributes:
        keep_coco_gaps: keep all 90 numbers of the COCO list, ten of which name nothing (torchvision).
        frozen_bn_eps: epsilon that frozen batch norms were trained with (torchvision); None decides by the class list.
    """

    keep_coco_gaps: bool = False
    frozen_bn_eps: float | None = None


@dataclass(frozen=True)
class Converted:
    """Weights under our names.

    Attributes:
        state_dict: the weights.
        report: what became of each tensor.
        meta: facts about the weights for the file's metadata (``metadata.py`` lists them).
        assumed: facts that the family usually has, where neither checkpoint nor config tells.
    """

    state_dict: StateDict
    report: LoadReport
    meta: dict[str, Any]
    assumed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """A kind of checkpoint.

    Attributes:
        name: what users type.
        title: what it is, for messages.
        detect: tells by names and shapes whether weights are of this family.
        convert: weights, ``meta`` and options to our names.
        invert: our weights back to the family's names, where there is use for it.
        claims: sets families with the same names apart by the checkpoint's ``meta``.
    """

    name: str
    title: str
    detect: Callable[[Shapes], bool]
    convert: Callable[[StateDict, Mapping[str, Any], ConvertOptions], Converted]
    invert: Callable[[StateDict], tuple[StateDict, LoadReport]] | None = None
    claims: Callable[[Mapping[str, Any]], bool] = lambda meta: True

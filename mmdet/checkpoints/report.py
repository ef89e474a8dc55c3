"""What became of every tensor of a checkpoint, as a table that a person can check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

COLUMNS = ('loaded', 'renamed', 'dropped', 'padded', 'random')
SHOWN_PER_REASON = 4  # tensors listed under one reason before '... and N more'


class Entry(NamedTuple):
    """One tensor: its name (after renaming), shape, what there is to say about it, and its old name."""

    key: str
    shape: tuple[int, ...]
    note: str = ''
    was: str = ''


@dataclass
class LoadReport:
    """Fate of the tensors when a checkpoint is converted or loaded.

    Attributes:
        source: the file.
        family: name of the checkpoint's family.
        loaded: taken as they are, under their own name.
        renamed: taken under a new name; the note tells any change of values.
        dropped: not taken, with the reason.
        padded: taken and filled up with zeros.
        random: parameters of the model that the file does not fill; they keep their initialisation.
        notes: sentences that the user should read.
        metadata: facts about the weights (``metadata.py`` lists them).
    """

    source: str = ''
    family: str = ''
    loaded: list[Entry] = field(default_factory=list)
    renamed: list[Entry] = field(default_factory=list)
    dropped: list[Entry] = field(default_factory=list)
    padded: list[Entry] = field(default_factory=list)
    random: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> str:
        """Counts in one line."""
        counts = [f'{len(getattr(self, column))} {_words(column)}' for column in COLUMNS if getattr(self, column)]
        return f'{self.source}: {", ".join(counts) or "no tensors"}'

    def table(self) -> str:
        """Counts per module, then every tensor that was changed, dropped, padded or left random, then the notes."""
        used = [column for column in COLUMNS if getattr(self, column)]
        counts = {column: Counter(module_of(entry.key) for entry in getattr(self, column)) for column in used}
        modules = list(dict.fromkeys(module_of(entry.key) for column in used for entry in getattr(self, column)))
        rows = [['module', *map(_words, used)]]
        rows += [[module, *(str(counts[column][module] or '-') for column in used)] for module in modules]
        rows.append(['total', *(str(len(getattr(self, column))) for column in used)])
        lines = [_aligned(rows)] if used else ['no tensors']
        for column in ('renamed', 'padded', 'dropped', 'random'):
            lines += _details(_words(column), getattr(self, column))
        lines += [f'note: {note}' for note in self.notes]
        return '\n'.join(lines)


def module_of(key: str) -> str:
    """The part of a model that a tensor belongs to: up to the last head, backbone or neck of its name."""
    parts = key.split('.')[:-1]
    ends = [i for i, part in enumerate(parts) if part.endswith(('head', 'heads', 'backbone', 'neck'))]
    return '.'.join(parts[: ends[-1] + 1]) if ends else (parts or [key])[0]


def shape_text(shape: Iterable[int]) -> str:
    """A shape as people write it: 41x1024, or 'scalar'."""
    return 'x'.join(map(str, shape)) or 'scalar'


def _words(column: str) -> str:
    return 'left random' if column == 'random' else column


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        '  '.join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in rows
    ]
    rule = '-' * len(lines[0])
    return '\n'.join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _details(title: str, entries: Iterable[Entry]) -> list[str]:
    by_reason: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.note:  # a mere renaming has none
            by_reason.setdefault(entry.note, []).append(entry)
    lines = []
    for reason, group in by_reason.items():
        lines.append(f'{title}: {reason}')
        lines += [f'    {entry.key}  {shape_text(entry.shape)}' for entry in group[:SHOWN_PER_REASON]]
        if len(group) > SHOWN_PER_REASON:
            lines.append(f'    ... and {len(group) - SHOWN_PER_REASON} more')
    return lines

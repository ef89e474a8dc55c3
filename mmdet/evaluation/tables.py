"""Text tables of numbers for the console."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.evaluation.average_precision import ABSENT


def text_table(head: Sequence[str], rows: Sequence[Sequence[str | float | int]]) -> str:
    """Columns aligned under their heads; fractions with four decimals, '-' where there was nothing to count."""
    cells = [[_cell(value) for value in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for row in cells:
        others = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
        lines.append('  '.join([row[0].ljust(widths[0]), *others]))
    lines.insert(1, '  '.join('-' * width for width in widths))
    return '\n'.join(lines)


def _cell(value: str | float | int) -> str:
    if isinstance(value, float):
        return '-' if value == ABSENT else f'{value:.4f}'
    return str(value)

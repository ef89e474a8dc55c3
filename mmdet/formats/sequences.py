"""Which sequences there are and how long they are: ``seqinfo.ini`` and sequence maps."""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdet.errors import DataError
from mmdet.formats.text import read_lines, write_lines


@dataclass(frozen=True)
class SequenceInfo:
    """Content of ``seqinfo.ini``: sizes in pixels, ``length`` in frames, frames per second (0: unknown)."""

    name: str
    length: int
    height: int
    width: int
    image_folder: str = 'img1'
    suffix: str = '.jpg'
    frame_rate: float = 0.0


@dataclass(frozen=True)
class SeqmapRow:
    """One line of a sequence map.

    Attributes:
        name: of the sequence.
        first, last: numbers of its first and last frame, both included; None in lists of names alone (MOTChallenge).
    """

    name: str
    first: int | None = None
    last: int | None = None

    @property
    def length(self) -> int | None:
        """Number of frames, None where the map does not tell."""
        return None if self.last is None or self.first is None else self.last - self.first + 1


def read_seqinfo(path: str | Path) -> SequenceInfo:
    """Read ``seqinfo.ini``.

    Raises:
        DataError: missing, not an ini file, or a key is missing or no number; the key is named.
    """
    parser = configparser.ConfigParser()
    try:
        parser.read_string(Path(path).read_text(encoding='utf-8'))
        section = parser['Sequence']
        values = {key: int(section[key]) for key in ('seqLength', 'imHeight', 'imWidth')}
        rate = float(section.get('frameRate', '0'))
    except FileNotFoundError:
        raise DataError(f'{path}: not there; it gives the length and size of the sequence') from None
    except KeyError as error:
        raise DataError(f'{path}: {error.args[0]} is missing; needed: [Sequence] seqLength, imHeight, imWidth') from None
    except (OSError, ValueError, configparser.Error) as error:
        raise DataError(f'{path}: not a seqinfo file: {error}') from error
    if min(values.values()) < 1:
        raise DataError(f'{path}: seqLength, imHeight and imWidth must be at least 1, found {values}')
    return SequenceInfo(
        name=section.get('name', Path(path).parent.name),
        length=values['seqLength'],
        height=values['imHeight'],
        width=values['imWidth'],
        image_folder=section.get('imDir', 'img1'),
        suffix=section.get('imExt', '.jpg'),
        frame_rate=rate,
    )


def write_seqinfo(path: str | Path, info: SequenceInfo) -> None:
    """Write ``seqinfo.ini``.

    Raises:
        DataError: the folder cannot be written.
    """
    pairs = {
        'name': info.name,
        'imDir': info.image_folder,
        'frameRate': f'{info.frame_rate:g}',
        'seqLength': info.length,
        'imWidth': info.width,
        'imHeight': info.height,
        'imExt': info.suffix,
    }
    write_lines(path, ['[Sequence]', *(f'{key}={value}' for key, value in pairs.items())])


def read_seqmap(path: str | Path) -> list[SeqmapRow]:
    """Read a sequence map in either form: ``0002 empty 000000 000232`` (MOTS) or a list of names (MOTChallenge).

    Raises:
        DataError: missing, empty, a line of another form, or a sequence twice; the line is named.
    """
    lines, numbers = read_lines(path, 'sequence map')
    if lines and lines[0].strip().lower() == 'name':
        lines, numbers = lines[1:], numbers[1:]
    rows: dict[str, SeqmapRow] = {}
    for line, number in zip(lines, numbers):
        cells = line.split()
        if len(cells) == 1:
            row = SeqmapRow(cells[0])
        elif len(cells) == 4 and cells[2].isdecimal() and cells[3].isdecimal() and int(cells[2]) <= int(cells[3]):
            row = SeqmapRow(cells[0], int(cells[2]), int(cells[3]))
        else:
            raise DataError(f'{path}, line {number}: {line!r} is neither a name nor "name empty first last"')
        if row.name in rows:
            raise DataError(f'{path}, line {number}: sequence {row.name} is listed twice')
        rows[row.name] = row
    if not rows:
        raise DataError(f'{path}: lists no sequence')
    return list(rows.values())


def write_seqmap(path: str | Path, rows: Sequence[SeqmapRow]) -> None:
    """Write a sequence map: frame numbers where they are known, else names under the heading ``name``.

    Raises:
        DataError: some rows have frame numbers and others have not, or the folder cannot be written.
    """
    known = [row.length is not None for row in rows]
    if any(known) and not all(known):
        raise DataError(f'{path}: give first and last frame of all sequences or of none')
    if all(known) and rows:
        write_lines(path, [f'{row.name} empty {row.first:06d} {row.last:06d}' for row in rows])
    else:
        write_lines(path, ['name', *(row.name for row in rows)])

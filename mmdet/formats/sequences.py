"""Which sequences there are and how long they are: ``seqinfo.ini`` and sequence maps."""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdet.errors import ConfigError, DataError
from mmdet.formats.text import read_lines, write_lines


@dataclass(frozen=True)
class SequenceInfo:
    """Content of ``seqinfo.ini``: ``length`` in frames, size in pixels, frames per second (0: not given)."""

    name: str
    length: int
    height: int = 0
    width: int = 0
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
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(Path(path).read_text(encoding='utf-8'))
        section = parser['Sequence']
        length = int(section['seqLength'])
        height, width = (int(section.get(key, '0')) for key in ('imHeight', 'imWidth'))
        rate = float(section.get('frameRate', '0'))
    except FileNotFoundError:
        raise DataError(f'{path}: not there; it gives the length and size of the sequence') from None
    except KeyError as error:
        raise DataError(f'{path}: {error.args[0]} is missing; needed is seqLength under [Sequence]') from None
    except (OSError, ValueError, configparser.Error) as error:
        raise DataError(f'{path}: not a seqinfo file: {error}') from error
    if length < 1 or min(height, width) < 0:
        raise DataError(f'{path}: bad numbers: seqLength {length}, imHeight {height}, imWidth {width}')
    return SequenceInfo(
        name=section.get('name', Path(path).parent.name),
        length=length,
        height=height,
        width=width,
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


_KITTI_TRAIN = (
    '0000:154 0001:447 0003:144 0004:314 0005:297 0009:803 0011:373 0012:78 0015:376 0017:145 0019:1059 0020:837'
)
_KITTI_VAL = '0002:233 0006:270 0007:800 0008:390 0010:294 0013:340 0014:106 0016:209 0018:339'
_KITTI_TEST = (
    '0000:465 0001:147 0002:243 0003:257 0004:421 0005:809 0006:114 0007:215 0008:165 0009:349 0010:1176 0011:774 '
    '0012:694 0013:152 0014:850 0015:701 0016:510 0017:305 0018:180 0019:404 0020:173 0021:203 0022:436 0023:430 '
    '0024:316 0025:176 0026:170 0027:85 0028:175'
)
_FRAME_COUNTS = {
    ('kitti', 'train'): _KITTI_TRAIN,
    ('kitti', 'val'): _KITTI_VAL,
    ('kitti', 'test'): _KITTI_TEST,
    ('motschallenge', 'train'): '0002:600 0005:837 0009:525 0011:900',
    ('motschallenge', 'test'): '0001:450 0006:1194 0007:500 0012:900',
}


def mots_seqmap(benchmark: str, part: str) -> list[SeqmapRow]:
    """The sequences of a part of ``kitti`` MOTS (train, val, test) or ``motschallenge`` (train, test).

    Raises:
        ConfigError: there is no such part.
    """
    if (benchmark, part) not in _FRAME_COUNTS:
        known = ', '.join(' '.join(key) for key in _FRAME_COUNTS)
        raise ConfigError(f'{benchmark} has no part {part!r}; known: {known}')
    first = 0 if benchmark == 'kitti' else 1
    pairs = (cell.split(':') for cell in _FRAME_COUNTS[benchmark, part].split())
    return [SeqmapRow(name, first, int(count) - 1 + first) for name, count in pairs]

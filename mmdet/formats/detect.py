"""Tells from a path which form stored detections have."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from mmdet.errors import ConfigError, DataError
from mmdet.formats.sources import DetectionSource, DumpSource, MOTChallengeSource, MOTSSource, YTVISSource, text_files
from mmdet.formats.text import read_lines

__all__ = ['FORMATS', 'FormatName', 'open_detections', 'recognise']

FormatName = Literal['dump', 'ytvis', 'motchallenge', 'mots']
FORMATS: tuple[FormatName, ...] = get_args(FormatName)


def open_detections(path: str | Path, form: str = 'auto', first_frame: int | None = None) -> DetectionSource:
    """Stored detections at ``path``.

    Args:
        path: file or folder; see :mod:`mmdet.formats.sources`.
        form: one of :data:`FORMATS`, or ``auto``.
        first_frame: what text files call a video's first frame; None takes 1 for MOTChallenge and 0 for MOTS.

    Raises:
        DataError: nothing is there, or it is damaged.
        ConfigError: the form cannot be told or does not exist.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise DataError(f'{path}: there are no stored detections; test_video.py --dump-detections writes some')
    if form not in (*FORMATS, 'auto'):
        raise ConfigError(f"format {form!r} does not exist; use 'auto' or one of {', '.join(map(repr, FORMATS))}")
    form = recognise(path) if form == 'auto' else form
    if form in ('dump', 'ytvis') and first_frame is not None:
        raise ConfigError(f'first_frame is for text files; {path} (format {form!r}) counts frames from 0')
    if form == 'dump':
        return DumpSource(path)
    if form == 'ytvis':
        return YTVISSource(path)
    if form == 'motchallenge':
        return MOTChallengeSource(path, 1 if first_frame is None else first_frame)
    return MOTSSource(path, 0 if first_frame is None else first_frame)


def recognise(path: Path) -> FormatName:
    """The form of what stands at ``path``.

    Raises:
        ConfigError: it could be several forms or none; the message says what was looked for.
    """
    if path.is_dir():
        dumps, texts = any(path.glob('video_*.npz')), text_files(path)
        if dumps == bool(texts):
            state = 'both .npz and .txt files' if dumps else 'neither video_<id>.npz nor <name>.txt nor det/det.txt'
            raise ConfigError(f'{path}: has {state}; name the right folder or file, or give format')
        return 'dump' if dumps else _of_text(path, texts.values())
    if path.suffix == '.npz':
        return 'dump'
    if path.suffix in ('.json', '.zip'):
        return 'ytvis'
    if path.suffix == '.txt':
        return _of_text(path, [path])
    raise ConfigError(f'{path}: {path.suffix or "no"} ending; stored detections are .npz, .json, .zip or .txt files')


def _of_text(path: Path, files: Iterable[Path]) -> FormatName:
    """Commas separate columns in MOTChallenge files, blanks in MOTS files; the first file that has a line decides."""
    for file in files:
        lines, _ = read_lines(file, 'detection')
        if lines:
            return 'motchallenge' if ',' in lines[0] else 'mots'
    raise ConfigError(f"{path}: empty, so its form cannot be told; give format='motchallenge' or 'mots'")

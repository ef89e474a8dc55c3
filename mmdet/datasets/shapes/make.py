"""Write a whole procedural data set: several splits, several processes, interrupted and continued."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import cv2

from mmdet.datasets.shapes.config import RENDERER_VERSION, ShapesConfig
from mmdet.datasets.shapes.video import ShapesVideo
from mmdet.datasets.shapes.writers import SPLITS, WRITERS, ShapesWriter
from mmdet.errors import ConfigError, DataError
from mmdet.files import write_json
from mmdet.progress import progress_bar

MARKER = 'shapes.json'
PARTS = '.shapes_parts'
DEFAULT_SPLITS = {'train': 60, 'valid': 20}


@dataclass(frozen=True)
class Job:
    """One video to write; everything that a worker process needs to know."""

    root: Path
    config: ShapesConfig
    seed: int
    split: str
    index: int
    writer: ShapesWriter

    @property
    def part(self) -> Path:
        """File whose presence says that the video is complete; it holds the video's entry of the index."""
        return self.root / PARTS / self.split / f'{self.index:05d}.json'


def make_shapes(
    root: str | Path,
    config: ShapesConfig | None = None,
    splits: Mapping[str, int] | None = None,
    fmt: str | ShapesWriter = 'ytvis',
    workers: int = 1,
    seed: int = 0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Render videos and write them with their truth in a standard layout; return the folder.

    A video depends on config, seed, split and its number only, so a larger set begins with the videos of a smaller
    one. A set that is already complete is left alone; an interrupted one is continued.

    Args:
        root: folder of the set; made where it does not exist.
        config: what the videos look like; None takes the layout's default.
        splits: number of videos of 'train', 'valid' and 'test'; None makes 60, 20 and none.
        fmt: 'ytvis', 'davis' or 'kitti-mots', or a writer with options of its own.
        workers: processes that render.
        seed: of the whole set, not negative.
        progress: show a progress bar.
        overwrite: first delete another ``shapes`` set that lies in ``root``; nothing else is ever deleted.

    Raises:
        ConfigError: wrong arguments, or ``root`` holds something else.
        DataError: the folder cannot be written, or its marker file is damaged.
    """
    writer = _writer(fmt)
    config = config or writer.default_config()
    counts = _checked_counts(DEFAULT_SPLITS if splits is None else splits)
    if not isinstance(workers, int) or workers < 1:
        raise ConfigError(f'workers is {workers!r}; it has to be a whole number from 1')
    if not isinstance(seed, int) or seed < 0:
        raise ConfigError(f'seed is {seed!r}; it has to be a whole number from 0')
    writer.check(config, counts)
    root = Path(root)
    description = _describe(config, counts, writer, seed)
    try:
        if not _claim(root, description, writer, overwrite):
            jobs = [Job(root, config, seed, s, i, writer) for s, count in counts.items() for i in range(count)]
            _render(jobs, workers, progress)
            _close(root, jobs, description)
    except OSError as error:
        advice = 'what is done is kept: call it again to go on'
        raise DataError(f'{error.filename or root}: cannot write the set ({error.strerror}); {advice}') from error
    return root


def _writer(fmt: str | ShapesWriter) -> ShapesWriter:
    if isinstance(fmt, ShapesWriter):
        return fmt
    if fmt not in WRITERS:
        raise ConfigError(f'shapes cannot be written as {fmt!r}; use one of {", ".join(WRITERS)}')
    return WRITERS[fmt]()


def _checked_counts(splits: Mapping[str, int]) -> dict[str, int]:
    unknown = [name for name in splits if name not in SPLITS]
    if unknown:
        raise ConfigError(f'shapes has no split {", ".join(map(repr, unknown))}; use {", ".join(SPLITS)}')
    for name, count in splits.items():
        if not isinstance(count, int) or count < 0:
            raise ConfigError(f'the number of {name} videos is {count!r}; it has to be a whole number from 0')
    counts = {name: splits[name] for name in SPLITS if splits.get(name)}
    if not counts:
        raise ConfigError('no videos are asked for; give at least one split a number above 0')
    return counts


def _describe(config: ShapesConfig, counts: dict[str, int], writer: ShapesWriter, seed: int) -> dict[str, Any]:
    """All that decides the bytes of the set, with a hash over it."""
    content = {
        'renderer': RENDERER_VERSION,
        'format': writer.name,
        'writer': dataclasses.asdict(writer),
        'seed': seed,
        'splits': counts,
        'config': config.as_dict(),
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return {**content, 'fingerprint': digest}


def _claim(root: Path, description: dict[str, Any], writer: ShapesWriter, overwrite: bool) -> bool:
    """Mark ``root`` as ours, or find that the set is already there. Returns whether it is complete."""
    found = _read_marker(root / MARKER)
    if found is not None and found.get('fingerprint') == description['fingerprint']:
        made = found.get('made', [])
        if found.get('complete') and all((root / name).exists() for name in made):
            return True
    else:
        if found is not None:
            _remove_old(root, found, writer, overwrite)
        taken = [name for name in writer.folders if (root / name).exists()]
        if taken:
            raise ConfigError(f'{root} already holds {", ".join(taken)}, not made by this program; use another folder')
    write_json(root / MARKER, {**description, 'complete': False})
    return False


def _remove_old(root: Path, found: dict[str, Any], writer: ShapesWriter, overwrite: bool) -> None:
    """Delete the set that ``found`` describes, and nothing that its layout does not make."""
    state = 'complete' if found.get('complete') else 'unfinished'
    summary = f'{found.get("format")}, seed {found.get("seed")}, splits {found.get("splits")}, {state}'
    if not overwrite:
        raise ConfigError(f'{root} holds another shapes set ({summary}); use another folder or ask to overwrite it')
    layouts = {**WRITERS, writer.name: type(writer)}
    if found.get('format') not in layouts:
        raise DataError(f'{root / MARKER}: a set of an unknown layout ({summary}); delete it by hand')
    for name in (*layouts[found['format']].folders, PARTS, MARKER):
        path = root / name
        rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _render(jobs: list[Job], workers: int, progress: bool) -> None:
    waiting = [job for job in jobs if not job.part.exists()]
    done = len(jobs) - len(waiting)
    with progress_bar(len(jobs), 'video', done=done, shown=progress) as bar:
        for job in _completed(waiting, workers):
            bar.set_description(job.split, refresh=False)
            bar.update()


def _completed(jobs: list[Job], workers: int) -> Iterator[Job]:
    """Yield each job when it is done. Processes are spawned: forking one that runs threads can lock up."""
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            _render_one(job)
            yield job
        return
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        futures = {pool.submit(_render_one, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                future.result()
                yield futures[future]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _render_one(job: Job) -> None:
    record = job.writer.write_video(job.root, ShapesVideo(job.config, job.seed, job.split, job.index))
    write_json(job.part, record)


def _close(root: Path, jobs: list[Job], description: dict[str, Any]) -> None:
    """Write each split's index from the parts; then the marker says complete, and the parts can go."""
    writer, config = jobs[0].writer, jobs[0].config
    for split in description['splits']:
        records = [json.loads(job.part.read_bytes()) for job in jobs if job.split == split]
        writer.write_index(root, split, config, records)
    made = [name for name in writer.folders if (root / name).exists()]
    write_json(root / MARKER, {**description, 'complete': True, 'made': made})
    rmtree(root / PARTS)


def _read_marker(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DataError(f'{path}: not the marker of a shapes set; delete it if nothing else in the folder matters')
    return found

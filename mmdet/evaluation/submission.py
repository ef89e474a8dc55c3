"""Finding out before an upload what a benchmark's server would refuse or score as nothing."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmdet.errors import DataError
from mmdet.evaluation.files import read_json
from mmdet.evaluation.vis_ground_truth import GroundTruth, read_ground_truth
from mmdet.evaluation.vis_results import archive_problems, load_results
from mmdet.holdout import HOLDOUT_FRACTION
from mmdet.ops.rle_batch import inspect_masks

_KEYS = ('video_id', 'category_id', 'score', 'segmentations')


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (or, as a warning, odd) in a submission.

    Attributes:
        text: what it is.
        result: index in the list of results, None for the file as a whole.
        video: video id, None where unknown.
        frame: index of the frame, None for the whole track.
        warning: whether the server would take it nevertheless.
    """

    text: str
    result: int | None = None
    video: int | None = None
    frame: int | None = None
    warning: bool = False

    def line(self, file: str) -> str:
        """The finding with its place, for the console."""
        named = (('result', self.result), ('video', self.video), ('frame', self.frame))
        place = ', '.join(f'{name} {value}' for name, value in named if value is not None)
        return f'{file}: {place + ": " if place else ""}{"warning: " if self.warning else ""}{self.text}'


@dataclass
class SubmissionReport:
    """Everything found in one submission.

    Attributes:
        file: the submission.
        findings: problems and warnings in the order of the file.
        counts: results, masks, videos with results, videos of the annotation file or its split.
    """

    file: str
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def problems(self) -> list[Finding]:
        """Findings for which the submission should not be uploaded."""
        return [finding for finding in self.findings if not finding.warning]

    def text(self, limit: int = 50) -> str:
        """Findings, at most ``limit`` problems and as many warnings, and a summary line."""
        lines = []
        warnings = [finding for finding in self.findings if finding.warning]
        for kind, findings in (('problems', self.problems), ('warnings', warnings)):
            lines += [finding.line(self.file) for finding in findings[:limit]]
            if len(findings) > limit:
                lines.append(f'... and {len(findings) - limit} more {kind}')
        verdict = 'do not upload' if self.problems else 'ready to upload'
        counts = self.counts
        if counts and counts['videos with results'] < counts['videos']:
            cover = f'results cover {counts["videos with results"]} of {counts["videos"]} videos'
            lines.append(f'{self.file}: {cover}; the others count as videos without detections')
        numbers = ', '.join(f'{count} {name}' for name, count in counts.items())
        lines.append(f'{self.file}: {len(self.problems)} problems, {len(warnings)} warnings: {verdict} ({numbers})')
        return '\n'.join(lines)


def check_submission(
    path: str | Path, annotations: str | Path, split: str | None = None, holdout_fraction: float = HOLDOUT_FRACTION
) -> SubmissionReport:
    """Compare a result file (JSON or zip) with an annotation file, which may be without ground truth.

    Checked: archive layout, keys and types, video and category ids, list lengths, masks and their sizes, scores,
    identical entries. Warnings: tracks and masks without pixels. With ``split`` only those videos of the annotation
    file may have results, see :func:`mmdet.holdout.split_ids`.

    Raises:
        DataError: the annotation file itself cannot be used.
        ConfigError: there is no such split, or no video in it.
    """
    truth = read_ground_truth(read_json(annotations, 'annotation'), str(annotations), need_annotations=False)
    truth = truth.part(split, holdout_fraction)
    report = SubmissionReport(str(path))
    report.findings += _layout_findings(Path(path))
    if report.problems:
        return report
    try:
        results = load_results(path)
    except DataError as error:
        report.findings.append(Finding(str(error).removeprefix(f'{path}: ')))
        return report
    seen: dict[bytes, int] = {}
    for index, entry in enumerate(results):
        report.findings += _entry_findings(index, entry, truth)
        original = seen.setdefault(_digest(entry), index)
        if original != index:
            report.findings.append(Finding(f'identical to result {original}', index, _video_of(entry)))
    if not results:
        report.findings.append(Finding('holds no results; servers fail on an empty list'))
    videos = Counter(_video_of(entry) for entry in results)
    report.counts = {
        'results': len(results),
        'masks': sum(mask is not None for entry in results for mask in _masks_of(entry)),
        'videos with results': sum(video_id in videos for video_id in truth.videos),
        'videos': len(truth.videos),
    }
    return report


def _layout_findings(path: Path) -> Iterator[Finding]:
    try:
        if not path.is_file():
            yield Finding('is not a file')
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from (Finding(problem) for problem in archive_problems(archive))
    except (OSError, zipfile.BadZipFile) as error:
        yield Finding(f'cannot be read: {error}')


def _entry_findings(index: int, entry: dict[str, Any], truth: GroundTruth) -> Iterator[Finding]:
    video_id = _video_of(entry)
    missing = [key for key in _KEYS if key not in entry]
    if missing:
        yield Finding(f'has no {", ".join(missing)}', index, video_id)
        return
    if type(entry['category_id']) is not int or entry['category_id'] not in truth.categories:
        yield Finding(f'category_id {entry["category_id"]!r} is not in the annotation file', index, video_id)
    yield from (Finding(text, index, video_id) for text in _score_problems(entry['score']))
    if not isinstance(entry['segmentations'], list):
        yield Finding("'segmentations' is not a list", index, video_id)
    if video_id not in truth.videos or type(entry['video_id']) is not int:
        yield Finding(f'video_id {entry["video_id"]!r} is not in {truth.source}', index)
    elif isinstance(entry['segmentations'], list):
        yield from _mask_findings(index, entry['segmentations'], truth, video_id)


def _score_problems(score: Any) -> Iterator[str]:
    if isinstance(score, bool) or not isinstance(score, int | float):
        yield f'score {score!r} is not a number'
    elif not math.isfinite(score):
        yield f'score {score} is not finite'
    elif not 0 <= score <= 1:
        yield f'score {score} is outside 0 to 1'


def _mask_findings(index: int, masks: list, truth: GroundTruth, video_id: int) -> Iterator[Finding]:
    video = truth.videos[video_id]
    if len(masks) != video.length:
        text = f"'segmentations' has {len(masks)} entries, the video has {video.length} frames"
        yield Finding(text, index, video_id)
    batch = inspect_masks(masks, video.height, video.width)
    for frame, problem in batch.problems.items():
        yield Finding(problem, index, video_id, frame)
    for frame, (mask, area) in enumerate(zip(batch.masks, batch.areas)):
        if mask is not None and area == 0:
            yield Finding('mask without pixels; write null instead', index, video_id, frame, warning=True)
    if not batch.problems and not batch.areas.any():
        yield Finding('track without a mask in any frame', index, video_id, warning=True)


def _digest(entry: dict[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps([entry.get(key) for key in _KEYS], sort_keys=True).encode()).digest()


def _video_of(entry: dict[str, Any]) -> int:
    video_id = entry.get('video_id')
    return video_id if type(video_id) is int else -1


def _masks_of(entry: dict[str, Any]) -> list:
    masks = entry.get('segmentations')
    return masks if isinstance(masks, list) else []

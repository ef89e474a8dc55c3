"""Every fault of a submission is found and named with its place."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.submission import check_submission
from mmdet.evaluation.vis_results import write_results

BOXES = [(1, 1, 5, 5), None, (2, 2, 5, 5)]


@pytest.fixture
def annotations(tmp_path: Path, ground_truth) -> Path:
    """An annotation file without ground truth, as servers give it out."""
    truth = {**ground_truth([]), 'annotations': None}
    truth['videos'].append({'id': 8, 'height': 20, 'width': 20, 'length': 1})
    path = tmp_path / 'valid.json'
    path.write_text(json.dumps(truth))
    return path


def test_a_good_submission(tmp_path: Path, annotations: Path, result) -> None:
    for name in ('r.json', 'r.zip'):
        path = write_results([result(BOXES), result(BOXES, 0.8)], tmp_path / name)
        report = check_submission(path, annotations)
        assert report.findings == []
        cover = 'results cover 1 of 2 videos; the others count as videos without detections'
        counts = '2 results, 4 masks, 1 videos with results, 2 videos'
        assert report.text() == f'{path}: {cover}\n{path}: 0 problems, 0 warnings: ready to upload ({counts})'


def test_split(tmp_path: Path, annotations: Path, result) -> None:
    # the hold-out rule puts video 7 at 0.24 and video 8 at 0.33 of [0, 1)
    path = write_results([result(BOXES)], tmp_path / 'r.json')
    held_out = check_submission(path, annotations, 'holdout', 0.3)
    assert held_out.problems == [] and 'cover' not in held_out.text()
    rest = check_submission(path, annotations, 'train-holdout', 0.3)
    assert [finding.text for finding in rest.problems] == [
        f"video_id 7 is not in {annotations} (split 'train-holdout' of 0.3)"
    ]
    with pytest.raises(ConfigError, match='leaves none of 2 videos'):
        check_submission(path, annotations, 'holdout', 0.01)


WRONG_SIZE = {'size': [80, 60], 'counts': [4800]}
FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    'unknown video': ({'video_id': 99}, ['result 1: video_id 99 is not in']),
    'video id as text': ({'video_id': '7'}, ["result 1: video_id '7' is not in"]),
    'unknown category': ({'category_id': 99}, ['result 1, video 7: category_id 99']),
    'category as text': ({'category_id': '3'}, ["result 1, video 7: category_id '3'"]),
    'score above 1': ({'score': 1.5}, ['result 1, video 7: score 1.5 is outside 0 to 1']),
    'score below 0': ({'score': -0.1}, ['result 1, video 7: score -0.1 is outside']),
    'score not a number': ({'score': float('nan')}, ['result 1, video 7: score nan is not finite']),
    'score as text': ({'score': '0.5'}, ["result 1, video 7: score '0.5' is not a number"]),
    'masks are no list': ({'segmentations': None}, ["result 1, video 7: 'segmentations' is not a list"]),
    'list too short': ({'segmentations': [None]}, ['result 1, video 7: .* 1 entries, the video has 3']),
    'list too long': ({'segmentations': [None] * 4}, ['result 1, video 7: .* 4 entries']),
    'mask sizes': (
        {'segmentations': [WRONG_SIZE, None, {'size': [60, 80], 'counts': 'n'}]},
        ['result 1, video 7, frame 0: .*size', 'result 1, video 7, frame 2: .*'],
    ),
    'several at once': (
        {'score': 2, 'category_id': 0, 'segmentations': [None]},
        ['category_id 0', 'score 2', '1 entries'],
    ),
}


@pytest.mark.parametrize(('changes', 'messages'), FAULTS.values(), ids=FAULTS)
def test_faults(tmp_path: Path, annotations: Path, result, changes, messages) -> None:
    path = tmp_path / 'r.json'
    path.write_text(json.dumps([result(BOXES), {**result(BOXES, 0.8), **changes}]))
    report = check_submission(path, annotations)
    assert len(report.problems) == len(messages)
    for finding, message in zip(report.problems, messages):
        assert re.search(message, finding.line(str(path)))
    assert 'do not upload' in report.text()


def test_missing_keys_and_identical_entries(tmp_path: Path, annotations: Path, result) -> None:
    path = tmp_path / 'r.json'
    path.write_text(json.dumps([result(BOXES), {'video_id': 7}, result(BOXES), {**result(BOXES), 'score': 0.1}]))
    lines = [finding.line('r') for finding in check_submission(path, annotations).problems]
    assert lines == [
        'r: result 1, video 7: has no category_id, score, segmentations',
        'r: result 2, video 7: identical to result 0',
    ]


def test_empty_masks_are_warnings(tmp_path: Path, annotations: Path, result) -> None:
    entries = [result([None, None, None]), result([(0, 0, 0, 0), None, (1, 1, 2, 2)], 0.8)]
    report = check_submission(write_results(entries, tmp_path / 'r.json'), annotations)
    assert report.problems == []
    assert [finding.line('r') for finding in report.findings] == [
        'r: result 0, video 7: warning: track without a mask in any frame',
        'r: result 1, video 7, frame 0: warning: mask without pixels; write null instead',
    ]


def test_long_lists_are_cut_but_counted(tmp_path: Path, annotations: Path, result) -> None:
    entries = [result(BOXES, score=2 + i) for i in range(80)]
    report = check_submission(write_results(entries, tmp_path / 'r.json'), annotations)
    lines = report.text(limit=20).splitlines()
    assert len(lines) == 23
    assert lines[20] == '... and 60 more problems'
    assert '80 problems, 0 warnings: do not upload' in lines[22]


LAYOUTS = {
    'wrong member name': ({'result.json': '[]'}, ['must hold exactly results.json at its top level']),
    'in a folder': ({'a/results.json': '[]'}, ['must hold exactly results.json']),
    'second member': ({'results.json': '[]', 'b': ''}, ['must hold exactly results.json']),
    'not JSON': ({'results.json': '['}, ['not JSON']),
    'not a list': ({'results.json': '{}'}, ['must be a list']),
    'empty list': ({'results.json': '[]'}, ['holds no results']),
}


@pytest.mark.parametrize(('members', 'messages'), LAYOUTS.values(), ids=LAYOUTS)
def test_archive_layout(tmp_path: Path, annotations: Path, members, messages) -> None:
    with zipfile.ZipFile(tmp_path / 'r.zip', 'w') as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    report = check_submission(tmp_path / 'r.zip', annotations)
    assert len(report.problems) == len(messages)
    assert all(message in finding.text for finding, message in zip(report.problems, messages))


def test_missing_files(tmp_path: Path, annotations: Path) -> None:
    assert [f.text for f in check_submission(tmp_path / 'none.zip', annotations).problems] == ['is not a file']
    with pytest.raises(DataError, match='cannot read the annotation file'):
        check_submission(annotations, tmp_path / 'none.json')

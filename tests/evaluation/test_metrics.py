"""The metrics that configs name, on a data set that is no more than what they ask for."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mmdet.errors import AnnotationsMissingError, ConfigError, DataError
from mmdet.evaluation.video_result import FrameTracks, VideoResult
from mmdet.registry import METRICS

SQUARE = (10, 10, 10, 10)


@dataclass
class Video:
    id: int
    height: int
    width: int
    length: int


class Dataset:
    """The part of a data set that a metric sees; labels are in another order than the file's categories."""

    ann_file = 'a.json'
    category_ids = (5, 3)

    def __init__(self, truth: dict[str, Any]) -> None:
        self._truth = truth
        self.videos = [Video(v['id'], v['height'], v['width'], v['length']) for v in truth['videos']]
        self.has_annotations = bool(truth['annotations'])

    def ground_truth(self) -> dict[str, Any]:
        return self._truth


@pytest.fixture
def dataset(ground_truth) -> Dataset:
    return Dataset(ground_truth([{'boxes': [SQUARE] * 2, 'occlusion': ['no_occlusion'] * 2}]))


@pytest.fixture
def still(ground_truth) -> Dataset:
    track = {'boxes': [SQUARE], 'bboxes': [list(SQUARE)]}
    return Dataset(ground_truth([track]))


@pytest.fixture
def video_result(rectangle):
    """Tracker output for video 7: the square, of label 1 (category 3), in every frame."""

    def make(length: int = 2, video_id: int = 7, label: int = 1) -> VideoResult:
        frame = FrameTracks([4], [label], [0.9], [[10.0, 10.0, 20.0, 20.0]], [rectangle(SQUARE)])
        return VideoResult(video_id, 60, 80, length, [''] * length, [frame] * length)

    return make


@pytest.mark.parametrize(('kind', 'count'), [('YTVISMetric', 12), ('OVISMetric', 18)])
def test_track_metrics(dataset, video_result, kind: str, count: int) -> None:
    metric = METRICS.build({'type': kind, 'metrics': ('segm',)})
    found = metric.evaluate(iter([video_result()]), dataset)
    assert len(found) == count
    assert found['AP'] == pytest.approx(1)
    assert found['AP_small'] == pytest.approx(1)
    assert metric.last.per_category[3]['AP'] == pytest.approx(1)
    assert metric.evaluate([video_result(label=0)], dataset)['AP'] == 0


def test_class_agnostic(dataset, video_result) -> None:
    metric = METRICS.build({'type': 'YTVISMetric', 'class_agnostic': True})
    assert metric.evaluate([video_result(label=0)], dataset)['AP'] == pytest.approx(1)


def test_coco_metric(still, video_result, tmp_path: Path) -> None:
    metric = METRICS.build({'type': 'COCOMetric'})
    found = metric.evaluate([video_result(1)], still)
    assert len(found) == 24
    assert found['bbox_AP'] == pytest.approx(1)
    assert found['segm_AP'] == pytest.approx(1)
    written = json.loads(metric.export([video_result(1)], still, tmp_path / 'r.json').read_bytes())
    assert [(entry['image_id'], entry['category_id'], entry['bbox']) for entry in written] == [(7, 3, [10, 10, 10, 10])]


def test_export(dataset, video_result, tmp_path: Path) -> None:
    path = METRICS.build({'type': 'YTVISMetric'}).export([video_result()], dataset, tmp_path / 'r.pkl')
    assert path.name == 'r.pkl.json'
    (entry,) = json.loads(path.read_bytes())
    assert (entry['video_id'], entry['category_id']) == (7, 3)
    assert 'cats' not in entry
    path = METRICS.build({'type': 'OVISMetric'}).export([video_result()], dataset, tmp_path / 'r.zip')
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read('results.json'))[0]['cats'] == [1, 1]


@pytest.mark.parametrize('kind', ['YTVISMetric', 'OVISMetric', 'COCOMetric'])
def test_without_ground_truth_only_export_works(ground_truth, video_result, tmp_path: Path, kind: str) -> None:
    truth = {**ground_truth([]), 'annotations': None}
    truth['videos'][0]['length'] = 1
    metric = METRICS.build({'type': kind})
    with pytest.raises(AnnotationsMissingError, match=r'a\.json has no annotations'):
        metric.evaluate([video_result(1)], Dataset(truth))
    assert len(json.loads(metric.export([video_result(1)], Dataset(truth), tmp_path / 'r.json').read_bytes())) == 1


@pytest.mark.parametrize('kind', ['YTVISMetric', 'OVISMetric'])
@pytest.mark.parametrize(
    ('videos', 'message'),
    [
        ([], r'no results for 1 of 1 videos of a\.json: 7'),
        ([(2, 7), (2, 7)], 'video 7 came twice'),
        ([(2, 8)], r'video 8 came twice, or a\.json has no such video'),
        ([(3, 7)], r'video 7 are for \(frames, height, width\) \(3, 60, 80\), but a\.json says \(2, 60, 80\)'),
    ],
)
def test_results_must_fit_the_data_set(dataset, video_result, tmp_path: Path, kind: str, videos, message: str) -> None:
    metric = METRICS.build({'type': kind})
    with pytest.raises(DataError, match=message):
        metric.evaluate([video_result(*video) for video in videos], dataset)
    with pytest.raises(DataError, match=message):
        metric.export([video_result(*video) for video in videos], dataset, tmp_path / 'r.json')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    'config',
    [
        {'type': 'YTVISMetric', 'metrics': ('bbox',)},
        {'type': 'COCOMetric', 'metrics': ('proposal',)},
        {'type': 'COCOMetric', 'metrics': ()},
        {'type': 'YTVISMetric', 'metric': 'segm'},
    ],
)
def test_wrong_configs(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        METRICS.build(config)

"""Metrics and exports of DAVIS, YouTube-VOS and VOT on results of known quality, and their way through files."""

from __future__ import annotations

import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.datasets import DAVISDataset, YouTubeVOSDataset
from mmdet.datasets.shapes import DAVISWriter, ShapesConfig, YouTubeVOSWriter, make_shapes
from mmdet.errors import AnnotationsMissingError, ConfigError, DataError
from mmdet.evaluation import DAVISMetric, FrameTracks, VideoResult, VOTMetric, YouTubeVOSMetric
from mmdet.evaluation.label_export import as_proposals, frame_labels
from mmdet.evaluation.vos_commands import evaluate_davis, evaluate_vos
from mmdet.evaluation.youtube_vos import ObjectScore, VOSScores
from mmdet.ops.rle import encode
from mmdet.sequences import object_numbers, read_label_map
from mmdet.sequences.label_maps import write_label_map

CONFIG = {'size': (96, 64), 'num_frames': 5}


@pytest.fixture(scope='module')
def davis(tmp_path_factory: pytest.TempPathFactory) -> DAVISDataset:
    root = tmp_path_factory.mktemp('davis') / 'set'
    make_shapes(root, ShapesConfig(**CONFIG, enter_probability=0), {'valid': 2}, DAVISWriter(), progress=False)
    return DAVISDataset(data_root=str(root), test_mode=True)


@pytest.fixture(scope='module')
def vos(tmp_path_factory: pytest.TempPathFactory) -> YouTubeVOSDataset:
    root = tmp_path_factory.mktemp('vos') / 'set'
    config = ShapesConfig(**CONFIG, enter_probability=0.9)
    make_shapes(root, config, {'train': 1, 'valid': 3}, YouTubeVOSWriter(step=2), progress=False)
    return YouTubeVOSDataset(data_root=str(root), test_mode=True, frames='all')


def result_of(data: Any, video: Any, change: Callable[[np.ndarray], np.ndarray] = lambda m: m) -> VideoResult:
    """The ground truth as a result, every mask changed by ``change``; frames without a map are empty."""
    frames = []
    for frame in range(video.length):
        try:
            labels = data.label_map(video, frame)
        except DataError:
            labels = np.zeros((video.height, video.width), np.uint8)
        numbers = object_numbers(labels)
        masks = [encode(change(labels == n).astype(np.uint8)) for n in numbers]
        count = len(numbers)
        frames.append(FrameTracks(numbers, [0] * count, [0.9] * count, [[0.0, 0.0, 5.0, 5.0]] * count, masks))
    return VideoResult(video.id, video.height, video.width, video.length, list(video.file_names), frames)


def results_of(data: Any, change: Callable[[np.ndarray], np.ndarray] = lambda m: m) -> list[VideoResult]:
    return [result_of(data, video, change) for video in data.videos]


@pytest.mark.parametrize('task', ['semi-supervised', 'unsupervised'])
def test_davis_of_the_truth_is_1(davis: DAVISDataset, task: Any) -> None:
    metric = DAVISMetric(task)
    numbers = metric.evaluate(results_of(davis), davis)
    assert (numbers['J&F-Mean'], numbers['J-Recall'], numbers['F-Decay']) == (1, 1, 0)
    assert metric.last is not None and [s.name for s in metric.last.sequences] == ['valid_00000', 'valid_00001']


def test_files_give_the_numbers_of_the_metric(davis: DAVISDataset, tmp_path: Path) -> None:
    results = results_of(davis, lambda mask: np.roll(mask, 3, 1))
    metric = DAVISMetric()
    numbers = metric.evaluate(results, davis)
    assert 0 < numbers['J&F-Mean'] < 1
    folder = metric.export(results, davis, tmp_path / 'results')
    root = str(Path(davis.ann_file).parents[2])
    arguments = {'results': str(folder), 'annotations': root, 'task': 'semi-supervised', 'sequences': None}
    report = evaluate_davis(Namespace(**arguments, merge_objects=False))
    assert {key: report.numbers[key] for key in numbers} == pytest.approx(numbers)
    assert set(report.curves) == {'valid_00000', 'valid_00001'}
    merged = evaluate_davis(Namespace(**arguments, merge_objects=True)).numbers
    assert list(merged['per_object']) == ['valid_00000_1', 'valid_00001_1']
    (folder / 'valid_00001/00002.png').unlink()
    with pytest.raises(DataError, match=r'00002.png \(results of valid_00001\): the label map does not exist'):
        evaluate_davis(Namespace(**arguments, merge_objects=False))


def test_zip(davis: DAVISDataset, tmp_path: Path) -> None:
    path = DAVISMetric().export(results_of(davis), davis, tmp_path / 'r.zip')
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 10 and 'valid_00000/00004.png' in archive.namelist()
    with pytest.raises(ConfigError, match=r'folder or a \.zip'):
        DAVISMetric().export(results_of(davis), davis, tmp_path / 'r.json')


def test_youtube_vos(vos: YouTubeVOSDataset, tmp_path: Path) -> None:
    results = results_of(vos)
    numbers = YouTubeVOSMetric().evaluate(results, vos)
    assert numbers == {'J': 1, 'F': 1, 'overall': 1}
    root = Path(vos.ann_file).parent
    train = str(root.parent / 'train/meta.json')
    metric = YouTubeVOSMetric(train)
    shifted = results_of(vos, lambda mask: np.roll(mask, 4, 1))
    numbers = metric.evaluate(shifted, vos)
    assert {'J_seen', 'F_seen', 'overall'} <= set(numbers) and max(numbers.values()) < 1
    folder = metric.export(shifted, vos, tmp_path / 'out')
    first = vos.videos[0]
    written = (folder / 'Annotations' / vos.sequence_name(first)).iterdir()
    assert sorted(path.stem for path in written) == ['00000', '00002', '00004']
    arguments = Namespace(results=str(folder), annotations=str(root), train_meta=train)
    report = evaluate_vos(arguments)
    assert {key: report.numbers[key] for key in numbers} == pytest.approx(numbers)
    for name, lines in report.curves.items():
        for item in (o for o in metric.last.objects if o.video == name):
            line = np.array(lines[f'J object {item.id}'])
            assert len(line) == 3 and np.isnan(line[0]) and np.nanmean(line) == pytest.approx(item.J)
    write_label_map(folder / 'Annotations' / vos.sequence_name(first) / '00002.png', np.full((64, 96), 77, np.uint8))
    with pytest.raises(DataError, match=r'frame 00002: the result has object 77, the video 1'):
        evaluate_vos(arguments)


def test_groups_of_categories() -> None:
    objects = [
        ObjectScore('a', 1, 'cat', 0.8, 0.6),
        ObjectScore('a', 2, 'cat', 0.6, 0.6),
        ObjectScore('b', 1, 'ape', 0.2, 0),
    ]
    assert VOSScores({'cat', 'dog'}, objects).numbers == pytest.approx(
        {'J_seen': 0.7, 'J_unseen': 0.2, 'F_seen': 0.6, 'F_unseen': 0, 'overall': 0.375}
    )
    assert VOSScores({'cat'}, objects[:2]).numbers == pytest.approx({'J_seen': 0.7, 'F_seen': 0.6, 'overall': 0.65})
    assert 'unseen' in VOSScores({'cat'}, objects).table()


def row(x: int, identity: int, score: float) -> tuple[int, float, Any]:
    mask = np.zeros((4, 10), np.uint8)
    mask[:, x : x + 5] = 1
    return identity, score, encode(mask)


OVERLAPS = {
    'the higher score has the pixel': ([row(0, 3, 0.9), row(3, 7, 0.5)], [3] * 5 + [7] * 3 + [0] * 2),
    'whatever their order': ([row(3, 7, 0.5), row(0, 3, 0.9)], [3] * 5 + [7] * 3 + [0] * 2),
    'of equals the lower number': ([row(3, 7, 0.5), row(0, 3, 0.5)], [3] * 5 + [7] * 3 + [0] * 2),
    'no identity': ([row(0, -1, 0.5)], [0] * 10),
    'nothing': ([], [0] * 10),
}


def tracks(rows: list[Any]) -> FrameTracks:
    ids, scores, masks = ([r[i] for r in rows] for i in range(3))
    return FrameTracks(ids, [0] * len(ids), scores, [[0.0, 0.0, 1.0, 1.0]] * len(ids), masks)


@pytest.mark.parametrize(('rows', 'expected'), OVERLAPS.values(), ids=OVERLAPS)
def test_overlapping_masks(rows: list[Any], expected: list[int]) -> None:
    assert frame_labels(tracks(rows), 4, 10)[2].tolist() == expected


def test_numbers_that_do_not_fit_a_pixel() -> None:
    with pytest.raises(DataError, match='video 1: object 255 cannot be written'):
        frame_labels(tracks([row(0, 255, 0.5)]), 4, 10, where='video 1')


def test_proposals_are_the_best_twenty() -> None:
    frames = [tracks([row(0, identity, identity / 100) for identity in range(1, 31)])]
    numbers = as_proposals(VideoResult(1, 4, 10, 1, [''], frames))
    assert len(numbers) == 20 and numbers[30] == 1 and numbers[11] == 20


def test_refused(davis: DAVISDataset, vos: YouTubeVOSDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match='no results for 1 of 2 videos'):
        DAVISMetric().evaluate(results_of(davis)[:1], davis)
    with pytest.raises(ConfigError, match='semi-supervised or unsupervised'):
        DAVISMetric('both')  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match='one-pass'):
        VOTMetric('mine')  # type: ignore[arg-type]
    monkeypatch.setattr(davis, 'has_annotations', False)
    with pytest.raises(AnnotationsMissingError):
        DAVISMetric().evaluate(results_of(davis), davis)


def test_exported_maps_carry_the_numbers_of_the_truth(davis: DAVISDataset, tmp_path: Path) -> None:
    folder = DAVISMetric().export(results_of(davis), davis, tmp_path / 'r')
    video = davis.videos[1]
    for frame in range(video.length):
        path = folder / davis.sequence_name(video) / f'{frame:05d}.png'
        np.testing.assert_array_equal(read_label_map(path), davis.label_map(video, frame))

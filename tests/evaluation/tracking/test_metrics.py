"""The metrics of a config: scores and result files from this program's results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.datasets import MOTSDataset, YouTubeVISDataset
from mmdet.datasets.shapes import ShapesConfig, make_shapes
from mmdet.datasets.shapes.writers.kitti_mots import KITTIMOTSWriter
from mmdet.errors import AnnotationsMissingError, ConfigError, DataError
from mmdet.evaluation import FrameTracks, MOTMetric, MOTSMetric, VideoResult
from mmdet.evaluation.tracking.files import evaluate_mot_files, evaluate_mots_files
from mmdet.formats import read_boxes, read_masks, read_seqmap
from mmdet.ops.rle import area, decode, encode, normalise_rle
from mmdet.registry import METRICS


@pytest.fixture(scope='module')
def mots_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Procedural sequences in the layout of KITTI MOTS, with regions to be ignored."""
    root = tmp_path_factory.mktemp('mots') / 'set'
    config = ShapesConfig(size=(96, 64), num_frames=5, classes=('square', 'star', 'ring'))
    return make_shapes(root, config, {'train': 2, 'valid': 2}, fmt=KITTIMOTSWriter(others='ignore'), progress=False)


@pytest.fixture(scope='module')
def dataset(mots_root: Path) -> MOTSDataset:
    return MOTSDataset('instances_txt', str(mots_root), seqmap='seqmaps/train.seqmap', test_mode=True)


def truth_as_results(dataset: Any, shift: int = 0) -> list[VideoResult]:
    """What a model that sees everything would give; identities from 0, masks moved to the right by ``shift``."""
    document = dataset.ground_truth()
    labels = {category: label for label, category in enumerate(dataset.category_ids)}
    results = []
    for video in dataset.videos:
        frames = [FrameTracks([], [], [], [], []) for _ in range(video.length)]
        tracks = [a for a in document['annotations'] if a['video_id'] == video.id and not a.get('iscrowd')]
        for identity, annotation in enumerate(tracks):
            for frame, mask in enumerate(annotation['segmentations']):
                if mask is None:
                    continue
                x, y, w, h = annotation['bboxes'][frame]
                mask = normalise_rle(mask, video.height, video.width)
                mask = encode(np.roll(decode(mask), shift, axis=1)) if shift else mask
                row = (identity, labels[annotation['category_id']], 0.5 + identity / 100, [x, y, x + w, y + h], mask)
                for values, value in zip(vars(frames[frame]).values(), row):
                    values.append(value)
        results.append(VideoResult(video.id, video.height, video.width, video.length, [''] * video.length, frames))
    return results


PERFECT = {
    'MOTMetric': (MOTMetric(), ('HOTA', 'MOTA', 'IDF1', 'car_HOTA', 'pedestrian_MOTA')),
    'masks': (MOTMetric('masks'), ('HOTA', 'MOTA', 'sMOTA')),
    'MOTSMetric': (MOTSMetric(), ('HOTA', 'sMOTSA', 'MOTSA', 'MOTSP', 'car_sMOTSA', 'pedestrian_sMOTSA')),
    'mots_tools': (MOTSMetric('mots_tools'), ('sMOTSA', 'MOTSA', 'MOTSP', 'car_sMOTSA')),
}


@pytest.mark.parametrize('case', PERFECT)
def test_perfect_results(dataset: MOTSDataset, case: str) -> None:
    metric, names = PERFECT[case]
    numbers = metric.evaluate(truth_as_results(dataset), dataset)
    assert {name: numbers[name] for name in names} == pytest.approx(dict.fromkeys(names, 1.0))
    assert all(np.isfinite(value) for value in numbers.values())
    assert next(iter(numbers)) in ('HOTA', 'sMOTSA')  # the best checkpoint is that of the first number


@pytest.mark.parametrize('protocol', ['trackeval', 'mots_tools'])
def test_exported_files_score_the_same(dataset: MOTSDataset, mots_root: Path, tmp_path: Path, protocol) -> None:
    results = truth_as_results(dataset, shift=3)
    metric = MOTSMetric(protocol, png=True)
    numbers = metric.evaluate(results, dataset)
    assert 0 < numbers['sMOTSA'] < 1
    folder = metric.export(results, dataset, tmp_path / 'out')
    assert sorted(path.name for path in folder.iterdir()) == ['0000', '0000.txt', '0001', '0001.txt']
    rows = read_seqmap(mots_root / 'seqmaps' / 'train.seqmap')
    for truth in ('instances_txt', 'instances'):
        found = evaluate_mots_files(folder, mots_root / truth, protocol, rows)
        assert found.summary()['car_sMOTSA' if protocol == 'mots_tools' else 'car_sMOTA'] == pytest.approx(
            numbers['car_sMOTSA'], abs=1e-12
        )


def test_overlapping_results_are_resolved(dataset: MOTSDataset, tmp_path: Path) -> None:
    results = truth_as_results(dataset)
    first = next(frame for frame in results[0].frames if len(frame))
    first.masks[0] = encode(np.ones((64, 96)))
    first.scores[0] = 0.01
    folder = MOTSMetric().export(results, dataset, tmp_path / 'out')
    table = read_masks(folder / '0000.txt', 5)  # refuses overlaps
    assert int(table.masks.areas[table.frames == results[0].frames.index(first)].sum()) == 64 * 96
    assert area([first.masks[0]]) == 64 * 96  # the results themselves are as they were


def test_boxes_exported(dataset: MOTSDataset, tmp_path: Path) -> None:
    results = truth_as_results(dataset)
    results[0].frames[0].instance_ids[0] = -1  # no identity: not a track
    folder = MOTMetric().export(results, dataset, tmp_path / 'out')
    table = read_boxes(folder / '0000.txt', 'result', 5)
    assert len(table) == sum(len(frame) for frame in results[0].frames) - 1


def test_results_on_a_region_are_excused(dataset: MOTSDataset) -> None:
    results = truth_as_results(dataset)
    document = dataset.ground_truth()
    region = next(a for a in document['annotations'] if a.get('role') == 'region')
    result = next(r for r in results if r.video_id == region['video_id'])
    for frame, mask in enumerate(region['segmentations']):
        if mask is not None:
            for values, value in zip(vars(result.frames[frame]).values(), (99, 1, 0.9, [0.0, 0.0, 1.0, 1.0], mask)):
                values.append(value)
    assert MOTSMetric().evaluate(results, dataset)['MOTSA'] == pytest.approx(1)
    counted = MOTSMetric('mots_tools')
    counted.evaluate(results, dataset)
    assert counted.last is not None and counted.last.scores['pedestrian']['all']['n_itr'] > 0


def test_any_set_with_identities(tiny_shapes: Path) -> None:
    shapes = YouTubeVISDataset('annotations/valid.json', str(tiny_shapes), 'valid/JPEGImages', test_mode=True)
    for metric in (MOTMetric(), MOTMetric('masks'), MOTSMetric()):
        assert metric.evaluate(truth_as_results(shapes), shapes)['HOTA'] == pytest.approx(1)
    with pytest.raises(ConfigError, match='is not in the MOTS format'):
        MOTSMetric().export(truth_as_results(shapes), shapes, 'unused')


def test_built_from_a_config() -> None:
    assert METRICS.build(dict(type='MOTSMetric', protocol='mots_tools')).protocol == 'mots_tools'
    assert METRICS.build(dict(type='MOTMetric', overlap='masks')).rule == 'inside'


@pytest.mark.parametrize(
    'config',
    [dict(type='MOTMetric', overlap='points'), dict(type='MOTMetric', rule='x'), dict(type='MOTSMetric', protocol='x')],
    ids=str,
)
def test_wrong_arguments(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match='must be'):
        METRICS.build(config)


def test_refused(dataset: MOTSDataset, mots_root: Path, tmp_path: Path) -> None:
    results = truth_as_results(dataset)
    with pytest.raises(DataError, match='no results for 1 of 2 videos'):
        MOTMetric().evaluate(results[:1], dataset)
    with pytest.raises(ConfigError, match='give the name of a folder'):
        MOTSMetric().export(results, dataset, tmp_path / 'r.json')
    without = MOTSDataset('', str(mots_root), seqmap='seqmaps/train.seqmap', test_mode=True)
    with pytest.raises(AnnotationsMissingError):
        MOTSMetric().evaluate(results, without)
    results[0].frames[0].labels[0] = 7
    with pytest.raises(DataError, match='label 7'):
        MOTMetric().evaluate(results, dataset)


def test_missing_files(mots_root: Path, tmp_path: Path) -> None:
    (tmp_path / '0000.txt').write_text('')
    with pytest.raises(DataError, match='no results for sequence 0001'):
        evaluate_mots_files(tmp_path, mots_root / 'instances_txt')
    (tmp_path / 'none').mkdir()
    with pytest.raises(AnnotationsMissingError, match='neither'):
        evaluate_mots_files(tmp_path, tmp_path / 'none')
    with pytest.raises(DataError, match='no such file or folder of ground truth'):
        evaluate_mot_files(tmp_path, tmp_path / 'nowhere')

"""The metrics of a config: scores and result files from this program's results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.datasets import MOTChallengeDataset, MOTSDataset, YouTubeVISDataset
from mmdet.datasets.shapes import ShapesConfig, make_shapes
from mmdet.datasets.shapes.writers.kitti_mots import KITTIMOTSWriter
from mmdet.errors import AnnotationsMissingError, ConfigError, DataError
from mmdet.evaluation import FrameTracks, MOTMetric, MOTSMetric, VideoResult, YTVISMetric
from mmdet.evaluation.tracking.files import evaluate_mot_files, evaluate_mots_files, evaluate_video_entries
from mmdet.evaluation.tracking.numbers import scalar
from mmdet.evaluation.vis_ground_truth import read_ground_truth
from mmdet.formats import SequenceInfo, read_boxes, read_masks, read_seqmap, write_mask_pngs, write_masks, write_seqinfo
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


@pytest.mark.parametrize('protocol', ['trackeval', 'mots_tools'])
def test_counts_are_sums_over_classes(dataset: MOTSDataset, protocol: Any) -> None:
    numbers = MOTSMetric(protocol).evaluate(truth_as_results(dataset, shift=3), dataset)
    count, ratio = ('CLR_TP', 'sMOTSA') if protocol == 'trackeval' else ('tp', 'sMOTSA')
    parts = [numbers[f'{label}_{count}'] for label in ('car', 'pedestrian')]
    assert min(parts) > 0 and numbers[count] == sum(parts)
    assert numbers[ratio] == pytest.approx((numbers[f'car_{ratio}'] + numbers[f'pedestrian_{ratio}']) / 2)


def test_empty_maps_at_the_end_are_frames(mots_root: Path, tmp_path: Path) -> None:
    """No sequence map tells the length; the maps do, of ground truth or of results."""
    table = read_masks(mots_root / 'instances_txt' / '0000.txt')
    for name, length in (('truth', 5), ('results', 7)):
        write_mask_pngs(tmp_path / name / '0000', table.take(np.flatnonzero(table.frames < 2)), length, (64, 96))
    write_masks(tmp_path / 'texts' / '0000.txt', table.take(np.flatnonzero(table.frames < 2)))

    def frames(results: str, truth: str) -> int:
        scores = evaluate_mots_files(tmp_path / results, tmp_path / truth).scores['car']
        return int(scalar(scores['0000']['CLR_Frames']))

    assert [frames('texts', 'texts'), frames('texts', 'truth'), frames('results', 'truth')] == [2, 5, 7]


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
    labels = [label for frame in results[0].frames for label in frame.labels][1:]
    assert table.class_ids.tolist() == [dataset.category_ids[label] for label in labels]


def test_classes_are_exported_where_there_are_several(
    dataset: MOTSDataset, mots_root: Path, challenge: MOTChallengeDataset, tmp_path: Path
) -> None:
    folder = MOTMetric().export(truth_as_results(challenge), challenge, tmp_path / 'one')
    assert (folder / 'MOT17-02.txt').read_text().splitlines()[0] == '1,0,0,0,20,40,0.5,-1,-1,-1'
    several = MOTMetric().export(truth_as_results(dataset), dataset, tmp_path / 'several')
    lines = [line.split(',') for line in (several / '0000.txt').read_text().splitlines()]
    assert {len(line) for line in lines} == {9} and {line[7] for line in lines} <= {'1', '2'}
    assert lines[0][0] == '1'  # though KITTI's own files begin with 0
    (tmp_path / 'several' / 'MOT17-02.txt').write_text('1,0,0,0,20,40,0.5,2,-1\n')
    with pytest.raises(DataError, match=r'MOT17-02\.txt: class 2 in column 8, but MOTChallenge evaluates pedestrians'):
        evaluate_mot_files(several, Path(challenge.ann_file))


def test_boxes_without_area_are_not_exported(challenge: MOTChallengeDataset, tmp_path: Path) -> None:
    results, metric = truth_as_results(challenge), MOTMetric()
    frame = results[0].frames[1]
    for identity, bbox in ((7, [0.0, 5, -12, 30]), (8, [3.0, 4, 3, 9])):  # cut off at the left border; a line
        for values, value in zip(vars(frame).values(), (identity, 0, 0.9, bbox, None)):
            values.append(value)
    folder = metric.export(results, challenge, tmp_path / 'out')
    assert metric.evaluate(results, challenge)['MOTA'] == 1
    assert evaluate_mot_files(folder, Path(challenge.ann_file)).summary() == metric.last.summary()  # type: ignore


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


@pytest.fixture
def challenge(tmp_path: Path) -> MOTChallengeDataset:
    """One sequence of two frames with a pedestrian, and beside it a reflection that results may find or not."""
    folder = tmp_path / 'train' / 'MOT17-02'
    (folder / 'gt').mkdir(parents=True)
    (folder / 'gt' / 'gt.txt').write_text('1,1,0,0,20,40,1,1,1\n2,1,0,0,20,40,1,1,1\n1,2,50,0,20,40,0,12,1\n')
    write_seqinfo(folder / 'seqinfo.ini', SequenceInfo('MOT17-02', 2, 60, 80))
    return MOTChallengeDataset('train', str(tmp_path), test_mode=True)


def add_row(result: VideoResult, frame: int, label: int, bbox: list[float]) -> None:
    """A track of its own with one box and its rectangle."""
    mask = np.zeros((result.height, result.width), np.uint8)
    x1, y1, x2, y2 = map(int, bbox)
    mask[y1:y2, x1:x2] = 1
    for values, value in zip(vars(result.frames[frame]).values(), (99, label, 0.9, bbox, encode(mask))):
        values.append(value)


@pytest.mark.parametrize(
    ('metric', 'expected'),
    [
        (MOTMetric(), 0.5),
        (MOTMetric('masks'), 0.5),
        (MOTMetric(rule='matched'), 0.5),
        (MOTMetric(rule='inside'), 1.0),
    ],
    ids=['boxes', 'masks', 'matched', 'inside'],
)
def test_distractors_excuse_what_matches_them(
    challenge: MOTChallengeDataset, metric: MOTMetric, expected: float
) -> None:
    results = truth_as_results(challenge)
    add_row(results[0], 0, 0, [50.0, 0, 60, 10])  # inside the reflection, but too small to match it
    assert metric.evaluate(results, challenge)['MOTA'] == pytest.approx(expected)


@pytest.mark.parametrize('overlap', ['boxes', 'masks'])
def test_crowds_excuse_what_lies_in_them(tiny_shapes: Path, tmp_path: Path, overlap: Any) -> None:
    document = json.loads((tiny_shapes / 'annotations/valid.json').read_text())
    crowd = next(a for a in document['annotations'] if a['segmentations'][0])
    crowd['iscrowd'] = 1
    (tmp_path / 'valid.json').write_text(json.dumps(document))
    shapes = YouTubeVISDataset('valid.json', str(tmp_path), test_mode=True)
    results = truth_as_results(shapes)
    result = next(r for r in results if r.video_id == crowd['video_id'])
    rows = decode(normalise_rle(crowd['segmentations'][0], result.height, result.width))
    y, x = (int(v[len(v) // 2]) for v in np.nonzero(rows))
    add_row(result, 0, shapes.category_ids.index(crowd['category_id']), [x, y, x + 1.0, y + 1])
    metric = MOTMetric(overlap)
    assert metric.evaluate(results, shapes)['MOTA'] == pytest.approx(1)
    YTVISMetric().export(results, shapes, tmp_path / 'r.json')
    truth = read_ground_truth(document, 'valid.json')
    found = evaluate_video_entries(truth, json.loads((tmp_path / 'r.json').read_text()), overlap, 'r.json')
    assert found.summary() == metric.last.summary()  # type: ignore[union-attr]


def test_any_set_with_identities(tiny_shapes: Path) -> None:
    shapes = YouTubeVISDataset('annotations/valid.json', str(tiny_shapes), 'valid/JPEGImages', test_mode=True)
    for metric in (MOTMetric(), MOTMetric('masks'), MOTSMetric()):
        assert metric.evaluate(truth_as_results(shapes), shapes)['HOTA'] == pytest.approx(1)
    with pytest.raises(ConfigError, match='is not in the MOTS format'):
        MOTSMetric().export(truth_as_results(shapes), shapes, 'unused')


def test_built_from_a_config() -> None:
    assert METRICS.build(dict(type='MOTSMetric', protocol='mots_tools')).protocol == 'mots_tools'
    assert METRICS.build(dict(type='MOTMetric', overlap='masks', rule='matched')).rule == 'matched'


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

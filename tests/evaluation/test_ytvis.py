"""YouTube-VIS numbers: hand-drawn cases, a slow and obvious evaluator as oracle, and everything that is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mmdet.errors import AnnotationsMissingError, DataError
from mmdet.evaluation.ovis import evaluate_ovis
from mmdet.evaluation.ytvis import TrackAPOptions, evaluate_ytvis
from mmdet.ops.rle import decode, encode

SQUARE = (10, 10, 10, 10)
FAR = (40, 40, 10, 10)
OFFICIAL = TrackAPOptions.official()

# name: tracks, results as (boxes, score, other keys), expected numbers, options
CASES: dict[str, tuple[list[dict], list[tuple], dict[str, float], TrackAPOptions | None]] = {
    'identical': (
        [{'boxes': [SQUARE] * 3}],
        [([SQUARE] * 3, 0.9)],
        {'AP': 1, 'AP50': 1, 'AP_small': 1, 'AP_medium': -1, 'AP_large': -1, 'AR1': 1},
        None,
    ),
    'one frame missing': (
        [{'boxes': [SQUARE] * 3}],
        [([SQUARE, SQUARE, None], 0.9)],
        {'AP': 0.4, 'AP50': 1, 'AP75': 0},
        None,
    ),
    'one frame too many': (
        [{'boxes': [SQUARE, SQUARE, None]}],
        [([SQUARE] * 3, 0.9)],
        {'AP': 0.4, 'AP50': 1, 'AP75': 0},
        None,
    ),
    'half the height': ([{'boxes': [SQUARE] * 3}], [([(10, 10, 10, 5)] * 3, 0.9)], {'AP': 0.1, 'AP50': 1}, None),
    'wrong class': ([{'boxes': [SQUARE] * 3}], [([SQUARE] * 3, 0.9, {'category_id': 5})], {'AP': 0, 'AR100': 0}, None),
    'annotation id 0': ([{'boxes': [SQUARE] * 3, 'id': 0}], [([SQUARE] * 3, 0.9)], {'AP': 1}, None),
    'annotation id 0, official': ([{'boxes': [SQUARE] * 3, 'id': 0}], [([SQUARE] * 3, 0.9)], {'AP': 0}, OFFICIAL),
    'negative annotation id': ([{'boxes': [SQUARE] * 3, 'id': -4}], [([SQUARE] * 3, 0.9)], {'AP': 1}, None),
    'overlap is pooled over frames': (
        [{'boxes': [SQUARE, (10, 10, 40, 40)]}],
        [([SQUARE, (10, 10, 40, 20)], 0.9)],
        {'AP': 0.1, 'AP50': 1},
        None,
    ),
    'short list, official': ([{'boxes': [SQUARE] * 3}], [([SQUARE] * 2, 0.9)], {'AP': 1}, OFFICIAL),
    'false alarm first': (
        [{'boxes': [SQUARE] * 3}],
        [([FAR] * 3, 0.9), ([SQUARE] * 3, 0.8)],
        {'AP': 0.5, 'AR1': 0, 'AR10': 1},
        None,
    ),
    'crowd covered by a detection': (
        [{'boxes': [SQUARE] * 3}, {'boxes': [FAR] * 3, 'iscrowd': 1}],
        [([FAR] * 3, 0.9), ([SQUARE] * 3, 0.8)],
        {'AP': 1, 'AR1': 0},
        None,
    ),
    'several detections in one crowd': (
        [{'boxes': [SQUARE] * 3}, {'boxes': [FAR] * 3, 'iscrowd': 1}],
        [([FAR] * 3, 0.9), ([FAR] * 3, 0.85), ([SQUARE] * 3, 0.8)],
        {'AP': 1},
        None,
    ),
    'small detection inside a crowd': (
        [{'boxes': [SQUARE] * 3}, {'boxes': [(30, 10, 40, 40)] * 3, 'iscrowd': 1}],
        [([FAR] * 3, 0.9), ([SQUARE] * 3, 0.8)],
        {'AP': 0.5},
        None,
    ),
    'identity switch halfway': (
        [{'boxes': [SQUARE] * 4}],
        [([SQUARE, SQUARE, None, None], 0.9), ([None, None, SQUARE, SQUARE], 0.8)],
        {'AP': 0.1, 'AP50': 1},
        None,
    ),
    'two objects': (
        [{'boxes': [SQUARE] * 3}, {'boxes': [FAR] * 3}],
        [([SQUARE] * 3, 0.9), ([FAR] * 3, 0.8)],
        {'AP': 1, 'AR1': 0.5, 'AR10': 1},
        None,
    ),
    'area from the file, on the border': (
        [{'boxes': [SQUARE] * 3, 'areas': [16384, 16384, None]}],
        [([SQUARE] * 3, 0.9)],
        {'AP_small': 1, 'AP_medium': 1, 'AP_large': -1},
        None,
    ),
    'area from the masks if the file has none': (
        [{'boxes': [SQUARE] * 3, 'areas': None}],
        [([SQUARE] * 3, 0.9)],
        {'AP_small': 1, 'AP_medium': -1},
        None,
    ),
    'no results': ([{'boxes': [SQUARE] * 3}], [], {'AP': 0, 'AR100': 0, 'AP_small': 0, 'AP_large': -1}, None),
    'nothing drawn on both sides': ([{'boxes': [None] * 3}], [([None] * 3, 0.9)], {'AP': 0, 'AP_small': 0}, None),
    'unknown category, official': (
        [{'boxes': [SQUARE] * 3}],
        [([SQUARE] * 3, 0.9, {'category_id': 99}), ([SQUARE] * 3, 0.8)],
        {'AP': 1},
        OFFICIAL,
    ),
    'class-agnostic': (
        [{'boxes': [SQUARE] * 3}],
        [([SQUARE] * 3, 0.9, {'category_id': 5})],
        {'AP': 1},
        TrackAPOptions(class_agnostic=True),
    ),
}


@pytest.mark.parametrize(('tracks', 'results', 'expected', 'options'), CASES.values(), ids=CASES)
def test_hand_drawn(ground_truth, result, tracks, results, expected, options) -> None:
    entries = [result(boxes, score, **(keys[0] if keys else {})) for boxes, score, *keys in results]
    found = evaluate_ytvis(ground_truth(tracks), entries, options).numbers
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_the_numbers_and_their_order(ground_truth, result) -> None:
    found = evaluate_ytvis(ground_truth([{'boxes': [SQUARE]}]), [result([SQUARE])])
    ends = ['small', 'medium', 'large']
    assert list(found.numbers) == [
        *['AP', 'AP50', 'AP75', *(f'AP_{end}' for end in ends)],
        *['AR1', 'AR10', 'AR100', *(f'AR_{end}' for end in ends)],
    ]
    assert found.precision.shape == found.scores.shape == (10, 101, 2, 4, 3)
    assert found.recall.shape == (10, 2, 4, 3)
    assert found.per_category[3]['AP'] == pytest.approx(1)
    assert found.per_category[5]['AP'] == -1
    assert found.counts == {'videos': 1, 'annotations': 1, 'detections': 1}
    assert json.loads(found.json())['summary'] == found.numbers
    table = found.table()
    assert 'AP_medium       -' in table
    assert 'thing 3 (3)' in table
    assert 'thing 5' not in table


def test_nothing_given_is_changed(ground_truth, result) -> None:
    truth, results = ground_truth([{'boxes': [SQUARE] * 3, 'id': 0}]), [result([SQUARE] * 3)]
    before = copy.deepcopy((truth, results))
    evaluate_ytvis(truth, results)
    assert (truth, results) == before


# ---- what is refused ---------------------------------------------------------------------------------------------


def edit_result(**keys: Any) -> Callable[[dict, list], None]:
    return lambda truth, results: results[0].update(keys)


def edit_annotation(**keys: Any) -> Callable[[dict, list], None]:
    return lambda truth, results: truth['annotations'][0].update(keys)


def edit_truth(**keys: Any) -> Callable[[dict, list], None]:
    return lambda truth, results: truth.update(keys)


BROKEN_MASK = {'size': [60, 80], 'counts': 'n'}
SMALL_MASK = {'size': [30, 40], 'counts': [1200]}
REFUSED: dict[str, tuple[Callable[[dict, list], Any], str]] = {
    'unknown video': (edit_result(video_id=99), r'r\.json: result 0: video_id 99 is not in a\.json \(its ids: 7\)'),
    'video id as text': (edit_result(video_id='7'), r'r\.json: result 0 .*video_id'),
    'result is no dict': (lambda truth, results: results.insert(0, 5), r'result 0 is not a dict'),
    'unknown category': (edit_result(category_id=99), r'result 0 \(video 7\): category_id 99 is not in a\.json: 3, 5'),
    'category as text': (edit_result(category_id='3'), r"category_id '3'"),
    'no score': (edit_result(score=None), r"result 0 \(video 7\): 'score'.* found None"),
    'score not a number': (edit_result(score=float('nan')), r"'score' .* nan"),
    'no segmentations': (edit_result(segmentations=None), r"result 0 \(video 7\): 'segmentations'"),
    'too few masks': (edit_result(segmentations=[None] * 2), r'2 entries, but the video has 3 frames'),
    'too many masks': (edit_result(segmentations=[None] * 4), r'4 entries, but the video has 3 frames'),
    'wrong mask size': (
        edit_result(segmentations=[None, SMALL_MASK, None]),
        r'r\.json: result 0 \(video 7\), frame 1: .*size.*\[30, 40\].*\[60, 80\]',
    ),
    'damaged mask': (edit_result(segmentations=[None, None, BROKEN_MASK]), r'result 0 \(video 7\), frame 2: '),
    'damaged mask in the truth': (
        edit_annotation(segmentations=[BROKEN_MASK] * 3),
        r'a\.json: annotation 1 \(video 7\), frame 0: ',
    ),
    'short annotation': (edit_annotation(segmentations=[None]), r'annotation 1 \(video 7\): .* 1 entries'),
    'short areas': (edit_annotation(areas=[1]), r"annotation 1 \(video 7\): 'areas' has 1 entries"),
    'areas as text': (edit_annotation(areas=['1'] * 3), r"'areas' must be"),
    'annotation of an unknown video': (edit_annotation(video_id=8), r'annotation 1: video 8'),
    'annotation of an unknown category': (edit_annotation(category_id=8), r'annotation 1: category 8'),
    'annotation without id': (edit_annotation(id=None), r"annotation at position 0: 'id'"),
    'annotation id twice': (
        lambda truth, results: truth['annotations'].append(truth['annotations'][0]),
        r'annotation 1: this id appears twice',
    ),
    'category id twice': (edit_truth(categories=[{'id': 3}, {'id': 3}]), r'category id 3 appears twice'),
    'no categories': (edit_truth(categories=None), r"'categories' is missing"),
    'no videos': (edit_truth(videos=None), r"'videos' is missing"),
    'video without length': (edit_truth(videos=[{'id': 7, 'height': 60, 'width': 80}]), r'video 7: length None'),
    'length against file names': (
        edit_truth(videos=[{'id': 7, 'height': 60, 'width': 80, 'length': 3, 'file_names': ['a']}]),
        r'video 7: length 3 with 1 file names',
    ),
}


@pytest.mark.parametrize(('break_it', 'message'), REFUSED.values(), ids=REFUSED)
def test_refused(ground_truth, result, break_it, message) -> None:
    truth, results = ground_truth([{'boxes': [SQUARE] * 3}]), [result([SQUARE] * 3)]
    break_it(truth, results)
    with pytest.raises(DataError, match=message):
        evaluate_ytvis(truth, results, source='a.json', results_source='r.json')


@pytest.mark.parametrize('annotations', [None, []])
@pytest.mark.parametrize('evaluate', [evaluate_ytvis, evaluate_ovis])
def test_without_ground_truth(ground_truth, annotations, evaluate) -> None:
    truth = {**ground_truth([]), 'annotations': annotations}
    with pytest.raises(AnnotationsMissingError, match=r'^valid\.json has no annotations'):
        evaluate(truth, [], source='valid.json')


@pytest.mark.parametrize('whole', ['a list', 5, None])
def test_not_an_annotation_file(whole) -> None:
    with pytest.raises(DataError, match='is not an annotation file'):
        evaluate_ytvis(whole, [])
    with pytest.raises(DataError, match='must be a list'):
        evaluate_ytvis(_one_track(), whole)


def _one_track() -> dict:
    video = {'id': 1, 'height': 2, 'width': 2, 'length': 1}
    annotation = {'id': 1, 'video_id': 1, 'category_id': 1, 'segmentations': [None]}
    return {'videos': [video], 'categories': [{'id': 1, 'name': 'x'}], 'annotations': [annotation]}


# ---- occlusion ---------------------------------------------------------------------------------------------------

NO, SLIGHT, SEVERE = 'no_occlusion', 'slight_occlusion', 'severe_occlusion'


@pytest.mark.parametrize(
    ('flags', 'present'),
    [
        ([NO, NO, SLIGHT, SEVERE, None], {'moderate', 'heavy'}),
        ([NO] * 5, {'light'}),
        ([SLIGHT] * 5, {'light', 'moderate'}),
        ([SEVERE] * 5, {'heavy'}),
    ],
)
def test_classes_of_occlusion(ground_truth, result, flags, present) -> None:
    boxes = [SQUARE] * 4 + [None]
    found = evaluate_ovis(ground_truth([{'boxes': boxes, 'occlusion': flags}]), [result(boxes)])
    numbers = {name: found.numbers[f'AP_{name}'] for name in ('light', 'moderate', 'heavy')}
    assert numbers == pytest.approx({name: 1.0 if name in present else -1.0 for name in numbers})
    assert len(found.numbers) == 18
    assert found.precision.shape == (10, 101, 2, 4, 4, 3)
    assert found.recall.shape == (10, 2, 4, 4, 3)


@pytest.mark.parametrize(
    ('flags', 'message'),
    [(None, 'no .occlusion. flags'), ([NO], 'has 1 .occlusion. flags'), (['much'] * 3, "'much' is none of")],
)
def test_bad_occlusion_flags(ground_truth, result, flags, message) -> None:
    truth = ground_truth([{'boxes': [SQUARE] * 3, 'occlusion': flags}])
    with pytest.raises(DataError, match=rf'annotation 1 \(video 7\): .*{message}'):
        evaluate_ovis(truth, [result([SQUARE] * 3)])


# ---- oracle ------------------------------------------------------------------------------------------------------

AREAS = {'all': (0, 1e10), 'small': (0, 128**2), 'medium': (128**2, 256**2), 'large': (256**2, 1e10)}
SHARES = {'all': (0, 1), 'light': (0, 0.25), 'moderate': (0.25, 0.5), 'heavy': (0.5, 1)}


def dense(mask: dict | None, size: tuple[int, int]) -> np.ndarray:
    return np.zeros(size, bool) if mask is None else decode(mask).astype(bool)


def slow_iou(first: list, second: list, size: tuple[int, int]) -> float:
    inter = sum((dense(a, size) & dense(b, size)).sum() for a, b in zip(first, second))
    union = sum((dense(a, size) | dense(b, size)).sum() for a, b in zip(first, second))
    return inter / union if union else 0.0


def slow_area(areas: list) -> float:
    present = [area for area in areas if area]
    return sum(present) / len(present) if present else 0.0


def slow_occlusion(flags: list) -> float:
    """Of the frames in which the object is there, the more occluded half (the larger half of an odd number)."""
    shares = sorted({NO: 0, SLIGHT: 0.25, SEVERE: 0.75}[flag] for flag in flags if flag)
    worse = shares[len(shares) // 2 :]
    return sum(worse) / len(worse) if worse else 0


def slow_numbers(truth: dict, results: list[dict], area: str, share: str, limit: int) -> tuple[float, float]:
    """AP over 10 thresholds and AR, straight from the definition, one comparison at a time."""
    precisions, recalls = [], []
    for category in truth['categories']:
        for threshold in np.linspace(0.5, 0.95, 10):
            hits, total = [], 0  # (score, 'hit' | 'alarm')
            for video in sorted(truth['videos'], key=lambda v: v['id']):
                size = (video['height'], video['width'])
                key = (video['id'], category['id'])
                gts = [a for a in truth['annotations'] if (a['video_id'], a['category_id']) == key]
                dts = [r for r in results if (r['video_id'], r['category_id']) == key]
                dts = sorted(dts, key=lambda r: -r['score'])[:limit]
                low, high = AREAS[area]
                ignored = [a['iscrowd'] or not low <= slow_area(a['areas']) <= high for a in gts]
                if share != 'all':
                    least, most = SHARES[share]
                    occlusions = [slow_occlusion(a['occlusion']) for a in gts]
                    ignored = [i or not least <= o <= most for i, o in zip(ignored, occlusions)]
                total += ignored.count(False)  # counts 0 too
                taken: set[int] = set()
                for dt in dts:
                    overlaps = [slow_iou(dt['segmentations'], a['segmentations'], size) for a in gts]
                    options = [
                        (not ignored[g], overlap, g)
                        for g, overlap in enumerate(overlaps)
                        if overlap >= threshold and (g not in taken or gts[g]['iscrowd'])
                    ]
                    if options:
                        real, _, g = max(options)
                        taken.add(g)
                        if real:
                            hits.append((dt['score'], 'hit'))
                    elif low <= slow_area([dense(m, size).sum() for m in dt['segmentations']]) <= high:
                        hits.append((dt['score'], 'alarm'))
            if not total:
                continue
            kinds = [kind for _, kind in sorted(hits, key=lambda pair: -pair[0])]
            curve = [
                (kinds[:n].count('hit') / total, kinds[:n].count('hit') / n) for n in range(1, len(kinds) + 1)
            ]
            points = [max((p for r, p in curve if r >= point), default=0.0) for point in np.linspace(0, 1, 101)]
            precisions.append(np.mean(points))
            recalls.append(kinds.count('hit') / total)
    return (float(np.mean(precisions)), float(np.mean(recalls))) if precisions else (-1.0, -1.0)


def random_scene(seed: int) -> tuple[dict, list[dict]]:
    """Three videos of moving rectangles, with crowds, absent frames and several detections for each object."""
    rng = np.random.default_rng(seed)
    videos, annotations, results = [], [], []

    def draw(x: float, y: float, w: float, h: float, size: tuple[int, int]) -> dict:
        mask = np.zeros(size, np.uint8)
        mask[max(int(y), 0) : max(int(y + h), 0), max(int(x), 0) : max(int(x + w), 0)] = 1
        return encode(mask)

    for video_id in (9, 4, 12):
        size, length = (int(rng.integers(30, 50)), int(rng.integers(30, 60))), int(rng.integers(1, 5))
        videos.append({'id': video_id, 'height': size[0], 'width': size[1], 'length': length})
        for _ in range(rng.integers(0, 6)):
            x, y, w, h = rng.uniform(0, 25, 2).tolist() + rng.uniform(5, 25, 2).tolist()
            boxes = [(x + 2 * t, y + t, w, h) for t in range(length)]
            masks = [None if rng.random() < 0.2 else draw(*box, size) for box in boxes]
            category = int(rng.integers(1, 3))
            scale = float(rng.choice([1, 60, 400]))  # areas in the file decide the size class
            annotations.append({
                'id': len(annotations),
                'video_id': video_id,
                'category_id': category,
                'iscrowd': int(rng.random() < 0.2),
                'segmentations': masks,
                'areas': [m and float(decode(m).sum()) * scale for m in masks],
                'occlusion': [m and str(rng.choice([NO, SLIGHT, SEVERE])) for m in masks],
            })
            for _ in range(rng.integers(0, 4)):
                dx, dy = rng.normal(0, 2, 2)
                found = [
                    None if rng.random() < 0.2 else draw(x + 2 * t + dx, y + t + dy, w, h, size) for t in range(length)
                ]
                results.append({
                    'video_id': video_id,
                    'category_id': category if rng.random() < 0.9 else 3 - category,
                    'score': float(rng.random()),
                    'segmentations': found,
                })
    categories = [{'id': 2, 'name': 'b'}, {'id': 1, 'name': 'a'}, {'id': 7, 'name': 'absent'}]
    order = rng.permutation(len(results))
    return {'videos': videos, 'categories': categories, 'annotations': annotations}, [results[i] for i in order]


@pytest.mark.parametrize('seed', range(6))
def test_equals_the_slow_evaluator(seed: int) -> None:
    truth, results = random_scene(seed)
    numbers = evaluate_ytvis(truth, results).numbers
    for area in AREAS:
        ap, ar = slow_numbers(truth, results, area, 'all', 100)
        suffix = '' if area == 'all' else f'_{area}'
        assert numbers[f'AP{suffix}'] == pytest.approx(ap, abs=1e-9)
        assert numbers['AR100' if area == 'all' else f'AR{suffix}'] == pytest.approx(ar, abs=1e-9)
    for limit in (1, 10):
        assert numbers[f'AR{limit}'] == pytest.approx(slow_numbers(truth, results, 'all', 'all', limit)[1], abs=1e-9)


@pytest.mark.parametrize('seed', range(4))
def test_ovis_equals_the_slow_evaluator(seed: int) -> None:
    truth, results = random_scene(seed)
    found = evaluate_ovis(truth, results).numbers
    for share in ('light', 'moderate', 'heavy'):
        ap, ar = slow_numbers(truth, results, 'all', share, 100)
        assert found[f'AP_{share}'] == pytest.approx(ap, abs=1e-9)
        assert found[f'AR_{share}'] == pytest.approx(ar, abs=1e-9)
    plain = evaluate_ytvis(truth, results).numbers
    assert {name: found[name] for name in plain} == plain

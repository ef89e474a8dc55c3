"""Scenes small enough to count by hand, by both protocols; expected numbers are those of the two programs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mmdet.evaluation.tracking import Scene, clear, evaluate_mots, hota, identity
from mmdet.evaluation.tracking.numbers import scalar
from mmdet.formats import MaskTable
from mmdet.ops.rle import encode

SIZE = (20, 40)
FRAMES = 4


def box(top: int, left: int, bottom: int, right: int) -> dict:
    mask = np.zeros(SIZE, np.uint8)
    mask[top:bottom, left:right] = 1
    return encode(mask)


A, B, HALF_A = box(2, 2, 12, 12), box(2, 20, 12, 30), box(2, 2, 12, 7)
REGION = box(15, 0, 20, 40)
INSIDE, HALF_INSIDE, OUTSIDE = box(16, 2, 18, 6), box(14, 10, 16, 14), box(13, 20, 14, 24)
Rows = list[tuple[int, int, dict]]


def table(rows: Rows, class_id: int = 1, region: dict | None = None) -> MaskTable:
    regions = [(t, 10_000, 10, region) for t in range(FRAMES)] if region else []
    every = [(t, identity, class_id, mask) for t, identity, mask in rows] + regions
    frames, ids, classes, masks = (list(column) for column in zip(*every)) if every else ([], [], [], [])
    return MaskTable.of('toy', frames, ids, classes, masks)


PERFECT: Rows = [(t, i, m) for t in range(FRAMES) for i, m in ((1001, A), (1002, B))]
ONLY_B: Rows = [(t, 1002, B) for t in range(FRAMES)]
EXTRA: Rows = [(t, 2000 + k, m) for t in range(FRAMES) for k, m in enumerate((INSIDE, HALF_INSIDE, OUTSIDE))]
CASES: dict[str, tuple[Rows, dict[str, float], dict[str, float]]] = {
    'perfect': (
        PERFECT,
        dict(sMOTSA=1, MOTSA=1, MOTSP=1, recall=1, MT=1, id_switches=0, fragments=0),
        dict(HOTA=1, sMOTA=1, IDF1=1, MOTA=1, Frag=0),
    ),
    'A changes id at frame 2': (
        [*ONLY_B, *((t, 1001 if t < 2 else 1003, A) for t in range(FRAMES))],
        dict(sMOTSA=0.875, MOTSA=0.875, MOTSAL=1, id_switches=1, fragments=1),
        dict(sMOTA=0.875, IDSW=1, Frag=0, HOTA=0.866025, AssA=0.75, IDF1=0.75),
    ),
    'A as its left half': (
        [*ONLY_B, *((t, 1001, HALF_A) for t in range(FRAMES))],
        dict(tp=4, fp=4, fn=4, MOTSA=0, sMOTSA=0),
        dict(CLR_TP=8, MOTA=1, sMOTA=0.75, MOTP=0.75, HOTA=0.799797, DetA=0.684211),
    ),
    'A missed at frame 1': (
        [*ONLY_B, *((t, 1001, A) for t in (0, 2, 3))],
        dict(sMOTSA=0.875, recall=0.875, fragments=1, id_switches=0, MT=0.5, PT=0.5),
        dict(HOTA=0.883883, AssA=0.892857, IDF1=0.933333, Frag=1),
    ),
    'A missed at frame 1, new id afterwards': (
        [*ONLY_B, (0, 1001, A), (2, 1003, A), (3, 1003, A)],
        dict(sMOTSA=0.75, id_switches=1, fragments=1),
        dict(sMOTA=0.75, HOTA=0.810093, AssA=0.75, IDF1=0.8),
    ),
    'extra results around a region to be ignored': (
        [*PERFECT, *EXTRA],
        dict(n_itr=4, fp=8, sMOTSA=0, precision=0.5),
        dict(CLR_FP=8, HOTA=0.707107, sMOTA=0),
    ),
    'nothing found': (
        [],
        dict(sMOTSA=0, MOTSP=math.inf, ML=1),
        dict(HOTA=0, sMOTA=0, LocA=1, ML=2, MLR=1, CLR_FN=8, CLR_Frames=0),
    ),
}


@pytest.mark.parametrize('protocol', ['mots_tools', 'trackeval'])
@pytest.mark.parametrize('case', CASES)
def test_case(case: str, protocol) -> None:
    rows, *expected = CASES[case]
    truth = table(PERFECT, region=REGION if case.startswith('extra') else None)
    found = evaluate_mots({'0': truth}, {'0': table(rows)}, {'0': FRAMES}, protocol).scores['car']['all']
    wanted = expected[protocol == 'trackeval']
    assert {name: scalar(found[name]) for name in wanted} == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ('frames', 'fragments'),
    [((0, 1), 0), ((3,), 1), ((0, 2), 0), ((0, 2, 3), 1), ((0, 1, 3), 1), ((1, 2), 0)],
    ids=str,
)
def test_fragments_by_the_rule_of_kitti(frames: tuple[int, ...], fragments: int) -> None:
    """A track that is found in its last frame counts there; before it, only where the next frame is found too."""
    rows = [(t, 1, A) for t in frames]
    truth = table([(t, 1001, A) for t in range(FRAMES)])
    found = evaluate_mots({'0': truth}, {'0': table(rows)}, {'0': FRAMES}, 'mots_tools').scores['car']['all']
    assert found['fragments'] == fragments


def test_class_without_truth() -> None:
    scores = evaluate_mots({'0': table(PERFECT)}, {'0': table(PERFECT, 2)}, {'0': FRAMES}, 'mots_tools').scores
    assert scores['pedestrian']['all']['sMOTSA'] == -math.inf
    scores = evaluate_mots({'0': table(PERFECT)}, {'0': table(PERFECT, 2)}, {'0': FRAMES}).scores
    assert scores['pedestrian']['all']['MOTA'] == -8  # all sequences together: 8 false positives by at least one
    assert scores['pedestrian']['0']['MOTA'] == 0  # a sequence alone has no number


def test_a_partner_is_kept_when_another_overlaps_more() -> None:
    similarity = [[[0.9, 0.1]], [[0.6, 0.8]], [[0.6, 0.8]], [[0.4, 0.8]]]
    found = clear(Scene.from_frames([[7]] * 4, [[1, 2]] * 4, similarity))
    assert (found['CLR_TP'], found['IDSW'], found['CLR_FP']) == (4, 1, 4)
    assert found['MOTP_sum'] == pytest.approx(0.9 + 0.6 + 0.6 + 0.8)


def test_a_frame_without_results_does_not_interrupt() -> None:
    """The partner of the last frame with anything to compare is remembered; frames between do not count as a break."""
    scene = Scene.from_frames([[7]] * 3, [[1, 2], [], [1, 2]], [[[0.9, 0.1]], np.zeros((1, 0)), [[0.6, 0.8]]])
    found = clear(scene)
    assert (found['IDSW'], found['Frag'], found['CLR_FN']) == (0, 0, 1)


def test_one_side_empty() -> None:
    scene = Scene.from_frames([[], []], [[1], [1]], [np.zeros((0, 1))] * 2)
    assert clear(scene)['CLR_FP'] == identity(scene)['IDFP'] == 2
    assert hota(scene)['HOTA_FP'].tolist() == [2] * 19
    nothing = Scene.from_frames([], [], [])
    assert clear(nothing)['CLR_TP'] == identity(nothing)['IDTP'] == scalar(hota(nothing)['HOTA']) == 0


def test_order_of_rows_means_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = CASES['A missed at frame 1, new id afterwards'][0]
    mixed = [rows[i] for i in rng.permutation(len(rows))]
    first, second = (evaluate_mots({'0': table(PERFECT)}, {'0': table(r)}, {'0': FRAMES}) for r in (rows, mixed))
    assert first.as_dict() == second.as_dict()

"""VOT: numbers of toy sequences in both definitions, and files as the benchmark writes them."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.one_pass import evaluate_one_pass
from mmdet.evaluation.vot import attribute_table, evaluate_vot, interval_of, per_attribute
from mmdet.evaluation.vot_files import read_repetitions, read_trajectory, result_path, write_trajectory
from mmdet.evaluation.vot_runs import FAILED, SKIPPED, STARTED, TRACKED, Trajectory, VOTRun
from mmdet.sequences import box_polygon

TRUTH = np.stack([box_polygon(50, 50, 41, 41)] * 40)


def trajectory(shift: float = 0, failure: int | None = None, length: int = 40) -> Trajectory:
    """A tracker that is off by ``shift`` pixels and loses the target in frame ``failure``, over ``length`` frames."""
    states = np.full(length, TRACKED)
    states[0] = STARTED
    if failure is not None:
        states[failure] = FAILED
        states[failure + 1 : failure + 5] = SKIPPED
        states[failure + 5 : failure + 6] = STARTED
    polygons = TRUTH[:length] + [shift, 0]
    polygons[states != TRACKED] = np.nan
    return Trajectory(states, polygons)


def run(shift: float = 0, failure: int | None = None, length: int = 40) -> VOTRun:
    return VOTRun('toy', TRUTH[:length], (300, 300), (trajectory(shift, failure, length),))


HALF = 21 * 41 / (2 * 41 * 41 - 21 * 41)  # overlap of a tracker that is 20 pixels beside


TOYS = {
    'perfect': ([run()], (10, 20), 'pysot', (1, 0, 0, 1)),
    'half beside': ([run(20)], (10, 20), 'pysot', (0.3442623, 0, 0, 0.3442623)),
    'failure at 12': ([run(failure=12)], (10, 20), 'pysot', (1, 2.5, 1, 0.9002948)),
    'failure at 12, toolkit': ([run(failure=12)], (10, 20), 'toolkit', (1, 1, 1, 0.8798402)),
    'both': ([run(20), run(failure=12)], (10, 20), 'pysot', (0.5628415, 1.25, 1, 0.7149506)),
    'both, toolkit': ([run(20), run(failure=12)], (10, 20), 'toolkit', (0.6721311, 0.5, 1, (HALF + 2 * 0.8798402) / 3)),
    'lost near the end': ([run(failure=37)], (10, 20), 'pysot', (1, 2.5, 1, 1)),
    'lost near the end, late interval': ([run(failure=37)], (30, 40), 'pysot', (1, 2.5, 1, 0.9857653)),
    # what follows the failure at 37 is unknown to pysot, and overlap 0 to the tool kit
    'lost near the end, beside a longer one': (
        [run(failure=37), run()], (38, 39), 'pysot', (1, 1.25, 1, ((1 + 36 / 37) / 2 + (1 + 36 / 38) / 2) / 2)
    ),
    'lost near the end, beside a longer one, toolkit': (
        [run(failure=37), run()], (38, 39), 'toolkit', (1, 0.5, 1, ((1 + 36 / 38) / 2 + (1 + 36 / 39) / 2) / 2)
    ),
    # three frames after the last start, all of them within the burn-in: no settled frame
    'nothing settled': ([run(), run(failure=6, length=14)], (2, 3), 'pysot', (1, 100 / 54, 1, None)),
    'nothing settled, toolkit': (
        [run(), run(failure=6, length=14)], (2, 3), 'toolkit', (40 / 54, 14 / 54, 1, None)
    ),
}


@pytest.mark.parametrize(('runs', 'interval', 'protocol', 'expected'), TOYS.values(), ids=TOYS)
def test_toys(runs: list[VOTRun], interval: tuple[int, int], protocol: str, expected: tuple) -> None:
    found = evaluate_vot(runs, interval, protocol)  # type: ignore[arg-type]
    assert list(found) == ['EAO', 'accuracy', 'robustness', 'lost']
    for key, value in zip(('accuracy', 'robustness', 'lost', 'EAO'), expected):
        if value is not None:
            assert found[key] == pytest.approx(value, abs=1e-6), key


def test_repetitions_are_averaged() -> None:
    twice = VOTRun('toy', TRUTH, (300, 300), (trajectory(), trajectory(failure=12)))
    found = evaluate_vot([twice], (10, 20))
    assert found['lost'] == 0.5
    pieces = (1 + np.where(np.arange(9, 20) <= 11, 1, 11 / np.arange(9, 20)) + 1) / 3
    assert found['EAO'] == pytest.approx(pieces.mean())


REPEATED = {
    'pysot': ((30 * HALF + 15) / 45, (HALF + 1) / 2),  # all frames together; a repetition of two weighs a half
    'toolkit': ((HALF + 1) / 2, (HALF + 1 + 1) / 3),  # runs averaged; a repetition weighs as much as any run
}


@pytest.mark.parametrize('protocol', REPEATED)
def test_weight_of_repetitions(protocol: str) -> None:
    """A sequence run twice, half beside and with a failure, and (for EAO) a perfect one run twice beside one run."""
    accuracy, eao = REPEATED[protocol]
    twice = VOTRun('toy', TRUTH, (300, 300), (trajectory(20), trajectory(failure=12)))
    found = evaluate_vot([twice], (5, 6), protocol)  # type: ignore[arg-type]
    assert found['accuracy'] == pytest.approx(accuracy)
    perfect = VOTRun('perfect', TRUTH, (300, 300), (trajectory(), trajectory()))
    assert evaluate_vot([run(20), perfect], (5, 6), protocol)['EAO'] == pytest.approx(eao)  # type: ignore[arg-type]


@pytest.mark.parametrize(('protocol', 'accuracy'), [('pysot', 30 / 33), ('toolkit', 1)])
def test_what_lies_outside_the_frame(protocol: str, accuracy: float) -> None:
    """Annotated are the last 10 columns of a frame of 100; the result reaches 5 further out."""
    truth = np.stack([box_polygon(90, 40, 10, 30)] * 40)
    states = np.full(40, TRACKED)
    states[0] = STARTED
    polygons = np.stack([box_polygon(90, 40, 15, 30)] * 40)
    runs = [VOTRun('toy', truth, (100, 100), (Trajectory(states, polygons),))]
    found = evaluate_vot(runs, (5, 6), protocol)  # type: ignore[arg-type]
    assert found['accuracy'] == pytest.approx(accuracy) and found['EAO'] == pytest.approx(1)


@pytest.mark.parametrize(('protocol', 'overlap'), [('pysot', 0), ('toolkit', 1 / 9)])
def test_polygons_that_touch(protocol: str, overlap: float) -> None:
    """Boxes of 5 columns with one in common; halves are rounded to even by the tool kit, up by pysot."""
    truth = np.stack([box_polygon(10, 40, 5, 30)] * 40)
    states = np.full(40, TRACKED)
    states[0] = STARTED
    beside = np.stack([box_polygon(14.5 if protocol == 'toolkit' else 14, 40, 5, 30)] * 40)
    runs = [VOTRun('toy', truth, (100, 100), (Trajectory(states, beside),))]
    found = evaluate_vot(runs, (5, 6), protocol)  # type: ignore[arg-type]
    assert found['accuracy'] == found['EAO'] == pytest.approx(overlap)


def test_a_run_with_more_failures_than_starts() -> None:
    broken = trajectory(failure=12)
    broken.states[[0, 17]] = TRACKED
    with pytest.raises(DataError, match='sequence toy: 1 failures in a result with 0 starts'):
        evaluate_vot([VOTRun('toy', TRUTH, (300, 300), (broken,))], (10, 20), 'toolkit')


@pytest.mark.parametrize('protocol', ['pysot', 'toolkit'])
def test_frames_with_an_attribute(protocol: str) -> None:
    """Of the first sequence the frames 11 to 14 (failure at 12), of the second ten that are half beside."""
    occluded = np.zeros(40, bool)
    first, second = occluded.copy(), occluded.copy()
    first[11:15], second[20:30] = True, True
    runs = [
        VOTRun('a', TRUTH, (300, 300), (trajectory(failure=12),), {'occlusion': first}),
        VOTRun('b', TRUTH, (300, 300), (trajectory(20),), {'occlusion': second}),
        VOTRun('c', TRUTH, (300, 300), (trajectory(20),), {'size_change': occluded}),
    ]
    found = per_attribute(runs, protocol)  # type: ignore[arg-type]
    assert list(found) == ['occlusion', 'size_change']
    assert found['occlusion'] == pytest.approx({'accuracy': (1 + 10 * HALF) / 11, 'lost': 1, 'frames': 14})
    assert found['size_change'] == {'accuracy': -1, 'lost': 0, 'frames': 0}
    assert 'occlusion' in attribute_table(found)


INTERVALS = [(2016, 'pysot', (100, 356)), (2016, 'toolkit', (108, 371)), (2018, 'toolkit', (100, 356)),
             (2019, 'pysot', (46, 291))]  # fmt: skip


@pytest.mark.parametrize(('year', 'protocol', 'expected'), INTERVALS)
def test_intervals(year: int, protocol: str, expected: tuple[int, int]) -> None:
    assert interval_of(year, protocol) == expected  # type: ignore[arg-type]


def test_refused() -> None:
    with pytest.raises(ConfigError, match='longest run has 40 frames'):
        evaluate_vot([run()], (100, 356))
    with pytest.raises(ConfigError, match='VOT 2005 is not known'):
        interval_of(2005, 'pysot')
    with pytest.raises(ConfigError, match='pysot or toolkit'):
        evaluate_vot([run()], (1, 2), 'mine')  # type: ignore[arg-type]
    with pytest.raises(DataError, match='result has 40 frames, the truth 39'):
        VOTRun('toy', TRUTH[1:], (300, 300), (trajectory(),))


def test_file(tmp_path: Path) -> None:
    path = write_trajectory(result_path(tmp_path, 'toy'), trajectory(failure=12))
    assert path == tmp_path / 'baseline/toy/toy_001.txt'
    lines = path.read_text().splitlines()
    assert [line if len(line) == 1 else 'x' for line in lines] == ['1', *'x' * 11, '2', *'0000', '1', *'x' * 22]
    assert lines[1] == '50.0000,50.0000,50.0000,90.0000,90.0000,90.0000,90.0000,50.0000'
    back = read_trajectory(path)
    np.testing.assert_array_equal(back.states, trajectory(failure=12).states)
    np.testing.assert_allclose(back.polygons, trajectory(failure=12).polygons)


def test_a_box_of_four_numbers(tmp_path: Path) -> None:
    (tmp_path / 'r.txt').write_text('1\n10,20,30,40\n')
    assert read_trajectory(tmp_path / 'r.txt').polygons[1].tolist() == [[10, 20], [40, 20], [40, 60], [10, 60]]


BROKEN = {'empty': '', 'claimed': 'Occ\n', 'half written': '1\n1,2,3,4,5,6,7,8\n', 'cut line': '1\n' * 39 + '1,2,3\n'}


@pytest.mark.parametrize('content', BROKEN.values(), ids=BROKEN)
def test_broken_files_are_left_out_with_a_message(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_trajectory(result_path(tmp_path, 'toy', 2), trajectory())
    result_path(tmp_path, 'toy').write_text(content)
    with caplog.at_level(logging.WARNING):
        assert len(read_repetitions(tmp_path, 'toy', 40)) == 1
    assert 'left out' in caplog.text and 'toy_001.txt' in caplog.text


def test_one_pass() -> None:
    truth = np.tile([[0.0, 0, 40, 40]], (5, 1))
    assert evaluate_one_pass([(truth, truth)]) == {'success': pytest.approx(20 / 21), 'precision': 1}
    far = truth + [21, 0, 21, 0]
    found = evaluate_one_pass([(truth, far)])
    assert found['precision'] == 0
    assert found['success'] == pytest.approx(7 / 21)  # IoU 19 / 61 exceeds 0, .05, ..., .3
    with pytest.raises(DataError, match='5 frames'):
        evaluate_one_pass([(truth, truth[1:])])

"""The test loop: each video once, results on disk, numbers the same whoever ran what."""

from __future__ import annotations

import json

import pytest

from mmdet.engine.detection_dump import DetectionDump, read_detections
from mmdet.engine.stop_signal import StopSignal
from mmdet.engine.video_test import VideoTester, require_annotations
from mmdet.errors import AnnotationsMissingError, ConfigError, DataError


class CountingMetric:
    """Counts videos and frames in the order in which they come."""

    def evaluate(self, results, dataset):
        self.order = [result.video_id for result in results]
        return {'videos': len(self.order), 'AP': 0.25}

    def export(self, results, dataset, path):
        path.write_text(json.dumps([result.video_id for result in results]))
        return path


@pytest.fixture
def tester(toy, process, tmp_path):
    return VideoTester(toy.ToyModel(), toy.test_loader(process), process, tmp_path / 'results', [CountingMetric()])


def test_numbers_and_order(tester, tmp_path):
    assert tester.run() == {'videos': 3.0, 'AP': 0.25}
    assert tester.metrics[0].order == [10, 11, 12]  # the data set's order, though the longest ran first
    assert [tester.store.read(video).length for video in (10, 11, 12)] == [2, 3, 4]
    assert tester.export(tmp_path / 'out.json') == str(tmp_path / 'out.json')
    tester.remove_results()
    assert not (tmp_path / 'results').exists()


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_shares_together_are_the_whole(toy, process, tmp_path, world_size):
    """The shares of N processes, run one after the other here, leave the same bytes."""
    from mmdet.engine.distributed import Process

    def infer(loader, name):
        dump = DetectionDump(tmp_path / name / 'dets')
        tester = VideoTester(toy.ToyModel(), loader, process, tmp_path / name, dump=dump)
        tester.store.clear = lambda: None
        tester.infer()

    infer(toy.test_loader(process), 'whole')
    for rank in range(world_size):
        infer(toy.test_loader(Process(rank, world_size), chunk_size=3), 'parts')
    for part in ('.', 'dets'):
        first, second = (
            {p.name: p.read_bytes() for p in (tmp_path / name / part).glob('video_*')} for name in ('whole', 'parts')
        )
        assert len(first) == 3
        assert first == second


def test_results_of_an_earlier_run_are_removed(tester):
    tester.store.folder.mkdir()
    (tester.store.folder / 'video_99.json').write_text('{}')
    tester.infer()
    assert sorted(path.name for path in tester.store.folder.iterdir()) == [f'video_{v}.json' for v in (10, 11, 12)]


def test_stop_between_chunks(tester):
    stop = StopSignal()
    stop._since = 0.0
    assert tester.run(stop) is None
    assert not list(tester.store.folder.glob('*.json'))


def test_a_model_that_loses_a_frame(tester, monkeypatch):
    forward = type(tester.model).forward
    monkeypatch.setattr(type(tester.model), 'forward', lambda *a, **k: forward(*a, **k)[:1])
    with pytest.raises(DataError, match='frame'):
        tester.infer()


def test_without_ground_truth_or_metric(toy, process, tmp_path):
    data = toy.ToyData()
    data.has_annotations = False
    with pytest.raises(AnnotationsMissingError, match=r'toy\.json has no annotations') as error:
        require_annotations(data)
    assert '\n' not in str(error.value)
    tester = VideoTester(toy.ToyModel(), toy.test_loader(process), process, tmp_path / 'results')
    tester.infer()
    with pytest.raises(ConfigError, match='test_evaluator'):
        tester.export(tmp_path / 'out.json')


def test_dump_while_testing(toy, process, tmp_path):
    dump = DetectionDump(tmp_path / 'dets')
    VideoTester(toy.ToyModel(), toy.test_loader(process), process, tmp_path / 'r', dump=dump).infer()
    found = read_detections(tmp_path / 'dets/video_12.npz')
    assert (found.video_id, found.length, found.size) == (12, 4, (4, 6))
    assert found.frames.tolist() == [0, 1, 2, 3]

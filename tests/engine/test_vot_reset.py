"""The reset protocol with trackers of known behaviour, from the session to the benchmark's file and numbers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmdet.datasets import VOTDataset
from mmdet.datasets.loader import build_test_loader
from mmdet.datasets.shapes import DAVISWriter, ShapesConfig, make_shapes
from mmdet.engine.build import make_tester
from mmdet.engine.distributed import Process
from mmdet.engine.tester import Tester
from mmdet.engine.video_test import VideoTester
from mmdet.engine.vot_reset import ResetTester, run_with_resets
from mmdet.errors import ConfigError, DataError
from mmdet.evaluation import DAVISMetric, VideoResult, VOTMetric
from mmdet.ops.rle import encode
from mmdet.structures import FrameSample, InstanceData

FRAMES = 40
PIPELINE = [{'type': 'LoadFrames'}, {'type': 'PackClip'}]


@pytest.fixture(scope='module')
def dataset(tmp_path_factory: pytest.TempPathFactory) -> VOTDataset:
    """Two sequences whose target, a box of 41 pixels, does not move."""
    folder = tmp_path_factory.mktemp('vot')
    config = ShapesConfig(size=(128, 128), num_frames=FRAMES, enter_probability=0)
    shapes = make_shapes(folder / 'shapes', config, {'valid': 1}, DAVISWriter(), progress=False)
    for name in ('a', 'b'):
        shutil.copytree(shapes / 'JPEGImages/480p/valid_00000', folder / 'vot' / name)
        (folder / 'vot' / name / 'groundtruth.txt').write_text('50,50,41,41\n' * FRAMES)
    (folder / 'vot/list.txt').write_text('a\nb\n')
    return VOTDataset(data_root=str(folder / 'vot'), test_mode=True, pipeline=PIPELINE)


class Follower(nn.Module):
    """Answers with the annotated box moved by ``shift``, but in frames ``lost`` with one far away.

    What it is given is kept in ``starts``: (frame, box); what it sees in ``seen``.
    """

    def __init__(self, lost: tuple[int, ...] = (), shift: float = 0, rotated: bool = True, tracks: int = 1) -> None:
        super().__init__()
        self.lost, self.shift, self.rotated, self.tracks = lost, shift, rotated, tracks
        self.starts: list[tuple[int, list[float]]] = []
        self.seen: list[int] = []

    def start_video(self) -> FollowerSession:
        return FollowerSession(self)


class FollowerSession:
    def __init__(self, model: Follower) -> None:
        self.model, self.started = model, False

    def step(self, frames: Tensor, samples: list[FrameSample]) -> list[FrameSample]:
        (sample,), model = samples, self.model
        assert frames.shape == (1, 3, 128, 128)
        assert ('prompts' in sample) is not self.started
        if not self.started:
            model.starts.append((sample.frame_id, sample.prompts.bboxes[0].tolist()))
        self.started = True
        model.seen.append(sample.frame_id)
        x = 0.0 if sample.frame_id in model.lost else 50.0 + model.shift
        box = torch.tensor([[x, 50, x + 40, 90]] if x else [[0.0, 0, 10, 10]])
        result = FrameSample(metainfo=sample.metainfo)
        x1, y1, x2, y2 = box[0]
        corners = torch.tensor([[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]])
        count = model.tracks
        result.pred_tracks = InstanceData(
            bboxes=box.repeat(count, 1), labels=torch.zeros(count).long(), scores=torch.ones(count),
            instance_ids=torch.ones(count).long(), masks=[encode(np.zeros((128, 128), np.uint8))] * count,
        )  # fmt: skip
        if model.rotated:
            result.pred_tracks.rotated_boxes = corners.repeat(count, 1, 1)
            result.pred_tracks.lost = torch.tensor([False] * count)
        return [result]


def states(result: VideoResult) -> str:
    """One letter per frame: (s)tarted, (t)racked, (f)ailed, s(k)ipped."""
    assert result.states is not None
    return ''.join('k' if state == 'skipped' else state[0] for state in result.states)


CASES = {
    'never lost': ((), 's' + 't' * 39),
    'lost once': ((12,), 's' + 't' * 11 + 'fkkkks' + 't' * 22),
    'lost in the frame after a start': ((1,), 'sfkkkks' + 't' * 33),
    'lost while nobody looks': ((12, 14), 's' + 't' * 11 + 'fkkkks' + 't' * 22),
    'lost in a frame of a start': ((12, 17), 's' + 't' * 11 + 'fkkkks' + 't' * 22),
    'no start after the end': ((37,), 's' + 't' * 36 + 'fkk'),
    'lost twice': ((5, 20), 'sttttfkkkks' + 't' * 9 + 'fkkkks' + 't' * 14),
}


@pytest.mark.parametrize(('lost', 'expected'), CASES.values(), ids=CASES)
@pytest.mark.parametrize('rotated', [True, False])
def test_states(dataset: VOTDataset, lost: tuple[int, ...], expected: str, rotated: bool) -> None:
    model = Follower(lost, rotated=rotated)
    result = run_with_resets(model, dataset, 0)
    assert states(result) == expected
    assert [len(frame) for frame in result.frames] == [int(letter == 't') for letter in expected]
    assert [start for start, _ in model.starts] == [t for t, letter in enumerate(expected) if letter == 's']
    assert all(box == [50, 50, 91, 91] for _, box in model.starts)
    assert model.seen == [t for t, letter in enumerate(expected) if letter != 'k']
    assert VideoResult.from_json(result.to_json()) == result


def run_of(dataset: VOTDataset, model: nn.Module, metrics: list[Any], folder: Path) -> Tester:
    loader = build_test_loader({'dataset': dataset, 'num_workers': 0}, 4, 0, 1)
    return make_tester(model, loader, Process(), folder, metrics)


def test_numbers_and_files(dataset: VOTDataset, tmp_path: Path) -> None:
    run = run_of(dataset, Follower((12,)), [VOTMetric(interval=(10, 20))], tmp_path / 'w')
    assert isinstance(run, ResetTester)
    numbers = run.run()
    assert numbers == pytest.approx({'EAO': 0.9002948, 'accuracy': 1, 'robustness': 2.5, 'lost': 2}, abs=1e-6)
    run.export(tmp_path / 'out')
    lines = (tmp_path / 'out/baseline/b/b_001.txt').read_text().splitlines()
    assert len(lines) == FRAMES and lines[12:18] == ['2', '0', '0', '0', '0', '1'] and lines[11].count(',') == 7


def test_one_pass_does_not_reset(dataset: VOTDataset, tmp_path: Path) -> None:
    metric = VOTMetric('one-pass')
    assert type(run_of(dataset, Follower(), [metric], tmp_path)) is VideoTester
    results = [run_with_resets(Follower(), dataset, position) for position in range(2)]
    for result in results:
        result.frames[0] = result.frames[1]
    assert metric.evaluate(results, dataset)['precision'] == 1
    with pytest.raises(DataError, match='made without resets'):
        results[0].states = None
        VOTMetric(interval=(10, 20)).evaluate(results, dataset)


def test_refused(dataset: VOTDataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='the model returns 2'):
        run_with_resets(Follower(tracks=2), dataset, 0)
    with pytest.raises(ConfigError, match='Linear cannot be tested with resets'):
        run_of(dataset, nn.Linear(1, 1), [VOTMetric()], tmp_path).infer()
    with pytest.raises(ConfigError, match='no detections'):
        loader = run_of(dataset, Follower(), [], tmp_path).loader
        make_tester(Follower(), loader, Process(), tmp_path, [VOTMetric()], dump_dir='detections')
    with pytest.raises(ConfigError, match='VOTMetric, DAVISMetric cannot be computed from one test'):
        run_of(dataset, Follower(), [VOTMetric(), DAVISMetric()], tmp_path)

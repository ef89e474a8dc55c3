"""What a user may mark, and what becomes of it in a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.apis import Prompt, VideoInferencer
from mmdet.errors import ConfigError, PromptError
from mmdet.geometry import polygon_to_box
from mmdet.structures import FrameSample, InstanceData

Make = Callable[..., Any]


class EchoSession:
    """Gives every marked box back from its frame on."""

    def __init__(self) -> None:
        self.boxes: dict[int, torch.Tensor] = {}
        self.prompts: list[tuple[int, list[int], list[bool]]] = []

    def step(self, frames: torch.Tensor, samples: Sequence[FrameSample]) -> list[FrameSample]:
        return [self._frame(sample) for sample in samples]

    def _frame(self, sample: FrameSample) -> FrameSample:
        given = sample.get('prompts')
        if given is not None:
            ids = given.instance_ids.tolist()
            self.boxes |= dict(zip(ids, given.bboxes))
            masked = given.has_mask.tolist() if 'has_mask' in given else [False] * len(ids)
            self.prompts.append((sample.frame_id, ids, masked))
        result = FrameSample(metainfo=sample.metainfo)
        result.pred_tracks = InstanceData(instance_ids=torch.tensor(list(self.boxes), dtype=torch.int64))
        return result

    def finish(self) -> list[FrameSample]:
        return []


class EchoModel(torch.nn.Module):
    needs_prompts = True
    frame_pipeline = (dict(type='LoadFrames'), dict(type='PackClip'))
    classes = ('object',)

    def start_video(self) -> EchoSession:
        self.session = EchoSession()
        return self.session


@pytest.fixture
def echo() -> VideoInferencer:
    return VideoInferencer(EchoModel())


def ids(stream: Any) -> list[list[int]]:
    return [sample.pred_tracks.instance_ids.tolist() for _, sample in stream]


@pytest.mark.parametrize('chunk', [1, 4])
def test_prompts_reach_their_frames(frames: Make, chunk: int) -> None:
    inferencer = VideoInferencer(EchoModel(), chunk=chunk)
    prompts = [Prompt(box=(1, 2, 30, 40), frame=3), Prompt(box=(5, 5, 9, 9)), Prompt(box=(0, 0, 5, 5), frame=3)]
    assert ids(inferencer.track(frames(6), prompts)) == [[1]] * 3 + [[1, 0, 2]] * 3


def test_one_prompt_needs_no_list(echo: VideoInferencer, frames: Make) -> None:
    assert ids(echo.track(frames(2), Prompt(box=(1, 2, 30, 40), instance_id=9))) == [[9], [9]]


def test_objects_without_an_identity_take_one_that_is_free(echo: VideoInferencer, frames: Make) -> None:
    prompts = [Prompt(box=(0, 0, 9, 9), instance_id=1), Prompt(box=(0, 0, 9, 9)), Prompt(box=(0, 0, 9, 9), frame=1)]
    assert ids(echo.track(frames(2), prompts)) == [[1, 0], [1, 0, 2]]


def test_kinds_on_one_frame(echo: VideoInferencer, frames: Make) -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20, 30:50] = 255
    triangle = [0, 0, 20, 0, 0, 20]
    list(echo.track(frames(1), [Prompt(mask=mask), Prompt(box=(1, 1, 9, 9)), Prompt(polygon=triangle)]))
    session = echo.model.session
    assert session.prompts == [(0, [0, 1, 2], [True, False, True])]
    assert session.boxes[0].tolist() == [30, 10, 50, 20] and session.boxes[2].tolist() == [0, 0, 21, 21]


@pytest.mark.parametrize(
    ('polygon', 'centre', 'size'),
    [
        ((10, 10, 50, 10, 50, 30, 10, 30), (30, 20), (41, 21)),
        ((30, 10, 50, 30, 30, 50, 10, 30), (30, 30), (29.2842712, 29.2842712)),
    ],
    ids=['upright', 'rhombus'],
)
def test_box_of_a_rotated_rectangle(polygon: tuple, centre: tuple, size: tuple) -> None:
    x1, y1, x2, y2 = polygon_to_box(polygon)
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx(centre)
    assert (x2 - x1, y2 - y1) == pytest.approx(size)
    assert Prompt(polygon=np.reshape(polygon, (4, 2))).resolve(60, 60) == ((x1, y1, x2, y2), None)


@pytest.mark.parametrize(
    ('arguments', 'match'),
    [
        (dict(), 'none of them'),
        (dict(box=(0, 0, 1, 1), mask=np.ones((4, 4))), 'box and mask'),
        (dict(box=(0, 0, 1)), 'x1, y1, x2, y2'),
        (dict(polygon=(0, 0, 1, 1)), 'at least 3 corners'),
        (dict(mask=np.ones(4)), r'array \(H, W\)'),
        (dict(box=(0, 0, 1, 1), frame=-1), 'from 0 on'),
        (dict(box=(0, 0, 1, 1), instance_id=-3), 'instance_id is a number from 0 on'),
    ],
)
def test_malformed_prompts(arguments: dict, match: str) -> None:
    with pytest.raises(PromptError, match=match):
        Prompt(**arguments)


@pytest.mark.parametrize(
    ('prompts', 'match'),
    [
        ([], 'nothing is marked'),
        ([Prompt(mask=np.zeros((48, 64)))], 'covers no pixel'),
        ([Prompt(box=(0, 0, 9, 9)), Prompt(mask=np.zeros((48, 64)), frame=2)], 'frame 2, object 1: the mask covers no'),
        ([Prompt(polygon=(5, 5, 10, 10, 15, 15, 20, 20))], 'has no area'),
        ([Prompt(mask=np.ones((40, 64)))], 'the mask is 40 x 64, the frame 48 x 64'),
        ([Prompt(polygon=(100, 100, 120, 100, 120, 130))], 'polygon covers no pixel'),
        ([Prompt(polygon=(0, 0, float('inf'), 0, 9, 9))], 'not finite'),
        ([Prompt(box=(0, 0, 9, 9), instance_id=2), Prompt(box=(1, 1, 9, 9), instance_id=2)], 'two prompts'),
    ],
    ids=['none', 'empty mask', 'its place', 'flat polygon', 'mask size', 'polygon outside', 'not finite', 'twice'],
)
def test_prompts_that_do_not_fit_the_video(echo: VideoInferencer, frames: Make, prompts: list, match: str) -> None:
    with pytest.raises(PromptError, match=match):
        echo.track(frames(3), prompts)


def test_a_prompt_after_the_end(echo: VideoInferencer, frames: Make) -> None:
    stream = echo.track(frames(3), [Prompt(box=(0, 0, 9, 9)), Prompt(box=(0, 0, 9, 9), frame=7)])
    with pytest.raises(PromptError, match=r'3 frames of .* were read; there are prompts for frame 7'):
        list(stream)


def test_a_prompt_far_after_the_end_is_refused_before_anything_runs(echo: VideoInferencer, frames: Make) -> None:
    with pytest.raises(PromptError, match='has 3 frames; there is a prompt for frame 50'):
        echo.track(frames(3), Prompt(box=(0, 0, 9, 9), frame=50))


def test_each_kind_of_model_is_called_its_own_way(echo: VideoInferencer, square_model: Make, frames: Make) -> None:
    with pytest.raises(ConfigError, match='track'):
        echo(frames(1))
    with pytest.raises(ConfigError, match='finds its objects itself'):
        VideoInferencer(square_model()).track(frames(1), Prompt(box=(0, 0, 9, 9)))


@pytest.mark.parametrize('size', [(0, 5), (5, -1)])
def test_boxes_by_corner_and_size(size: tuple[float, float]) -> None:
    assert Prompt.from_xywh(3, 4, 10, 20, frame=2).box == (3, 4, 13, 24)
    with pytest.raises(PromptError, match='no area'):
        Prompt.from_xywh(3, 4, *size)

"""The track head that looks at image crops."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mmdet.errors import ConfigError
from mmdet.models import Clip, Detector, ReIDTrackHead
from mmdet.registry import MODELS
from mmdet.structures import FrameSample, InstanceData

HEAD = dict(
    type='ReIDTrackHead',
    embedder=dict(type='ReIDEmbedder', size=(8, 16), backbone=dict(type='DeepSORTNet', base_channels=2)),
)


@pytest.fixture
def head() -> ReIDTrackHead:
    torch.manual_seed(0)
    return MODELS.build(copy.deepcopy(HEAD))


@MODELS.register_module(force=True)
class BoxesFromNowhere(Detector):
    """A detector without network, pyramid and masks: two fixed boxes in every frame."""

    def extract_feat(self, images: Tensor) -> tuple:
        return ()

    def loss(self, features: Any, samples: Any, roi_features: Any = None) -> Any:
        raise NotImplementedError

    def predict(self, clip: Clip, roi_variants: Any = None) -> list[InstanceData]:
        found = []
        for _ in clip.samples:
            boxes = torch.tensor([[20.0, 20, 60, 80], [100, 30, 160, 90]])
            found.append(InstanceData(bboxes=boxes, scores=torch.ones(2), labels=torch.zeros(2, dtype=torch.int64)))
        return found


def detections(*boxes: list[list[float]]) -> list[InstanceData]:
    return [InstanceData(bboxes=torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)) for rows in boxes]


def make_clip(frames: Tensor, samples: list[FrameSample]) -> Clip:
    return Clip(frames.float(), samples, (), Detector.convention, frames)


def test_boxes_are_cut_out_of_the_resized_frame(head: ReIDTrackHead, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([1, 1])  # half the size of the original frame
    (vector,) = head.embed(make_clip(frames, samples), detections([[40, 20, 80, 100]], []))[0]
    (expected,) = head.embedder.vectors(frames[:1, :, 10:50, 20:40], [torch.tensor([[0.0, 0, 20, 40]])])[0]
    torch.testing.assert_close(vector, expected)


def test_vectors_are_unit_and_one_batch_serves_the_chunk(
    head: ReIDTrackHead, annotated_clip: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, samples = annotated_clip([1, 1, 1])
    sizes: list[int] = []
    forward = head.embedder.backbone.forward
    monkeypatch.setattr(head.embedder.backbone, 'forward', lambda x: (sizes.append(len(x)), forward(x))[1])
    boxes = [[[0, 0, 40, 40], [30, 30, 90, 90]], [], [[10, 20, 60, 100]]]
    found = head.embed(make_clip(frames, samples), detections(*boxes))
    assert [v.shape for v in found] == [(2, 16), (0, 16), (1, 16)]
    assert sizes == [3]
    torch.testing.assert_close(torch.cat(found).norm(dim=1), torch.ones(3))
    head.embedder.max_batch = 2
    limited = head.embed(make_clip(frames, samples), detections(*boxes))
    assert sizes == [3, 2, 1]
    torch.testing.assert_close(torch.cat(limited), torch.cat(found))


def test_a_vector_does_not_depend_on_the_others_even_while_training(
    head: ReIDTrackHead, annotated_clip: Callable
) -> None:
    frames, samples = annotated_clip([1])
    head.train()
    assert not any(module.training for module in head.modules())
    both = head.embed(make_clip(frames, samples), detections([[0, 0, 40, 40], [30, 30, 90, 90]]))[0]
    alone = head.embed(make_clip(frames, samples), detections([[30, 30, 90, 90]]))[0]
    torch.testing.assert_close(both[1:], alone)


def test_empty_crops_look_like_nothing(head: ReIDTrackHead, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([1])
    boxes = [[50.0, 50, 50, 60], [-30, 0, -20, 20], [10, 10, 50, 50], [float('nan')] * 4]
    vectors = head.embed(make_clip(frames, samples), detections(boxes))[0]
    torch.testing.assert_close(vectors.norm(dim=1), torch.tensor([0.0, 0, 1, 0]))
    alone = head.embed(make_clip(frames, samples), detections(boxes[2:3]))[0]
    torch.testing.assert_close(vectors[2:3], alone)


@pytest.mark.parametrize('counts', [[], [[]], [[], []]], ids=['no frames', 'one frame', 'two frames'])
def test_no_detections(head: ReIDTrackHead, annotated_clip: Callable, counts: list) -> None:
    frames, samples = annotated_clip([1] * max(len(counts), 1))
    found = head.embed(make_clip(frames, samples[: len(counts)]), detections(*counts)) if counts else []
    assert [v.shape for v in found] == [(0, 16)] * len(counts)


def test_a_clip_without_frames(head: ReIDTrackHead, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([1])
    with pytest.raises(ConfigError, match='8-bit frames'):
        head.embed(Clip(frames.float(), samples, (), Detector.convention), detections([[0, 0, 9, 9]]))


def test_a_detector_without_pyramid_and_deepsort(annotated_clip: Callable) -> None:
    tracker = dict(type='DeepSORTTracker', n_init=1)
    model = MODELS.build(
        dict(type='VideoInstanceSegmenter', detector=dict(type='BoxesFromNowhere'), track_head=HEAD, tracker=tracker)
    ).eval()
    frames, samples = annotated_clip([1, 1, 1])
    found = model([frames], [samples], mode='predict')
    assert [sample.pred_tracks.instance_ids.tolist() for sample in found] == [[1, 2]] * 3
    assert found[0].pred_instances.embeddings.shape == (2, 16)


def test_training_a_detector_leaves_the_head_alone(build: Callable, annotated_clip: Callable) -> None:
    def change(config: dict) -> None:
        config.update(track_head=copy.deepcopy(HEAD), tracker=dict(type='DeepSORTTracker'))

    model = build(change).train()
    frames, samples = annotated_clip([2])  # no reference frame
    losses = model([frames], [samples], mode='loss')
    assert not any('match' in key for key in losses)
    sum(value.sum() for key, value in losses.items() if 'loss' in key).backward()
    assert not any(p.requires_grad for p in model.track_head.parameters())

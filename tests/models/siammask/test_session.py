"""Objects keep to themselves: any number of them, marked on any frame, on one model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.errors import ConfigError, DataError, PromptError
from mmdet.evaluation.label_export import frame_labels
from mmdet.evaluation.video_result import tracks_of
from mmdet.models.siammask.follow import follow, start_targets
from mmdet.models.siammask.session import SiamMaskSession
from mmdet.ops.rle import decode
from mmdet.structures import FrameSample, InstanceData

Make = Callable[..., Any]
BOXES = [[20, 30, 60, 70], [80, 20, 140, 60], [100, 70, 130, 110]]
SIZE = (120, 160)


def clip(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    small = torch.randint(0, 256, (count, 3, 12, 16), generator=generator, dtype=torch.uint8)
    return small.repeat_interleave(10, 2).repeat_interleave(10, 3)


def run(model: Any, frames: torch.Tensor, samples: list[FrameSample]) -> list[InstanceData]:
    return [sample.pred_tracks for sample in model.start_video().step(frames, samples)]


@pytest.mark.parametrize('kind', ['boxes', 'base', 'sharp', 'stage2'])
def test_objects_together_are_as_each_alone(build_siammask: Make, frame_sample: Make, kind: str) -> None:
    model, frames = build_siammask(kind), clip(4)
    together = run(model, frames, [frame_sample(i, boxes=BOXES if i == 0 else None) for i in range(4)])
    for row, box in enumerate(BOXES):
        alone = run(model, frames, [frame_sample(i, boxes=[box] if i == 0 else None, ids=[row]) for i in range(4)])
        for joint, single in zip(together, alone):
            torch.testing.assert_close(joint.bboxes[row], single.bboxes[0], atol=1e-2, rtol=0)
            torch.testing.assert_close(joint.scores[row], single.scores[0], atol=1e-4, rtol=0)
            assert (decode(joint.masks[row]) != decode(single.masks[0])).mean() < 1e-3


def test_two_sessions_on_one_model_do_not_mix(build_siammask: Make, frame_sample: Make) -> None:
    model, clips = build_siammask('sharp'), (clip(4, 1), clip(4, 2))
    alone = [run(model, frames, [frame_sample(i, boxes=[BOXES[n]] if i == 0 else None) for i in range(4)])
             for n, frames in enumerate(clips)]  # fmt: skip
    sessions = [model.start_video() for _ in clips]
    for index in range(4):
        for n, session in enumerate(sessions):
            sample = frame_sample(index, boxes=[BOXES[n]] if index == 0 else None)
            tracks = session.step(clips[n][index : index + 1], [sample])[0].pred_tracks
            assert tracks.bboxes.equal(alone[n][index].bboxes) and tracks.masks == alone[n][index].masks


def test_chunks_of_any_length_give_the_same(build_siammask: Make, frame_sample: Make) -> None:
    model, frames = build_siammask('base'), clip(5)
    samples = [frame_sample(i, boxes=BOXES[:2] if i == 0 else None) for i in range(5)]
    whole = run(model, frames, samples)
    session = model.start_video()
    parts = session.step(frames[:2], samples[:2]) + session.step(frames[2:], samples[2:]) + session.finish()
    for one, other in zip(whole, parts, strict=True):
        assert one.bboxes.equal(other.pred_tracks.bboxes) and one.masks == other.pred_tracks.masks


def test_objects_appear_when_they_are_marked(build_siammask: Make, frame_sample: Make) -> None:
    marks = {1: (BOXES[:1], [7]), 3: (BOXES[1:2], [4])}
    samples = [frame_sample(i, boxes=marks.get(i, (None, None))[0], ids=marks.get(i, (0, None))[1]) for i in range(5)]
    tracks = run(build_siammask('base'), clip(5), samples)
    assert [t.instance_ids.tolist() for t in tracks] == [[], [7], [7], [7, 4], [7, 4]]
    assert tracks[0].bboxes.shape == (0, 4) and tracks[0].rotated_boxes.shape == (0, 4, 2) and tracks[0].masks == []
    for frame, row, box in ((1, 0, BOXES[0]), (3, 1, BOXES[1])):
        assert tracks[frame].bboxes[row].tolist() == box and tracks[frame].scores[row] == 1
        assert not tracks[frame].lost[row]


def test_objects_that_end_are_forgotten(build_siammask: Make, frame_sample: Make) -> None:
    """From that frame on the object has no row and takes no pixel from the other one, which goes on as before."""
    options = dict(test_cfg=dict(mask_threshold=0.05, fuse_masks=True))
    model, frames, boxes = build_siammask('base', **options), clip(4), [[20, 30, 60, 70], [24, 30, 64, 70]]
    samples = [frame_sample(i, boxes=boxes if i == 0 else None) for i in range(4)]
    samples[2].set_metainfo(dict(ended_ids=(0, 9)))  # 9 was never there
    tracks = run(model, frames, samples)
    assert [t.instance_ids.tolist() for t in tracks] == [[0, 1], [0, 1], [1], [1]]
    both = run(model, frames, [frame_sample(i, boxes=boxes if i == 0 else None) for i in range(4)])
    alone = run(model, frames, [frame_sample(i, boxes=boxes[1:] if i == 0 else None, ids=[1]) for i in range(4)])
    assert tracks[1].masks == both[1].masks
    assert decode(tracks[2].masks[0]).sum() > decode(both[2].masks[1]).sum()
    assert (decode(tracks[2].masks[0]) != decode(alone[2].masks[0])).mean() < 1e-3


def test_a_given_mask_is_the_result_of_its_frame(build_siammask: Make, frame_sample: Make) -> None:
    mask = torch.zeros(1, *SIZE, dtype=torch.bool)
    mask[0, 30:70, 20:60] = torch.eye(40).bool()
    found = run(build_siammask('base'), clip(2), [frame_sample(0, boxes=BOXES[:1], masks=mask), frame_sample(1)])
    assert (decode(found[0].masks[0]).astype(bool) == mask[0].numpy()).all()


def test_masks_for_some_of_the_objects(build_siammask: Make, frame_sample: Make) -> None:
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    masks[1, 20:60, 80:140] = True
    sample = frame_sample(0, boxes=BOXES[:2], masks=masks)
    sample.prompts.has_mask = torch.tensor([False, True])
    found = run(build_siammask('boxes'), clip(1), [sample])[0]
    assert decode(found.masks[1]).sum() == 40 * 60 and decode(found.masks[0]).sum() == 40 * 40


def test_marking_again_starts_anew(build_siammask: Make, frame_sample: Make) -> None:
    model, frames = build_siammask('base'), clip(5)
    marks = {0: BOXES[:1], 3: BOXES[1:2]}
    tracks = run(model, frames, [frame_sample(i, boxes=marks.get(i)) for i in range(5)])
    fresh = run(model, frames[3:], [frame_sample(i, boxes=BOXES[1:2] if i == 3 else None) for i in (3, 4)])
    assert tracks[3].bboxes[0].tolist() == BOXES[1]
    assert tracks[4].bboxes.equal(fresh[1].bboxes)


@pytest.mark.parametrize(
    ('score', 'mask', 'lost'),
    [(8.0, 10.0, False), (-8.0, 10.0, True), (8.0, -10.0, True)],
    ids=['seen', 'low score', 'empty mask'],
)
def test_lost(dictated: Make, frame_sample: Make, score: float, mask: float, lost: bool) -> None:
    stub = dictated('sharp')
    stub.cls[0, 5:] = score
    stub.mask = torch.full((127, 127), mask)
    tracks = run(stub.model, clip(2), [frame_sample(0, boxes=BOXES[:1]), frame_sample(1)])
    assert tracks[0].lost.tolist() == [False] and tracks[1].lost.tolist() == [lost]


SHIFT = 24 * 128 / 127  # three cells, in pixels of the frame for a target of 64 x 64
FALLBACKS = {
    'inside the frame': (160, 12, (127.9370489, 87.9370489, 192.0629511, 152.0629511), 160),
    'over the border': (10, 12, (-22.0629511, 87.9370489, 42.0629511, 152.0629511), 10),
    # the corners are those before the middle is brought back into the frame
    'middle outside': (10, 9, (-22.0629511 - SHIFT, 87.9370489, 42.0629511 - SHIFT, 152.0629511), 0),
}


@pytest.mark.parametrize(('x', 'column', 'expected', 'middle'), FALLBACKS.values(), ids=FALLBACKS)
def test_without_a_mask_the_rotated_box_is_the_upright_one(
    dictated: Make, frame_sample: Make, x: float, column: int, expected: tuple, middle: float
) -> None:
    """Corners of the original program with its config for VOT, for a target of 64 x 64 around (x, 120)."""
    stub = dictated('sharp', test_cfg=dict(penalty_k=0.04, window_influence=0.42, lr=0.25))
    stub.mask = torch.full((127, 127), -10.0)
    stub.cls[0, 5 + 2, 12, column] = 8
    box = [x - 32.0, 88.0, x + 32.0, 152.0]
    frames = torch.zeros(2, 3, 240, 320, dtype=torch.uint8)
    tracks = run(stub.model, frames, [frame_sample(0, (240, 320), [box]), frame_sample(1, (240, 320))])[1]
    corners = tracks.rotated_boxes[0].numpy()
    np.testing.assert_allclose((*corners[0], *corners[2]), expected, atol=1e-4)
    assert float(tracks.bboxes[0, 0] + tracks.bboxes[0, 2]) / 2 == pytest.approx(middle, abs=1e-4)
    assert decode(tracks.masks[0]).sum() == 0


def test_an_object_that_leaves_stays_at_the_border(dictated: Make, frame_sample: Make) -> None:
    stub = dictated('sharp')
    stub.cls[0, :5] = 20
    stub.cls[0, 5 + 2, 12, 24] = 40  # always to the right
    samples = [frame_sample(i, boxes=[[100, 40, 150, 90]] if i == 0 else None) for i in range(6)]
    tracks = run(stub.model, clip(6), samples)
    right = [float(t.bboxes[0, 0] + t.bboxes[0, 2]) / 2 for t in tracks]
    assert right == sorted(right) and right[-1] == 160
    assert all(torch.isfinite(t.bboxes).all() and len(t.masks) == 1 for t in tracks)


def test_fused_masks_share_no_pixel(build_siammask: Make, frame_sample: Make) -> None:
    boxes = [[20, 30, 60, 70], [24, 30, 64, 70]]
    options = [dict(mask_threshold=0.05, fuse_masks=fuse) for fuse in (True, False)]
    cases = {option['fuse_masks']: build_siammask('base', test_cfg=option) for option in options}
    samples = [frame_sample(i, boxes=boxes if i == 0 else None) for i in range(2)]
    masks = {fuse: [decode(m) for m in run(model, clip(2), samples)[1].masks] for fuse, model in cases.items()}
    assert (masks[False][0] & masks[False][1]).any()
    assert not (masks[True][0] & masks[True][1]).any()
    assert ((masks[True][0] | masks[True][1]) == (masks[False][0] | masks[False][1])).all()


@pytest.mark.parametrize(('threshold', 'bottom'), [(0.35, 7), (0.45, 0)])
def test_fused_masks_carry_the_numbers_that_were_given(
    dictated: Make, frame_sample: Make, threshold: float, bottom: int
) -> None:
    """Two objects in one place: 3 is surer of the upper half (0.9), 7 of the lower (0.4), which may be too little."""
    stub = dictated('sharp', test_cfg=dict(mask_threshold=threshold, fuse_masks=True))
    stub.cls[0, 5 + 2, 12, 12] = 8
    values = torch.tensor([[0.9, 0.1], [0.2, 0.4]])  # (objects, halves)
    masks = values.logit().repeat_interleave(64, 1)[:, :127, None].expand(-1, -1, 127)
    stub.model.refine_head.masks = lambda skips, correlation, cells: masks
    boxes, frames = [[128.0, 88.0, 192.0, 152.0]] * 2, torch.zeros(2, 3, 240, 320, dtype=torch.uint8)
    samples = [frame_sample(0, (240, 320), boxes, [3, 7]), frame_sample(1, (240, 320))]
    result = stub.model.start_video().step(frames, samples)[1]
    labels = frame_labels(tracks_of(result), 240, 320)
    assert set(np.unique(labels[60:115, 100:220])) == {3}
    assert set(np.unique(labels[125:180, 100:220])) == {bottom}


def test_a_given_mask_keeps_its_pixels(dictated: Make, frame_sample: Make) -> None:
    """Against an object that is followed there, however sure the network is; and its rotated box lies around it."""
    stub = dictated('sharp', test_cfg=dict(mask_threshold=0.35, fuse_masks=True))
    stub.cls[0, 5 + 2, 12, 12] = 8
    stub.model.refine_head.masks = lambda skips, correlation, cells: torch.full((len(cells), 127, 127), 40.0)
    box, given = [128.0, 88.0, 192.0, 152.0], np.zeros((240, 320), bool)
    given[100:120, 140:200] = True
    late = frame_sample(1, (240, 320), [[140.0, 100.0, 200.0, 120.0]], [7])
    late.prompts.masks, late.prompts.has_mask = torch.from_numpy(given[None]), torch.tensor([True])
    session = stub.model.start_video()
    session.step(torch.zeros(1, 3, 240, 320, dtype=torch.uint8), [frame_sample(0, (240, 320), [box], [3])])
    tracks = session.step(torch.zeros(1, 3, 240, 320, dtype=torch.uint8), [late])[0].pred_tracks
    masks = {int(i): decode(mask).astype(bool) for i, mask in zip(tracks.instance_ids, tracks.masks)}
    assert (masks[7] == given).all() and masks[3].any() and not (masks[3] & given).any()
    corners = tracks.rotated_boxes[tracks.instance_ids.tolist().index(7)]
    assert (corners.amin(0).tolist(), corners.amax(0).tolist()) == ([140, 100], [199, 119])


@pytest.mark.parametrize('kind', ['base', 'sharp', 'stage2'])
def test_ground_truth_in_a_sample_changes_nothing(build_siammask: Make, frame_sample: Make, kind: str) -> None:
    model, frames = build_siammask(kind), clip(3)
    plain = run(model, frames, [frame_sample(i, boxes=BOXES[:1] if i == 0 else None) for i in range(3)])
    samples = [frame_sample(i, boxes=BOXES[:1] if i == 0 else None) for i in range(3)]
    for sample in samples:
        sample.gt_instances = InstanceData(bboxes=torch.tensor([[90.0, 10, 150, 100]]), labels=torch.zeros(1).long())
        sample.gt_instances.masks = torch.ones(1, *SIZE, dtype=torch.uint8)
    for one, other in zip(plain, run(model, frames, samples), strict=True):
        assert one.bboxes.equal(other.bboxes) and one.masks == other.masks
    for function in (type(model).start_video, SiamMaskSession.step, follow, start_targets):
        assert not {'gt', 'truth', 'ground_truth', 'gt_instances'} & set(inspect.signature(function).parameters)


def test_a_limited_batch_gives_the_same(build_siammask: Make, frame_sample: Make) -> None:
    """Three objects, two at a time."""
    frames, passes, found = clip(3), [], []
    for limit in (16, 2):
        model = build_siammask('sharp', test_cfg=dict(max_batch=limit))
        plain = model.respond
        model.respond = lambda kernels, images, plain=plain: passes.append(len(images)) or plain(kernels, images)
        found.append(run(model, frames, [frame_sample(i, boxes=BOXES if i == 0 else None) for i in range(3)]))
    assert passes == [3] * 3 + [2, 1] * 3
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one.bboxes, other.bboxes, atol=1e-2, rtol=0)
        pairs = zip(one.masks, other.masks, strict=True)
        assert all((decode(first) != decode(second)).mean() < 1e-3 for first, second in pairs)
    with pytest.raises(ConfigError, match='max_batch must be at least 1'):
        build_siammask('sharp', test_cfg=dict(max_batch=0))


def marked(boxes: Any, ids: Any = None, masks: Any = None) -> InstanceData:
    prompts = InstanceData(bboxes=torch.tensor(boxes, dtype=torch.float64))
    if ids is not None:
        prompts.instance_ids = torch.tensor(ids)
    if masks is not None:
        prompts.masks = masks
    return prompts


@pytest.mark.parametrize(
    ('prompts', 'match'),
    [
        (marked([[200, 10, 240, 60]], [0]), r'object 0: the box .*outside the frame of 160 x 120'),
        (marked([[-50, 10, 0, 60]], [0]), 'outside the frame'),
        (marked([[20, 20, 20, 60]], [0]), 'has no area'),
        (marked([[60, 60, 20, 20]], [0]), 'has no area'),
        (marked([[float('nan'), 0, 9, 9]], [0]), 'not finite'),
        (marked([[0, 0, 9, 9]]), 'instance_ids'),
        (marked([[0, 0, 9, 9], [5, 5, 9, 9]], [3, 3]), 'same identity'),
        (marked([[0, 0, 9, 9]], [0], torch.zeros(1, 120, 160)), 'the mask is empty'),
        (marked([[0, 0, 9, 9]], [0], torch.ones(1, 60, 80)), '60 x 80 but the frame is 120 x 160'),
    ],
    ids=['right', 'left', 'no width', 'turned', 'nan', 'no ids', 'ids twice', 'empty mask', 'mask size'],
)
def test_what_cannot_be_followed(build_siammask: Make, frame_sample: Make, prompts: Any, match: str) -> None:
    sample = frame_sample(0)
    sample.prompts = prompts
    with pytest.raises(PromptError, match=match) as caught:
        run(build_siammask(), clip(1), [sample])
    assert 'video 5, frame 0' in str(caught.value)


def test_a_box_partly_outside_and_one_of_a_pixel_are_followed(build_siammask: Make, frame_sample: Make) -> None:
    boxes = [[-30, -30, 20, 20], [50, 50, 50.5, 50.5]]
    tracks = run(build_siammask(), clip(2), [frame_sample(0, boxes=boxes), frame_sample(1)])
    assert tracks[0].bboxes.tolist() == boxes and torch.isfinite(tracks[1].bboxes).all()


def test_a_video_has_one_size_and_its_own_resolution(build_siammask: Make, frame_sample: Make) -> None:
    session = build_siammask().start_video()
    session.step(clip(1), [frame_sample(0, boxes=BOXES[:1])])
    with pytest.raises(DataError, match=r'100 x 160 .*before are 120 x 160'):
        session.step(clip(1)[:, :, :100], [frame_sample(1, (100, 160))])
    with pytest.raises(ConfigError, match='must not resize'):
        build_siammask().start_video().step(clip(1)[:, :, ::2, ::2], [frame_sample(0)])
    with pytest.raises(DataError, match='in order'):
        session.step(clip(1), [frame_sample(5)])


def test_the_test_loop_drives_sessions(build_siammask: Make, frame_sample: Make) -> None:
    model, results = build_siammask(), []
    for video in (1, 2):
        for index in range(3):
            sample = frame_sample(index, boxes=BOXES[:video] if index == 0 else None)
            sample.set_metainfo(dict(video_id=video, video_length=3))
            results += model([clip(1, index)], [[sample]], mode='predict')
    assert [len(sample.pred_tracks.masks) for sample in results] == [1, 1, 1, 2, 2, 2]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
@pytest.mark.parametrize('kind', ['base', 'sharp', 'stage2'])
def test_a_gpu_trains_and_follows_as_a_cpu(build_siammask: Make, frame_sample: Make, pairs: Make, kind: str) -> None:
    model, batch = build_siammask(kind), pairs(side=143 if kind == 'sharp' else 255)
    samples = [frame_sample(i, boxes=BOXES if i == 0 else None) for i in range(3)]
    expected, losses = run(model, clip(3), samples), model(**batch, mode='loss')
    model.cuda()
    for name, value in model(**batch, mode='loss').items():
        torch.testing.assert_close(value.cpu(), losses[name], rtol=1e-3, atol=1e-4)
    for here, there in zip(run(model, clip(3), samples), expected):
        torch.testing.assert_close(here.bboxes, there.bboxes, atol=0.1, rtol=0)
        torch.testing.assert_close(here.scores, there.scores, atol=1e-3, rtol=0)

"""PointTrack's track head in its slot: masks of every kind, chunks, training, and input that is bad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mmdet.errors import ConfigError, DataError, IncompatibleSlotsError
from mmdet.models import Clip, PointTrackHead, VideoInstanceSegmenter
from mmdet.models.detectors.ground_truth import GroundTruthDetector
from mmdet.models.samplers import SampledRoIs
from mmdet.ops.rle import encode
from mmdet.registry import MODELS, register_all
from mmdet.structures import BitmapMasks, EncodedMasks, FrameSample, InstanceData, RoIMasks

SIZE = (64, 96)  # of the frames in ``annotated_clip``, half of the original size
ORIGINAL = (128, 192)


@pytest.fixture
def head() -> PointTrackHead:
    register_all()
    torch.manual_seed(0)
    return PointTrackHead(num_foreground=40, num_context=20, base_channels=8, embedding_dim=6).eval()


def as_clip(frames: torch.Tensor, samples: list[FrameSample]) -> Clip:
    return Clip(frames.float(), samples, (), GroundTruthDetector().convention, frames)


def predicted(clip: Clip) -> list[InstanceData]:
    return GroundTruthDetector().predict(clip)


def with_masks(detections: InstanceData, masks: Any) -> InstanceData:
    changed = InstanceData()
    changed.bboxes, changed.labels, changed.scores = detections.bboxes, detections.labels, detections.scores
    changed.masks = masks
    return changed


@torch.no_grad()
@pytest.mark.parametrize('kind', ['encoded', 'bitmaps at original size', 'grids'])
def test_masks_of_every_kind(head: PointTrackHead, annotated_clip: Callable, kind: str) -> None:
    clip = as_clip(*annotated_clip([3]))
    detections = predicted(clip)[0]
    dense = detections.masks.to_dense()
    assert dense.shape == (3, *ORIGINAL)
    if kind == 'encoded':
        masks: Any = EncodedMasks([encode(mask.numpy()) for mask in dense], ORIGINAL)
    elif kind == 'grids':
        masks = RoIMasks(torch.ones(3, 28, 28), detections.bboxes.round(), ORIGINAL)
        detections = with_masks(detections, BitmapMasks(masks.to_dense(), ORIGINAL))
    else:
        masks = BitmapMasks(dense, ORIGINAL)
    expected, found = head.embed(clip, [detections])[0], head.embed(clip, [with_masks(detections, masks)])[0]
    assert found.shape == (3, 6) and found.equal(expected)


@torch.no_grad()
@pytest.mark.parametrize('limit', [1, 4, 100])
def test_chunks_make_no_difference(head: PointTrackHead, annotated_clip: Callable, limit: int) -> None:
    frames, samples = annotated_clip([2, 0, 3, 1])
    head.batch_instances = limit
    whole = as_clip(frames, samples)
    together = head.embed(whole, predicted(whole))
    assert [len(vectors) for vectors in together] == [2, 0, 3, 1]
    for index, vectors in enumerate(together):
        one = as_clip(frames[index : index + 1], samples[index : index + 1])
        assert head.embed(one, predicted(one))[0].sub(vectors).abs().sum() < 1e-4


@torch.no_grad()
@pytest.mark.parametrize(('dtype', 'least'), [('bfloat16', 1e-6), ('float32', 0)])
def test_a_test_in_another_type(head: PointTrackHead, annotated_clip: Callable, dtype: Any, least: float) -> None:
    """Rounding shows, and no more than rounding; vectors are float32 whatever the network computes in."""
    other = PointTrackHead(num_foreground=40, num_context=20, base_channels=8, embedding_dim=6, dtype=dtype).eval()
    other.load_state_dict(head.state_dict())
    clip = as_clip(*annotated_clip([3]))
    expected, found = head.embed(clip, predicted(clip))[0], other.embed(clip, predicted(clip))[0]
    assert found.dtype == torch.float32
    assert least <= (found - expected).abs().max() <= 0.02 * expected.abs().max()


@torch.no_grad()
def test_frames_and_videos_draw_other_points(head: PointTrackHead, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([1])
    clip = as_clip(frames, samples)
    first = head.embed(clip, predicted(clip))[0]
    for name in ('frame_id', 'video_id'):
        other = samples[0].new(metainfo={**dict(samples[0].metainfo_items()), name: 5})
        other.gt_instances = samples[0].gt_instances
        moved = as_clip(frames, [other])
        assert not head.embed(moved, predicted(moved))[0].equal(first)


@torch.no_grad()
@pytest.mark.parametrize(
    'pixels',
    [[(127, 191)], [(127, c) for c in range(192)], [(0, 0)], []],
    ids=['last pixel', 'last row', 'first pixel', 'none'],
)
@pytest.mark.parametrize('compat', [False, True])
def test_tiny_masks(annotated_clip: Callable, pixels: list, compat: bool) -> None:
    head = PointTrackHead(num_foreground=40, num_context=20, base_channels=8, compat=compat).eval()
    clip = as_clip(*annotated_clip([2]))
    detections = predicted(clip)[0]
    dense = detections.masks.to_dense().clone()
    dense[1] = False
    for row, column in pixels:
        dense[1, row, column] = True
    vectors = head.embed(clip, [with_masks(detections, BitmapMasks(dense, ORIGINAL))])[0]
    assert vectors.shape == (2, 32) and torch.isfinite(vectors).all()


@torch.no_grad()
@pytest.mark.parametrize('size', [SIZE, (130, 192), (128, 191)], ids=['resized', 'rows', 'columns'])
def test_masks_of_another_size_than_the_frame(head: PointTrackHead, annotated_clip: Callable, size: tuple) -> None:
    clip = as_clip(*annotated_clip([2]))
    masks = BitmapMasks(torch.ones(2, *size, dtype=torch.bool), size)
    expected = rf'frame 0 of video \d+: masks are \({size[0]}, {size[1]}\) and the frame is \(128, 192\)'
    with pytest.raises(DataError, match=expected):
        head.embed(clip, [with_masks(predicted(clip)[0], masks)])


def test_training_masks_of_another_size(head: PointTrackHead, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([2, 2, 2])
    samples[1].gt_instances.masks = torch.nn.functional.pad(samples[1].gt_instances.masks, (0, 8))
    with pytest.raises(DataError, match=r'masks are \(64, 104\) and the frame is \(64, 96\).*resized frame'):
        losses(head, frames, samples, keys=1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
@torch.no_grad()
@pytest.mark.parametrize('compat', [False, True])
def test_a_gpu_gives_the_vectors_of_a_cpu(annotated_clip: Callable, compat: bool) -> None:
    torch.manual_seed(0)
    head = PointTrackHead(num_foreground=40, num_context=20, base_channels=8, compat=compat).eval()
    clip = as_clip(*annotated_clip([3, 0, 2]))
    expected = head.embed(clip, predicted(clip))
    moved = as_clip(clip.images.to('cuda', torch.uint8), clip.samples)
    found = head.to('cuda').embed(moved, predicted(moved))
    assert [len(vectors) for vectors in found] == [3, 0, 2]
    for ours, theirs in zip(found, expected):
        torch.testing.assert_close(ours.cpu(), theirs, atol=1e-4, rtol=1e-4)


def losses(head: PointTrackHead, frames: torch.Tensor, samples: list[FrameSample], keys: int) -> dict:
    nothing = [SampledRoIs(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0))] * keys
    return head.loss(as_clip(frames[:keys], samples[:keys]), as_clip(frames[keys:], samples[keys:]), nothing)


@pytest.mark.parametrize('counts', [[3, 2, 2], [0, 0, 0], [1, 0, 0]], ids=['many', 'none', 'one'])
def test_loss_has_the_same_keys_and_gradients_everywhere(
    head: PointTrackHead, annotated_clip: Callable, counts: list[int]
) -> None:
    found = losses(head.train(), *annotated_clip(counts), keys=1)
    assert set(found) == {'loss_triplet', 'nearest_acc'}
    found['loss_triplet'].backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
    assert (found['loss_triplet'] > 0) == (counts[0] > 1)


def test_loss_is_repeatable_and_videos_do_not_share_identities(head: PointTrackHead, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([2, 2])
    head.train()
    first = losses(head, frames, samples, keys=1)['loss_triplet']
    assert losses(head, frames, samples, keys=1)['loss_triplet'].equal(first)
    samples[1].set_metainfo(dict(video_id=99))  # the same numbers now name four objects
    assert losses(head, frames, samples, keys=1)['nearest_acc'] == 0


@pytest.mark.parametrize('limit', [1, 2, 24])
def test_number_of_tracks(head: PointTrackHead, annotated_clip: Callable, limit: int) -> None:
    head.max_tracks = limit
    _, samples = annotated_clip([5, 5, 3])
    ids = [sample.gt_instances.instance_ids for sample in samples]
    chosen = head._chosen(ids, samples[0])
    kept = torch.cat(chosen)
    assert len(kept[kept >= 0].unique()) == min(limit, 5)
    assert all(torch.where(new >= 0, new, old).equal(old) for new, old in zip(chosen, ids))


def test_surroundings_are_not_followed(head: PointTrackHead, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([2, 2])
    for sample in samples:
        sample.gt_instances.instance_ids = torch.tensor([-1, -1])
    found = losses(head.train(), frames, samples, keys=1)
    assert found['loss_triplet'] == 0


def test_without_annotations(head: PointTrackHead, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([1, 1])
    del samples[1].gt_instances
    with pytest.raises(DataError, match=r'video 17, frame 1: .*LoadAnnotations'):
        losses(head, frames, samples, keys=1)
    with pytest.raises(DataError, match=r'video 17, frame 1: .*LoadAnnotations'):
        predicted(as_clip(frames, samples))


def test_without_frames(head: PointTrackHead, annotated_clip: Callable) -> None:
    clip = as_clip(*annotated_clip([1]))
    clip.frames = None
    with pytest.raises(ConfigError, match=r'set Clip\.frames'):
        head.embed(clip, predicted(clip))


@pytest.mark.parametrize('change', [dict(num_context=0), dict(max_tracks=0), dict(jitter=-1)])
def test_bad_arguments(change: dict) -> None:
    with pytest.raises(ConfigError, match='at least 1'):
        PointTrackHead(**change)
    with pytest.raises(ConfigError, match="float32, bfloat16, float16, got 'int8'"):
        PointTrackHead(dtype='int8')  # type: ignore[arg-type]


# ---- in a model ---------------------------------------------------------------------------------------------------

POINTS = dict(type='PointTrackHead', num_foreground=40, num_context=20, base_channels=8)


def test_a_detector_without_masks_is_refused() -> None:
    register_all()
    detector = GroundTruthDetector()
    detector.provides = frozenset({'pyramid'})
    with pytest.raises(IncompatibleSlotsError, match='PointTrackHead needs instance masks'):
        VideoInstanceSegmenter(detector, track_head=POINTS, tracker=dict(type='PointTrackTracker'))


def point_model() -> VideoInstanceSegmenter:
    register_all()
    torch.manual_seed(0)
    config = dict(detector=dict(type='GroundTruthDetector'), track_head=POINTS, tracker=dict(type='PointTrackTracker'))
    return MODELS.build(dict(type='VideoInstanceSegmenter', **config))


@pytest.mark.parametrize('sizes', [(64, 96), (50, 70)], ids=['equal', 'padded'])
def test_a_batch_trains_on_all_frames_of_its_clips(annotated_clip: Callable, sizes: tuple[int, int]) -> None:
    model = point_model().train()
    inputs, samples = zip(*(annotated_clip([2, 2, 1], seed) for seed in (0, 1)))
    small = inputs[1][:, :, : sizes[0], : sizes[1]]
    for sample in samples[1]:
        sample.set_metainfo(dict(img_shape=sizes))
        sample.gt_instances.masks = sample.gt_instances.masks[:, : sizes[0], : sizes[1]]
    found = model.loss([inputs[0], small], samples)
    assert set(found) == {'loss_triplet', 'nearest_acc'} and found['loss_triplet'] > 0
    direct = model.track_head.loss(
        _joined([inputs[0], inputs[1]], samples, [0]), _joined([inputs[0], inputs[1]], samples, [1, 2]), []
    )
    assert found['loss_triplet'].item() == pytest.approx(direct['loss_triplet'].item(), abs=1e-5)


def _joined(inputs: list, samples: tuple, positions: list[int]) -> Clip:
    frames = torch.cat([clip[positions] for clip in inputs])
    return as_clip(frames, [clip[position] for clip in samples for position in positions])


def test_ground_truth_is_tracked(annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([2, 2, 2])
    for sample in samples:
        sample.gt_instances = samples[0].gt_instances
    frames[:] = frames[0]
    finished = point_model().eval()([frames], [samples], mode='predict')
    assert [sample.pred_tracks.instance_ids.tolist() for sample in finished] == [[1, 2]] * 3
    masks = samples[0].gt_instances.masks.repeat_interleave(2, 1).repeat_interleave(2, 2)
    assert finished[0].pred_tracks.masks == [encode(mask.numpy()) for mask in masks]
    assert finished[0].pred_tracks.bboxes.equal(samples[0].gt_instances.bboxes * 2)


def test_a_frozen_detector_stays_as_it_is(build: Callable, annotated_clip: Callable) -> None:
    def freeze(config: dict) -> None:
        config.update(detector_trains_on='none', track_head=POINTS, tracker=dict(type='PointTrackTracker'))

    model = build(freeze).train()
    assert not any(module.training for module in model.detector.modules())
    before = {name: value.clone() for name, value in model.detector.state_dict().items()}
    frames, samples = annotated_clip([2, 2, 2])
    found = model.loss([frames], [samples])
    assert set(found) == {'loss_triplet', 'nearest_acc'}
    found['loss_triplet'].backward()
    assert not any(parameter.requires_grad for parameter in model.detector.parameters())
    assert all(value.equal(before[name]) for name, value in model.detector.state_dict().items())


def test_a_frozen_detector_serves_heads_that_pool_features(build: Callable, annotated_clip: Callable) -> None:
    model = build(lambda config: config.update(detector_trains_on='none')).train()
    frames, samples = annotated_clip([2, 2])
    found = model.loss([frames], [samples])
    assert set(found) == {'loss_match', 'match_acc'}
    found['loss_match'].backward()
    assert model.track_head.fcs[0].weight.grad is not None


def test_freezing_without_anything_to_train(build: Callable) -> None:
    with pytest.raises(ConfigError, match='trains a track head alone'):
        build(lambda config: config.update(detector_trains_on='none', track_head=None, tracker=None))

"""A model with a calibration head: what trains on which features, and streaming against recomputing everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from pycocotools import mask as coco_mask
from torch import Tensor, nn

from mmdet.errors import ConfigError, DataError, IncompatibleSlotsError
from mmdet.models.detectors import Clip
from mmdet.models.detectors.mask_rcnn import MaskRCNN
from mmdet.models.roi_heads.roi_extractor import to_rois
from mmdet.models.video import session as session_module
from mmdet.models.video.segmenter import partner_frames
from mmdet.models.video.session import to_host
from mmdet.structures import FrameSample, InstanceData

REACH = 5
LOSSES = {'loss_rpn_cls', 'loss_rpn_bbox', 'loss_cls', 'loss_bbox', 'acc', 'loss_mask', 'loss_match', 'match_acc'}


def calibrated(config: dict, **arguments: object) -> None:
    """Add a calibration head whose offsets are some cells long, so that no detail of it can go unnoticed."""
    head = dict(type='CorrelationCalibrationHead', channels=8, patch_size=3, reference_range=REACH)
    config['calibration_head'] = {**head, **arguments}
    config['detector']['roi_head']['bbox_head'].update(score_threshold=0.2)


@pytest.fixture
def model(build: Callable) -> nn.Module:
    """A calibrated model that finds something in every frame, and something else without calibration."""
    made = build(calibrated).eval()
    nn.init.normal_(made.detector.roi_head.bbox_head.fc_cls.weight, std=0.05)
    nn.init.uniform_(made.calibration_head.conv_offset.bias, -2, 2)
    nn.init.normal_(made.calibration_head.deform_conv.weight, std=0.1)
    return made


def stream(model: nn.Module, clip: tuple, chunk: int) -> list[FrameSample]:
    frames, samples = clip
    finished = []
    for start in range(0, len(frames), chunk):
        finished += model([frames[start : start + chunk]], [samples[start : start + chunk]], mode='predict')
    return finished


@torch.no_grad()
def slow_reference(model: nn.Module, clip: tuple) -> list[InstanceData]:
    """Tracks of every frame, everything computed anew for it and one reference at a time."""
    frames, samples = clip
    model.tracker.reset()
    tracks = []
    for t, sample in enumerate(samples):
        own = encode(model, frames[t])
        near = sorted((u for u in range(len(frames)) if u != t and abs(u - t) <= REACH), key=lambda u: abs(u - t))
        near = near[: model.calibration_head.max_references]
        fused = [model.calibration_head.fuse(own, encode(model, frames[u])) for u in near] or [own]
        found = detect(model.detector, own, fused, sample)
        one = Clip(torch.zeros(1), [sample], own, model.detector.convention)
        found.embeddings = model.track_head.embed(one, [found])[0]
        found.masks = found.masks.to_rle()
        tracks.append(model.tracker.update(found, sample))
    return tracks


def encode(model: nn.Module, frame: Tensor) -> tuple[Tensor, ...]:
    return model.detector.extract_feat(model.data_preprocessor([frame[None]])[0])


def detect(detector: MaskRCNN, own: tuple, fused: Sequence[tuple], sample: FrameSample) -> InstanceData:
    (proposals,) = detector.rpn_head.predict(own, [sample], detector.convention)
    head, rois = detector.roi_head, to_rois([proposals])
    outputs = [head.bbox_head(head.bbox_roi_extractor(f, rois, detector.convention)) for f in fused]
    logits, deltas = (sum(parts) / len(fused) for parts in zip(*outputs))
    boxes, scores, labels = head.bbox_head.detect(logits, deltas, proposals, sample.img_shape, detector.convention)
    rois = to_rois([boxes])
    pooled = [head.mask_roi_extractor(f, rois, detector.convention) for f in fused]
    masks = sum(head.mask_head(p, labels) for p in pooled) / len(fused)
    found = InstanceData(bboxes=detector.convention.to_original(boxes, sample.scale_factor), scores=scores)
    found.labels = labels
    found.masks = head._to_masks(masks, boxes, sample, detector.convention)
    return found


@pytest.mark.parametrize(('length', 'limit'), [(1, None), (2, None), (3, None), (7, None), (12, None), (7, 1), (7, 3)])
def test_streaming_equals_recomputing_everything(
    model: nn.Module, annotated_clip: Callable, length: int, limit: int | None
) -> None:
    model.calibration_head.max_references = limit
    clip = annotated_clip([0] * length, seed=length)
    expected = slow_reference(model, clip)
    assert sum(len(tracks.instance_ids) for tracks in expected) > length
    for chunk in (1, 3, 8, 99):
        streamed = stream(model, clip, chunk)
        assert [sample.frame_id for sample in streamed] == list(range(length)), chunk
        for sample, tracks in zip(streamed, expected):
            assert sample.pred_tracks.instance_ids.tolist() == tracks.instance_ids.tolist(), chunk
            torch.testing.assert_close(sample.pred_tracks.scores, tracks.scores, atol=1e-4, rtol=0)
            torch.testing.assert_close(sample.pred_tracks.bboxes, tracks.bboxes, atol=1e-2, rtol=0)
            overlaps = coco_mask.iou(sample.pred_tracks.masks, tracks.masks, [0] * len(tracks.masks))
            assert overlaps.diagonal().min() > 0.99, chunk


@pytest.mark.parametrize('change', ['no calibration', 'one reference less', 'the nearest alone'])
def test_that_comparison_would_notice(model: nn.Module, annotated_clip: Callable, change: str) -> None:
    clip = annotated_clip([0] * 6)
    expected = stream(model, clip, 3)[0].pred_instances.scores
    if change == 'no calibration':
        model.calibration_head = None
    elif change == 'the nearest alone':
        model.calibration_head.max_references = 1
    else:
        model.calibration_head.reference_range -= 1
    other = stream(model, clip, 3)[0].pred_instances.scores
    assert other.shape != expected.shape or (other - expected).abs().max() > 1e-3


def test_identity_start_gives_what_the_uncalibrated_model_gives(build: Callable, annotated_clip: Callable) -> None:
    model = build(lambda config: calibrated(config, init='identity')).eval()
    nn.init.normal_(model.detector.roi_head.bbox_head.fc_cls.weight, std=0.05)
    clip = annotated_clip([0] * 4)
    with_head = stream(model, clip, 2)
    model.calibration_head = None
    for a, b in zip(with_head, stream(model, clip, 2)):
        assert a.pred_tracks.instance_ids.equal(b.pred_tracks.instance_ids)
        torch.testing.assert_close(a.pred_tracks.scores, b.pred_tracks.scores, atol=1e-5, rtol=0)


@pytest.mark.parametrize('chunk', [1, 8])
def test_every_frame_is_encoded_once_and_features_are_kept_no_longer_than_needed(
    model: nn.Module, annotated_clip: Callable, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    frames, samples = annotated_clip([0] * 24)
    encoded, kept = 0, []
    extract_feat = model.detector.extract_feat

    def counted(images: Tensor) -> tuple[Tensor, ...]:
        nonlocal encoded
        encoded += len(images)
        return extract_feat(images)

    monkeypatch.setattr(model.detector, 'extract_feat', counted)
    session = model.start_video()
    finished = []
    for start in range(0, 24, chunk):
        finished += session.step(frames[start : start + chunk], samples[start : start + chunk])
        kept.append(sum(bytes_of(clip) for clip in session._window._kept))
        assert len(finished) == max(start + chunk - REACH, 0)
    finished += session.finish()
    assert encoded == len(finished) == 24
    one_frame = sum(level.nelement() * 4 for level in encode(model, frames[0]))
    one_frame += model.data_preprocessor([frames[:1]])[0].nelement() * 4 + frames[0].nelement()
    assert max(kept) <= 2 * REACH * one_frame and len(session._window) == 0
    assert session.finish() == []


def bytes_of(clip: Clip) -> int:
    """Memory that a kept frame holds on to, which is that of a whole chunk for a view of one."""
    tensors = [*clip.features, clip.images, *([clip.frames] if clip.frames is not None else [])]
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


@pytest.mark.parametrize('chunk', [3, 8])
def test_detections_leave_the_device_once_a_chunk(
    model: nn.Module, annotated_clip: Callable, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    transfers: list[int] = []

    def counted(found: Sequence[InstanceData]) -> list[InstanceData]:
        transfers.append(len(found))
        return to_host(found)

    monkeypatch.setattr(session_module, 'to_host', counted)
    frames, samples = annotated_clip([0] * 16)
    session, received = model.start_video(), 0
    for start in range(0, 16, chunk):
        session.step(frames[start : start + chunk], samples[start : start + chunk])
        left = max(min(start + chunk, 16) - REACH, 0)
        assert transfers.pop() == left - received and not transfers
        received = left
    session.finish()
    assert transfers == [REACH]


def test_a_video_of_unknown_length_ends_with_finish(model: nn.Module, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([0] * 7)
    known = stream(model, (frames, samples), 7)
    for sample in samples:
        sample.set_metainfo({'video_length': -1})
    session = model.start_video()
    finished = [*session.step(frames[:4], samples[:4]), *session.step(frames[4:], samples[4:])]
    assert [sample.frame_id for sample in finished] == [0, 1]
    finished += session.finish()
    assert [sample.frame_id for sample in finished] == list(range(7))
    for a, b in zip(finished, known):
        torch.testing.assert_close(a.pred_tracks.scores, b.pred_tracks.scores, atol=1e-4, rtol=0)


def test_the_next_video_flushes_one_of_unknown_length_and_forgets_an_abandoned_one(
    model: nn.Module, annotated_clip: Callable
) -> None:
    frames, samples = annotated_clip([0] * 3)
    assert model([frames[:2]], [samples[:2]], mode='predict') == []  # of three frames: abandoned
    for sample in samples:
        sample.set_metainfo({'video_length': -1, 'video_id': 1})
    assert model([frames], [samples], mode='predict') == []
    for sample in samples:
        sample.set_metainfo({'video_length': 3, 'video_id': 2})
    finished = model([frames], [samples], mode='predict')
    assert [sample.frame_id for sample in finished] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize('empty', [{0}, {0, 1}, {3}, set(range(7))], ids=str)
def test_frames_without_detections(
    model: nn.Module, annotated_clip: Callable, monkeypatch: pytest.MonkeyPatch, empty: set[int]
) -> None:
    predict = model.detector.predict

    def blind(clip: Clip, variants: object = None) -> list[InstanceData]:
        pairs = zip(predict(clip, variants), clip.samples)
        return [found[:0] if sample.frame_id in empty else found for found, sample in pairs]

    monkeypatch.setattr(model.detector, 'predict', blind)
    finished = stream(model, annotated_clip([0] * 7), 3)
    counts = [len(sample.pred_tracks.instance_ids) for sample in finished]
    assert [count == 0 for count in counts] == [t in empty for t in range(7)]
    seen = [sample.pred_tracks.instance_ids for sample in finished if len(sample.pred_tracks.instance_ids)]
    assert not seen or seen[0].min() == 0


class Fixed(nn.Module):
    """A head with one answer per call, in turn."""

    def __init__(self, answers: Sequence[object]) -> None:
        super().__init__()
        self.answers = list(answers)

    def forward(self, pooled: Tensor, labels: Tensor | None = None) -> object:
        return self.answers.pop(0)


def test_logits_are_averaged_before_softmax_and_sigmoid(model: nn.Module) -> None:
    head, levels = model.detector.roi_head, tuple(torch.zeros(1, 8, 2**i, 2**i) for i in (4, 3, 2, 1, 0))
    boxes, convention = [torch.tensor([[0.0, 0, 8, 8]])], model.detector.convention
    variants = [[levels, levels]]
    logits = torch.tensor([[2.0, 0]]), torch.tensor([[0.0, 2]])
    head.bbox_head = Fixed([(logits[0], torch.full((1, 4), 1.0)), (logits[1], torch.full((1, 4), 3.0))])
    ((mean, deltas),) = head._box_outputs(levels, boxes, convention, variants)
    torch.testing.assert_close(mean.softmax(1), torch.tensor([[0.5, 0.5]]))
    assert deltas.tolist() == [[2.0] * 4]
    head.mask_head = Fixed([torch.full((1, 1, 1), 4.0), torch.full((1, 1, 1), -2.0)])
    (mask,) = head._mask_logits(levels, boxes, [torch.zeros(1, dtype=torch.long)], convention, variants)
    assert mask.sigmoid().item() == pytest.approx(0.731059, abs=1e-6)  # averaging probabilities gives 0.550608


@pytest.mark.parametrize('trains_on', ['key', 'all'])
@pytest.mark.parametrize('counts', [[3, 2], [1, 1], [2, 0], [0, 2], [0, 0]], ids=str)
def test_losses_have_the_same_keys_and_reach_every_weight(
    build: Callable, annotated_clip: Callable, counts: list[int], trains_on: str
) -> None:
    def change(config: dict) -> None:
        calibrated(config)
        config['detector_trains_on'] = trains_on
        config['track_head']['skip_single_positive'] = True

    model = build(change).train()
    frames, samples = annotated_clip(counts)
    losses = model([frames, frames], [samples, samples], mode='loss')
    assert set(losses) == LOSSES
    total = sum(value for key, value in losses.items() if 'loss' in key)
    assert torch.isfinite(total)
    total.backward()
    assert [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None] == []


def test_boxes_and_masks_train_on_fused_features_and_nothing_else_does(
    build: Callable, annotated_clip: Callable
) -> None:
    model = build(calibrated).train()
    frames, samples = annotated_clip([3, 2])
    fused = model([frames], [samples], mode='loss')
    model.calibration_head = None
    raw = model([frames], [samples], mode='loss')
    for key in ('loss_rpn_cls', 'loss_rpn_bbox', 'loss_match', 'match_acc'):
        assert fused[key].equal(raw[key]), key
    for key in ('loss_cls', 'loss_bbox', 'loss_mask'):
        assert not fused[key].equal(raw[key]), key


@pytest.mark.parametrize(
    ('length', 'expected'), [(2, [1, 0, 11, 10]), (3, [1, 0, 0, 11, 10, 10])], ids=['pairs', 'two references']
)
def test_partners_of_all_frames_of_a_batch(length: int, expected: list[int]) -> None:
    numbers = [10 * clip + t for clip in range(2) for t in range(length)]
    level = torch.tensor(numbers).view(-1, 1, 1, 1)
    assert partner_frames((level, level), length)[1].flatten().tolist() == expected


def test_training_on_all_frames_calibrates_references_with_their_key(build: Callable, annotated_clip: Callable) -> None:
    model = build(calibrated).train()
    seen = []
    fuse = model.calibration_head.fuse
    model.calibration_head.fuse = lambda x, r: seen.append((x[0], r[0])) or fuse(x, r)
    frames, samples = annotated_clip([3, 2])
    for trains_on in ('key', 'all'):
        model.detector_trains_on = trains_on
        model([frames, frames.flip(0)], [samples, samples[::-1]], mode='loss')
    (key, reference), (everything, partners) = seen
    torch.testing.assert_close(torch.stack([key, reference], 1).flatten(0, 1), everything)
    assert partners[0::2].equal(everything[1::2]) and partners[1::2].equal(everything[0::2])


def _without_pyramid(config: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MaskRCNN, 'provides', frozenset({'masks'}))
    config.update(track_head=None, tracker=None)


def test_calibration_needs_a_pyramid(build: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(config: dict) -> None:
        calibrated(config)
        _without_pyramid(config, monkeypatch)

    with pytest.raises(IncompatibleSlotsError, match='CorrelationCalibrationHead needs features of a pyramid'):
        build(change)


def test_calibration_needs_pairs_even_without_a_track_head(build: Callable, annotated_clip: Callable) -> None:
    def change(config: dict) -> None:
        calibrated(config)
        config.update(track_head=None, tracker=None)

    model = build(change).train()
    with pytest.raises(ConfigError, match=r'calibration head trains on pairs.*num_ref_frames'):
        frames, samples = annotated_clip([2])
        model([frames], [samples], mode='loss')
    frames, samples = annotated_clip([2, 1])
    assert 'loss_match' not in model([frames], [samples], mode='loss')


def test_frames_of_a_video_must_have_one_size(model: nn.Module, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([0] * 8)
    session = model.start_video()
    session.step(frames[:4], samples[:4])
    with pytest.raises(DataError, match='must have one size'):
        session.step(frames[4:, :, :32], samples[4:])

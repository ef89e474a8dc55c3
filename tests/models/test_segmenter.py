"""The slots joined: losses, streaming, and pairs that cannot work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from mmdet.errors import ConfigError, DataError, IncompatibleSlotsError
from mmdet.models.video.session import VideoSession
from mmdet.registry import TRACKERS

LOSSES = {'loss_rpn_cls', 'loss_rpn_bbox', 'loss_cls', 'loss_bbox', 'acc', 'loss_mask', 'loss_match', 'match_acc'}


def legacy(config: dict) -> None:
    config['detector']['convention'] = 'legacy'
    config['track_head']['skip_single_positive'] = True


def all_frames(config: dict) -> None:
    config['detector_trains_on'] = 'all'


@pytest.mark.parametrize('change', [None, legacy, all_frames], ids=['modern', 'legacy', 'reference frames train too'])
@pytest.mark.parametrize('counts', [[3, 2], [1, 1], [2, 0], [0, 2], [0, 0]], ids=str)
def test_losses_have_the_same_keys_and_reach_every_weight(
    build: Callable, annotated_clip: Callable, counts: list[int], change: Callable | None
) -> None:
    model = build(change).train()
    frames, samples = annotated_clip(counts)
    losses = model([frames, frames], [samples, samples], mode='loss')
    assert set(losses) == LOSSES
    total = sum(value for key, value in losses.items() if 'loss' in key)
    assert torch.isfinite(total)
    total.backward()
    without = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def test_losses_depend_on_the_samples_seed_not_on_their_place(build: Callable, annotated_clip: Callable) -> None:
    model = build().train()
    first, second = annotated_clip([3, 2], seed=1), annotated_clip([4, 4], seed=2)
    one = model([first[0], second[0]], [first[1], second[1]], mode='loss')
    other = model([second[0], first[0]], [second[1], first[1]], mode='loss')
    for key in LOSSES:
        torch.testing.assert_close(one[key], other[key])


def test_mixed_precision_changes_losses_by_rounding_alone(build: Callable, annotated_clip: Callable) -> None:
    model = build().train()
    frames, samples = annotated_clip([3, 2])
    exact = model([frames], [samples], mode='loss')
    with torch.autocast('cpu', torch.bfloat16):
        mixed = model([frames], [samples], mode='loss')
    for key in LOSSES - {'acc', 'match_acc'}:
        assert mixed[key].dtype == torch.float32
        torch.testing.assert_close(mixed[key], exact[key], rtol=0.03, atol=0.003, msg=lambda m, key=key: f'{key}: {m}')


def stream(model: torch.nn.Module, clip: tuple, chunk: int) -> list:
    frames, samples = clip
    finished = []
    for start in range(0, len(frames), chunk):
        finished += model([frames[start : start + chunk]], [samples[start : start + chunk]], mode='predict')
    return finished


@pytest.fixture
def confident(build: Callable) -> torch.nn.Module:
    """A model that finds something in every frame."""
    model = build(lambda c: c['detector']['roi_head']['bbox_head'].update(score_threshold=0.2)).eval()
    torch.nn.init.normal_(model.detector.roi_head.bbox_head.fc_cls.weight, std=0.05)
    return model


@pytest.mark.parametrize('chunk', [2, 3, 7])
def test_chunk_length_changes_nothing(confident: torch.nn.Module, annotated_clip: Callable, chunk: int) -> None:
    clip = annotated_clip([0] * 7)
    one, many = stream(confident, clip, 1), stream(confident, clip, chunk)
    assert [s.frame_id for s in many] == list(range(7))
    assert sum(len(s.pred_tracks.instance_ids) for s in one) > 7
    for a, b in zip(one, many):
        assert a.pred_tracks.instance_ids.tolist() == b.pred_tracks.instance_ids.tolist()
        torch.testing.assert_close(a.pred_tracks.bboxes, b.pred_tracks.bboxes, atol=1e-2, rtol=0)
        torch.testing.assert_close(a.pred_tracks.scores, b.pred_tracks.scores, atol=1e-4, rtol=0)


@pytest.mark.parametrize('chunk', [1, 3])
@pytest.mark.parametrize(('motion', 'known'), [('kalman', True), (None, False)])
def test_forecasts_are_those_of_the_frame_whatever_the_chunk(
    confident: torch.nn.Module, annotated_clip: Callable, chunk: int, motion: str | None, known: bool
) -> None:
    confident.tracker = TRACKERS.build(dict(type='MaskTrackTracker', motion=motion))
    (frames, samples), session, seen = annotated_clip([0] * 6), confident.start_video(), 0
    session.forecast = 4
    other = TRACKERS.build(dict(type='MaskTrackTracker', motion=motion))
    for start in range(0, 6, chunk):
        for result in session.step(frames[start : start + chunk], samples[start : start + chunk]):
            tracks = other.update(result.pred_instances, result)
            expected = other.forecast(4)
            assert result.pred_tracks.forecasts.shape == (len(tracks.instance_ids), 4, 4)
            for identity, boxes in zip(tracks.instance_ids.tolist(), result.pred_tracks.forecasts):
                seen += 1
                assert boxes.isfinite().all() == known and boxes.isnan().all() != known
                if known:
                    torch.testing.assert_close(boxes, torch.from_numpy(expected[identity]).float())
    assert seen > 6


def test_results_are_on_the_original_frame(confident: torch.nn.Module, annotated_clip: Callable) -> None:
    for sample in stream(confident, annotated_clip([0, 0]), 1):
        assert sample.pred_tracks.bboxes.max() > 100
        assert {tuple(mask['size']) for mask in sample.pred_tracks.masks} == {(128, 192)}


def test_second_video_is_as_if_run_alone(confident: torch.nn.Module, annotated_clip: Callable) -> None:
    first, second = annotated_clip([0] * 4, seed=1), annotated_clip([0] * 4, seed=2)
    alone = stream(confident, second, 2)
    stream(confident, first, 2)
    after = stream(confident, second, 2)
    for a, b in zip(alone, after):
        assert a.pred_tracks.instance_ids.equal(b.pred_tracks.instance_ids)


def test_single_frame_video_and_frames_without_detections(build: Callable, annotated_clip: Callable) -> None:
    model = build(lambda c: c['detector']['roi_head']['bbox_head'].update(score_threshold=0.999)).eval()
    (sample,) = stream(model, annotated_clip([0]), 1)
    assert len(sample.pred_tracks.instance_ids) == 0 and sample.pred_tracks.masks == []
    assert len(stream(model, annotated_clip([0, 0, 0]), 2)) == 3


def test_frames_must_come_in_order(confident: torch.nn.Module, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([0, 0, 0])
    session = VideoSession(confident)
    session.step(frames[:1], samples[:1])
    with pytest.raises(DataError, match='expected frame 1 of video 17, got frame 2'):
        session.step(frames[2:], samples[2:])


def test_plain_detector_gives_every_detection_its_own_identity(build: Callable, annotated_clip: Callable) -> None:
    def plain(config: dict) -> None:
        config.update(track_head=None, tracker=None)
        config['detector']['roi_head']['bbox_head'].update(score_threshold=0.1)

    model = build(plain)
    frames, samples = annotated_clip([3])
    assert 'loss_match' not in model.train()([frames], [samples], mode='loss')
    found = stream(model.eval(), annotated_clip([0, 0]), 2)
    ids = torch.cat([s.pred_tracks.instance_ids for s in found])
    assert ids.tolist() == list(range(len(ids))) and len(ids) > 2


def no_track_head(config: dict) -> None:
    config['track_head'] = None


def no_tracker(config: dict) -> None:
    config['tracker'] = None


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (no_track_head, 'MaskTrackTracker needs one embedding per detection.*MaskRCNN detector does not provide'),
        (no_tracker, 'MaskTrackHead computes embeddings that nothing uses'),
    ],
)
def test_impossible_pairs(build: Callable, change: Callable, message: str) -> None:
    with pytest.raises(IncompatibleSlotsError, match=message):
        build(change)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda c: c['tracker'].update(iou_wieght=3), "did you mean 'iou_weight'"),
        (lambda c: c['tracker'].update(type='MaskTrakTracker'), 'Did you mean MaskTrackTracker'),
        (lambda c: c['detector'].pop('neck'), 'MaskRCNN needs neck'),
        (lambda c: c['detector']['backbone'].update(depth=20), 'depth 20 does not exist'),
    ],
    ids=['misspelt key', 'misspelt class', 'missing slot', 'wrong depth'],
)
def test_wrong_configs(build: Callable, change: Callable, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(change)


def test_track_head_needs_pairs(build: Callable, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([2])
    with pytest.raises(ConfigError, match='num_ref_frames'):
        build().train()([frames], [samples], mode='loss')


def test_frames_that_nothing_would_use_are_refused(build: Callable, annotated_clip: Callable) -> None:
    frames, samples = annotated_clip([2, 2, 2])
    with pytest.raises(ConfigError, match=r'exactly one reference frame, but clips bring 2.*num_ref_frames=1'):
        build().train()([frames], [samples], mode='loss')
    assert set(build(all_frames).train()([frames], [samples], mode='loss')) == LOSSES

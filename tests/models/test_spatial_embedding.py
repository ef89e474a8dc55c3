"""The SpatialEmbedding detector in the slots of a video model: network, training frames, detections, bad input."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mmdet.errors import ConfigError, DataError, IncompatibleSlotsError
from mmdet.geometry import tight_bboxes
from mmdet.models import BranchedERFNet, Clip
from mmdet.models.embedding_maps import closeness, coordinate_map
from mmdet.ops.rle import decode
from mmdet.registry import MODELS, register_all
from mmdet.structures import BitmapMasks, FrameSample, InstanceData

MODEL = dict(
    type='VideoInstanceSegmenter',
    data_preprocessor=dict(
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(255, 255, 255), pad_size_divisor=16, pad_mode='edge'
    ),
    detector=dict(
        type='SpatialEmbedding',
        backbone=dict(type='BranchedERFNet', base_channels=4),
        num_classes=3,
        clusterer=dict(type='EmbeddingClusterer', seed_threshold=0.5, min_pixels=4),
    ),
    tracker=dict(type='IoUTracker', overlap='mask'),
)


@pytest.fixture
def model() -> Callable[..., Any]:
    """``model(change)`` makes the tiny model, seeded; ``change(config)`` may edit the config first."""
    register_all()

    def make(change: Callable[[dict], object] | None = None) -> torch.nn.Module:
        config = copy.deepcopy(MODEL)
        if change is not None:
            change(config)
        torch.manual_seed(0)
        return MODELS.build(config)

    return make


@pytest.mark.parametrize(('num_sigmas', 'parameters', 'entries'), [(2, 2_252_193, 431), (1, 2_252_128, 431)])
def test_published_network(num_sigmas: int, parameters: int, entries: int) -> None:
    register_all()
    network = MODELS.build(
        dict(type='SpatialEmbedding', backbone=dict(type='BranchedERFNet'), num_sigmas=num_sigmas)
    ).eval()
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == parameters
    assert len(network.state_dict()) == entries
    with torch.no_grad():
        (output,) = network.extract_feat(torch.rand(1, 3, 96, 136))
    assert output.shape == (1, 3 + num_sigmas, 96, 136)
    assert output[:, :2].abs().max() == 0 and (output[:, 2 : 2 + num_sigmas] == 1).all()


@pytest.mark.parametrize('count', [0, 2])
def test_every_parameter_is_trained(model: Callable, annotated_clip: Callable, count: int) -> None:
    network = model()
    frames, samples = annotated_clip([count])
    sum(network([frames], [samples], mode='loss').values()).backward()
    without = [name for name, p in network.named_parameters() if p.grad is None]
    assert without == []  # so that distributed training needs no search for unused ones


def test_sizes_must_be_multiples_of_eight() -> None:
    with pytest.raises(ConfigError, match='375 x 1242: give the data_preprocessor a pad_size_divisor'):
        BranchedERFNet((4, 1), base_channels=4)(torch.zeros(1, 3, 375, 1242))


def test_norm_eval_survives_train() -> None:
    network = BranchedERFNet((4, 1), base_channels=4, norm_eval=True).train()
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms and not any(m.training for m in norms) and all(m.weight.requires_grad for m in norms)


@pytest.mark.parametrize(('unit', 'coordinates'), [(1024, 'default'), (256, 'default'), (1024, 'compat')])
def test_start_radius_is_in_pixels(model: Callable, unit: float, coordinates: str) -> None:
    detector = model(
        lambda config: config['detector'].update(unit=unit, coordinates=coordinates, start_radius=12)
    ).detector.eval()
    with torch.no_grad():
        maps = detector._maps(detector.extract_feat(torch.rand(1, 3, 32, 64))[0], (32, 64))
    centre = maps.votes[0, :, 16, 30][None]
    near = closeness(maps.votes[0].flatten(1), centre, maps.sigmas[0, :, 16, 30][None]).view(32, 64)
    assert near[16, 41] > 0.5 and near[16, 43] < 0.5 and near[27, 30] > 0.5 and near[29, 30] < 0.5


def test_t1_maps_of_a_padded_frame() -> None:
    with torch.device('meta'):  # sizes alone
        network = BranchedERFNet((4, 1))
        assert network(torch.empty(1, 3, 384, 1248)).shape == (1, 5, 384, 1248)


def test_dilations_are_those_of_the_last_blocks() -> None:
    layers = BranchedERFNet((4, 1), base_channels=4, dilations=(1, 3)).encoder.layers
    assert [layer.column2.dilation[0] for layer in layers if hasattr(layer, 'column2')] == [1] * 5 + [1, 3] * 2
    with pytest.raises(ConfigError, match=r'BranchedERFNet\(dilations\)'):
        BranchedERFNet((4, 1), dilations=(0, 2))


@pytest.mark.parametrize('trains_on', ['key', 'all'])
@pytest.mark.parametrize('counts', [[2], [0], [3]])
def test_trains_on_single_frames(
    model: Callable, annotated_clip: Callable, trains_on: str, counts: list[int]
) -> None:
    network = model(lambda config: config.update(detector_trains_on=trains_on))
    frames, samples = annotated_clip(counts)
    losses = network([frames, frames], [samples, samples], mode='loss')
    assert set(losses) == {'loss_instance', 'loss_variance', 'loss_seed'}
    assert all(value.isfinite() for value in losses.values())


def test_loss_of_a_batch_is_the_mean_over_its_images_whatever_the_padding(
    model: Callable, annotated_clip: Callable
) -> None:
    network = model().eval()
    frames, samples = annotated_clip([2])
    alone = network([frames], [samples], mode='loss')
    larger = torch.zeros(1, 3, 80, 128, dtype=torch.uint8)
    empty = FrameSample(metainfo={**samples[0].metainfo, 'img_shape': (80, 128)})
    empty.gt_instances = InstanceData(
        bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.int64), masks=torch.zeros(0, 80, 128)
    )
    nothing = network([larger], [[empty]], mode='loss')
    features = tuple(network.detector.extract_feat(network.data_preprocessor([frames])[0]))
    padded = (torch.nn.functional.pad(features[0], (0, 32, 0, 16), value=7.0),)  # whatever lies beyond the frame
    assert {k: v.item() for k, v in network.detector.loss(padded, samples)[0].items()} == pytest.approx(
        {k: v.item() for k, v in alone.items()}
    )
    both = network.detector.loss(
        (torch.cat([padded[0], network.detector.extract_feat(network.data_preprocessor([larger])[0])[0]]),),
        [samples[0], empty],
    )[0]
    for name, value in both.items():
        assert value.item() == pytest.approx((alone[name].item() + nothing[name].item()) / 2, rel=1e-4)


def test_true_boxes_go_to_the_track_head(model: Callable, annotated_clip: Callable) -> None:
    network = model()
    frames, samples = annotated_clip([3])
    _, sampled = network.detector.loss(network.detector.extract_feat(network.data_preprocessor([frames])[0]), samples)
    assert torch.equal(sampled[0].bboxes, samples[0].gt_instances.bboxes)
    assert sampled[0].gt_inds.tolist() == [0, 1, 2] and sampled[0].num_positives == 3


def test_losses_and_clusters_compute_in_float32_under_mixed_precision(
    model: Callable, annotated_clip: Callable
) -> None:
    network = model()
    frames, samples = annotated_clip([2])
    with torch.autocast('cpu', torch.bfloat16):
        losses = network([frames], [samples], mode='loss')
        features = network.detector.extract_feat(network.data_preprocessor([frames])[0])
        assert features[0].dtype == torch.bfloat16
        maps = network.detector._maps(features[0], (64, 96))
    assert {value.dtype for value in losses.values()} == {torch.float32}
    assert {maps.votes.dtype, maps.sigmas.dtype, maps.seeds.dtype} == {torch.float32}


def _ignored(sample: FrameSample, size: tuple[int, int]) -> None:
    sample.ignored_instances = InstanceData(
        bboxes=torch.zeros(1, 4), labels=torch.zeros(1, dtype=torch.int64), masks=torch.ones(1, *size)
    )


def test_ignored_regions_reach_the_loss(model: Callable, annotated_clip: Callable) -> None:
    network = model().eval()
    frames, samples = annotated_clip([0])
    assert network([frames], [samples], mode='loss')['loss_seed'] > 0
    _ignored(samples[0], (64, 96))
    assert network([frames], [samples], mode='loss')['loss_seed'] == 0


@pytest.mark.parametrize('part', ['gt', 'ignored'])
def test_masks_of_another_size_are_refused(model: Callable, annotated_clip: Callable, part: str) -> None:
    network = model()
    frames, samples = annotated_clip([2])
    if part == 'gt':
        samples[0].gt_instances.masks = samples[0].gt_instances.masks[:, :-1]
    else:
        _ignored(samples[0], (32, 48))
    with pytest.raises(DataError, match=r'0\.jpg, frame 0 of video 17: masks are .* and the frame is \(64, 96\)'):
        network([frames], [samples], mode='loss')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(num_sigmas=3), 'num_sigmas of 1 or 2'),
        (dict(num_classes=0), 'num_classes of at least 1'),
        (dict(start_radius=-1), 'start_radius above 0'),
        (dict(coordinates='original'), "'default' or 'compat'"),
        (dict(loss=dict(type='SpatialEmbeddingLoss', foreground_weight=[1, 2])), '2 foreground weights'),
        (dict(backbone=dict(type='BranchedERFNet', base_channels=2)), 'base_channels of 4 or more'),
    ],
)
def test_wrong_arguments(model: Callable, change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        model(lambda config: config['detector'].update(change))


def test_roi_heads_are_refused(model: Callable) -> None:
    head = dict(
        type='MaskTrackHead',
        roi_extractor=dict(type='RoIExtractor', output_size=7, strides=(4,)),
        in_channels=8,
        fc_channels=8,
    )
    with pytest.raises(IncompatibleSlotsError, match='SpatialEmbedding'):
        model(lambda config: config.update(track_head=head, tracker=dict(type='MaskTrackTracker')))


def _prediction(boxes: list[tuple[int, int, int, int]], size: tuple[int, int]) -> Tensor:
    """Network output (1, 7, H, W) in which boxes (y1, y2, x1, x2) of classes 0, 1, ... are plain to see."""
    prediction = torch.zeros(1, 7, *size)
    prediction[:, 2:4], prediction[:, 4:] = 1, -20
    grid = coordinate_map(*size)
    for label, (y1, y2, x1, x2) in enumerate(boxes):
        place = (slice(None), slice(y1, y2), slice(x1, x2))
        prediction[0, :2][place] = (grid[place].mean((1, 2), keepdim=True) - grid[place]).atanh()
        prediction[0, 4 + label, y1:y2, x1:x2] = 4 - label
    return prediction


def _sample(img_shape: tuple[int, int], ori_shape: tuple[int, int]) -> FrameSample:
    scale = (img_shape[1] / ori_shape[1], img_shape[0] / ori_shape[0])
    return FrameSample(metainfo=dict(img_shape=img_shape, ori_shape=ori_shape, scale_factor=scale))


@pytest.mark.parametrize(
    ('ori_shape', 'bboxes'),
    [
        ((40, 60), [[5, 4, 15, 12], [50, 32, 60, 40]]),
        ((80, 120), [[10, 8, 30, 24], [100, 64, 120, 80]]),
        ((60, 60), [[5, 6, 15, 18], [50, 48, 60, 60]]),
        ((20, 30), [[3, 2, 8, 6], [25, 16, 30, 20]]),
    ],
    ids=['same', 'twice', 'rows only', 'half'],
)
def test_detections_are_in_original_pixels(model: Callable, ori_shape: tuple[int, int], bboxes: list) -> None:
    detector = model().detector
    prediction = _prediction([(4, 12, 5, 15), (32, 40, 50, 60)], (48, 64))  # padded from 40 x 60
    samples = [_sample((40, 60), ori_shape)] * 2
    nothing = torch.full_like(prediction, -20)
    clip = Clip(torch.zeros(2, 3, 48, 64), samples, (torch.cat([prediction, nothing]),), detector.convention)
    found, empty = detector.predict(clip)
    assert found.labels.tolist() == [0, 1] and found.bboxes.tolist() == bboxes
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True) and found.scores.max() <= 1
    assert isinstance(found.masks, BitmapMasks) and found.masks.to_dense().shape == (2, *ori_shape)
    assert torch.equal(tight_bboxes(found.masks.to_dense()), found.bboxes)
    assert len(empty.bboxes) == len(empty.masks) == 0 and empty.bboxes.shape == (0, 4)


def test_a_pixel_that_a_smaller_frame_does_not_show_is_no_detection(model: Callable) -> None:
    detector = model(lambda config: config['detector']['clusterer'].update(min_pixels=1)).detector
    clip = Clip(
        torch.zeros(1, 3, 48, 64),
        [_sample((40, 60), (20, 30))],
        (_prediction([(5, 6, 7, 8), (10, 11, 20, 21)], (48, 64)),),
        detector.convention,
    )
    (found,) = detector.predict(clip)
    assert found.labels.tolist() == [1] and found.bboxes.tolist() == [[10, 5, 11, 6]]


def test_streams_a_video(model: Callable, annotated_clip: Callable) -> None:
    network = model().eval()
    network.detector.extract_feat = lambda images: (  # a network that sees the same two objects in every frame
        _prediction([(4, 12, 5, 15), (30, 40, 50, 60)], tuple(images.shape[2:])).expand(len(images), -1, -1, -1),
    )
    frames, samples = annotated_clip([0, 0, 0, 0])
    finished = network([frames[:2]], [samples[:2]], mode='predict') + network([frames[2:]], [samples[2:]], 'predict')
    assert len(finished) == 4
    for sample in finished:
        assert sample.pred_tracks.instance_ids.tolist() == finished[0].pred_tracks.instance_ids.tolist()
        assert decode(sample.pred_tracks.masks[0]).shape == (128, 192)
        assert decode(sample.pred_tracks.masks[0]).sum() == 4 * 80


@pytest.mark.parametrize(('mode', 'corner'), [('edge', 200), ('zero', 0)])
def test_padding(mode: str, corner: int) -> None:
    register_all()
    preprocessor = MODELS.build(
        dict(type='VideoDataPreprocessor', mean=(0,) * 3, std=(1,) * 3, pad_size_divisor=8, pad_mode=mode)
    )
    frames = torch.zeros(2, 3, 6, 9, dtype=torch.uint8)
    frames[..., -1, -1] = 200
    padded = preprocessor([frames])
    assert padded.shape == (1, 2, 3, 8, 16)
    assert padded[0, 0, 0, -1, -1] == corner and padded[0, 0, 0, 0, -1] == 0
    with pytest.raises(ConfigError, match="'zero' or 'edge'"):
        MODELS.build(dict(type='VideoDataPreprocessor', pad_mode='mirror'))


@pytest.mark.parametrize(
    ('pixels', 'expected'),
    [([], [0, 0, 0, 0]), ([(0, 0)], [0, 0, 1, 1]), ([(3, 4), (1, 2)], [2, 1, 5, 4]), ([(4, 6)], [6, 4, 7, 5])],
)
def test_tight_bboxes(pixels: list, expected: list[int]) -> None:
    masks = torch.zeros(2, 5, 7, dtype=torch.bool)
    for row, column in pixels:
        masks[1, row, column] = True
    assert tight_bboxes(masks).tolist() == [[0, 0, 0, 0], expected]
    assert tight_bboxes(masks[:0]).shape == (0, 4)

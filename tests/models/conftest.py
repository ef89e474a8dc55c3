"""A MaskTrack R-CNN small enough to run many times in a test, and annotated clips for it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch

from mmdet.registry import MODELS, register_all
from mmdet.structures import FrameSample, InstanceData

NUM_CLASSES, CHANNELS = 3, 8


def _extractor(size: int) -> dict:
    return dict(type='RoIExtractor', output_size=size, strides=(4, 8, 16, 32))


MASKTRACK = dict(
    type='VideoInstanceSegmenter',
    detector=dict(
        type='MaskRCNN',
        backbone=dict(type='ResNet', depth=18, base_channels=4, frozen_stages=-1, norm_eval=True),
        neck=dict(type='FPN', in_channels=(4, 8, 16, 32), out_channels=CHANNELS),
        rpn_head=dict(
            type='RPNHead',
            in_channels=CHANNELS,
            feat_channels=CHANNELS,
            anchor_generator=dict(type='AnchorGenerator', strides=(4, 8, 16, 32, 64)),
            assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3),
            sampler=dict(type='RandomSampler', num=32, pos_fraction=0.5),
            loss_cls=dict(type='BinaryCrossEntropyLoss'),
            loss_bbox=dict(type='SmoothL1Loss', beta=1 / 9),
            nms_pre=50,
            max_per_image=20,
        ),
        roi_head=dict(
            type='RoIHead',
            bbox_roi_extractor=_extractor(7),
            bbox_head=dict(
                type='BBoxHead',
                num_classes=NUM_CLASSES,
                in_channels=CHANNELS,
                fc_channels=16,
                loss_cls=dict(type='CrossEntropyLoss'),
                loss_bbox=dict(type='SmoothL1Loss'),
                max_per_image=6,
            ),
            mask_roi_extractor=_extractor(14),
            mask_head=dict(
                type='MaskHead',
                num_classes=NUM_CLASSES,
                in_channels=CHANNELS,
                channels=CHANNELS,
                num_convs=1,
                loss_mask=dict(type='BinaryCrossEntropyLoss'),
            ),
            assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5),
            sampler=dict(type='RandomSampler', num=16, pos_fraction=0.25, add_gt_as_proposals=True),
        ),
    ),
    track_head=dict(type='MaskTrackHead', roi_extractor=_extractor(7), in_channels=CHANNELS, fc_channels=16),
    tracker=dict(type='MaskTrackTracker'),
)


@pytest.fixture
def masktrack_config() -> dict:
    """A copy of the tiny config, free to change."""
    register_all()
    return copy.deepcopy(MASKTRACK)


@pytest.fixture
def build(masktrack_config: dict) -> Callable[..., torch.nn.Module]:
    """``build(change)`` makes the tiny model, seeded; ``change(config)`` may edit the config first."""

    def make(change: Callable[[dict], object] | None = None) -> torch.nn.Module:
        if change is not None:
            change(masktrack_config)
        torch.manual_seed(0)
        return MODELS.build(masktrack_config)

    return make


@pytest.fixture
def annotated_clip() -> Callable[..., tuple[torch.Tensor, list[FrameSample]]]:
    """``annotated_clip(counts, seed)`` makes one frame per entry of ``counts`` with that many square objects."""

    def make(counts: list[int], seed: int = 0) -> tuple[torch.Tensor, list[FrameSample]]:
        generator = torch.Generator().manual_seed(seed)
        frames = torch.randint(0, 256, (len(counts), 3, 64, 96), generator=generator, dtype=torch.uint8)
        samples = []
        for frame_id, count in enumerate(counts):
            found = InstanceData()
            corner = torch.rand(count, 2, generator=generator) * torch.tensor([60.0, 30.0])
            found.bboxes = torch.cat([corner, corner + 12 + torch.rand(count, 2, generator=generator) * 20], 1)
            found.labels = torch.randint(0, NUM_CLASSES, (count,), generator=generator)
            found.instance_ids = torch.arange(100, 100 + count)
            found.masks = torch.zeros(count, 64, 96, dtype=torch.uint8)
            for mask, (x1, y1, x2, y2) in zip(found.masks, found.bboxes.int().tolist()):
                mask[y1:y2, x1:x2] = 1
            sample = FrameSample(
                metainfo=dict(
                    video_id=17,
                    frame_id=frame_id,
                    video_length=len(counts),
                    img_path=f'{frame_id}.jpg',
                    ori_shape=(128, 192),
                    img_shape=(64, 96),
                    scale_factor=(0.5, 0.5),
                    flip=False,
                    sample_seed=seed,
                )
            )
            sample.gt_instances = found
            samples.append(sample)
        return frames, samples

    return make

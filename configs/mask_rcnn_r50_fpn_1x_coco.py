"""Mask R-CNN, ResNet-50, COCO: images as videos of one frame. The start of every video model.

Eight processes with two images each, as mmdetection's 1x schedule (published: 38.2 box AP, 34.7 mask AP); for another
total see docs/training.md.
"""

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    data_preprocessor=dict(
        type='VideoDataPreprocessor',
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
        channel_order='rgb',
        pad_size_divisor=32,
    ),
    detector=dict(
        type='MaskRCNN',
        convention='modern',
        backbone=dict(
            type='ResNet',
            depth=50,
            frozen_stages=1,
            norm_eval=True,
            pretrained='ResNet50_Weights.IMAGENET1K_V1',
        ),
        neck=dict(type='FPN', in_channels=(256, 512, 1024, 2048), out_channels=256, num_outs=5),
        rpn_head=dict(
            type='RPNHead',
            in_channels=256,
            feat_channels=256,
            anchor_generator=dict(
                type='AnchorGenerator', strides=(4, 8, 16, 32, 64), scales=(8,), ratios=(0.5, 1.0, 2.0)
            ),
            assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3),
            sampler=dict(type='RandomSampler', num=256, pos_fraction=0.5),
            loss_cls=dict(type='BinaryCrossEntropyLoss'),
            loss_bbox=dict(type='L1Loss'),
            nms_pre=1000,
            nms_iou_threshold=0.7,
            max_per_image=1000,
        ),
        roi_head=dict(
            type='RoIHead',
            bbox_roi_extractor=dict(type='RoIExtractor', output_size=7, strides=(4, 8, 16, 32)),
            bbox_head=dict(
                type='BBoxHead',
                num_classes=80,
                in_channels=256,
                fc_channels=1024,
                loss_cls=dict(type='CrossEntropyLoss'),
                loss_bbox=dict(type='L1Loss'),
                score_threshold=0.05,
                nms_iou_threshold=0.5,
                max_per_image=100,
            ),
            mask_roi_extractor=dict(type='RoIExtractor', output_size=14, strides=(4, 8, 16, 32)),
            mask_head=dict(
                type='MaskHead',
                num_classes=80,
                in_channels=256,
                channels=256,
                num_convs=4,
                loss_mask=dict(type='BinaryCrossEntropyLoss'),
            ),
            assigner=dict(
                type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5, match_low_quality=False
            ),
            sampler=dict(type='RandomSampler', num=512, pos_fraction=0.25, add_gt_as_proposals=True),
        ),
    ),
)

# ---------------------------------------------------------------- data
_data_root = 'data/coco/'
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=(1333, 800)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackClip'),
]
_test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='Resize', scale=(1333, 800)),
    dict(type='PackClip'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    dataset=dict(
        type='COCOVideoDataset',
        data_root=_data_root,
        ann_file='annotations/instances_train2017.json',
        img_prefix='train2017',
        num_ref_frames=0,
        pipeline=_train_pipeline,
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type='COCOVideoDataset',
        data_root=_data_root,
        ann_file='annotations/instances_val2017.json',
        img_prefix='val2017',
        test_mode=True,
        pipeline=_test_pipeline,
    ),
)
test_dataloader = val_dataloader

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_epochs=12, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=0.0001),
)
param_scheduler = [
    # mmengine warms up in end - begin - 1 steps, so these are the published 500
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=501),
    dict(type='MultiStepLR', by_epoch=True, milestones=[8, 11], gamma=0.1),
]

# ---------------------------------------------------------------- evaluation
val_evaluator = dict(type='COCOMetric')
test_evaluator = dict(type='COCOMetric')

"""MaskTrack R-CNN, ResNet-50, YouTube-VIS 2019, with the numbers of mmdetection 3.

Published validation AP of that program: 30.2. Loads its weights through tools/convert_checkpoint.py.
Eight processes with one pair of frames each; scale `lr` with the total batch (docs/training.md).
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
            sampler=dict(type='RandomSampler', num=64, pos_fraction=0.5),
            loss_cls=dict(type='BinaryCrossEntropyLoss'),
            loss_bbox=dict(type='L1Loss'),
            nms_pre=200,
            nms_iou_threshold=0.7,
            max_per_image=200,
        ),
        roi_head=dict(
            type='RoIHead',
            bbox_roi_extractor=dict(type='RoIExtractor', output_size=7, strides=(4, 8, 16, 32)),
            bbox_head=dict(
                type='BBoxHead',
                num_classes=40,
                in_channels=256,
                fc_channels=1024,
                loss_cls=dict(type='CrossEntropyLoss'),
                loss_bbox=dict(type='L1Loss'),
                score_threshold=0.01,
                nms_iou_threshold=0.5,
                max_per_image=100,
            ),
            mask_roi_extractor=dict(type='RoIExtractor', output_size=14, strides=(4, 8, 16, 32)),
            mask_head=dict(
                type='MaskHead',
                num_classes=40,
                in_channels=256,
                channels=256,
                num_convs=4,
                loss_mask=dict(type='BinaryCrossEntropyLoss'),
            ),
            assigner=dict(
                type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5, match_low_quality=False
            ),
            sampler=dict(type='RandomSampler', num=128, pos_fraction=0.25, add_gt_as_proposals=True),
        ),
    ),
    track_head=dict(
        type='MaskTrackHead',
        roi_extractor=dict(type='RoIExtractor', output_size=7, strides=(4, 8, 16, 32)),
        in_channels=256,
        fc_channels=1024,
        last_relu=True,
        loss_denominator='matched',
    ),
    tracker=dict(
        type='MaskTrackTracker',
        score_weight=1.0,
        iou_weight=2.0,
        label_weight=10.0,
        memory_frames=20,
        label='latest',
        duplicate_policy='unique',  # 'paper': an identity may be in a frame twice, as in the original's tracker
    ),
)

# ---------------------------------------------------------------- data
_data_root = 'data/youtube_vis_2019/'
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=(640, 360)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackClip'),
]
_test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='Resize', scale=(640, 360)),
    dict(type='PackClip'),
]
train_dataloader = dict(
    batch_size=1,
    num_workers=2,
    dataset=dict(
        type='YouTubeVISDataset',
        data_root=_data_root,
        ann_file='train.json',
        img_prefix='train/JPEGImages',
        split='train-holdout',
        num_ref_frames=1,
        max_ref_distance=100,
        pipeline=_train_pipeline,
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type='YouTubeVISDataset',
        data_root=_data_root,
        ann_file='train.json',
        img_prefix='train/JPEGImages',
        split='holdout',
        test_mode=True,
        pipeline=_test_pipeline,
    ),
)
# The public valid set has no ground truth: testing on it with --out writes a submission, and --eval is refused. For a
# number of a finished model test it on the held-out videos:
#   python tools/test_video.py CONFIG work_dirs/<config>/last.safetensors --eval segm --cfg-options \
#       test_dataloader.dataset.ann_file=train.json test_dataloader.dataset.img_prefix=train/JPEGImages \
#       test_dataloader.dataset.split=holdout
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type='YouTubeVISDataset',
        data_root=_data_root,
        ann_file='valid.json',
        img_prefix='valid/JPEGImages',
        test_mode=True,
        pipeline=_test_pipeline,
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_epochs=12, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.00125, momentum=0.9, weight_decay=0.0001),
    clip_grad=dict(max_norm=35, norm_type=2),
)
param_scheduler = [
    # mmengine warms up in end - begin - 1 steps, so these are the published 500
    dict(type='LinearLR', start_factor=1 / 3, by_epoch=False, begin=0, end=501),
    dict(type='MultiStepLR', by_epoch=True, milestones=[8, 11], gamma=0.1),
]
load_from = None  # a COCO Mask R-CNN converted by tools/convert_checkpoint.py; without it AP is far lower

# ---------------------------------------------------------------- evaluation
val_evaluator = dict(type='YTVISMetric')
test_evaluator = dict(type='YTVISMetric')

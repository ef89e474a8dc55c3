"""MaskTrack R-CNN for procedural videos with heavy occlusion.

The baseline of cmasktrack_rcnn_r18_fpn_shapes_occluded.py.
Model and schedule are those of masktrack_rcnn_r18_fpn_shapes.py; reference frames lie at most 5 frames away, as far as
calibration reaches in testing. The data:
python tools/make_shapes.py data/shapes_occluded --train 300 --valid 60 --objects 3 6 --occlusion heavy
"""

_norm = dict(type='BN')
_num_classes = 6

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    data_preprocessor=dict(type='VideoDataPreprocessor', pad_size_divisor=32),
    detector=dict(
        type='MaskRCNN',
        convention='modern',
        backbone=dict(type='ResNet', depth=18, base_channels=32, norm_cfg=_norm),
        neck=dict(type='FPN', in_channels=(32, 64, 128, 256), out_channels=64, num_outs=5, norm_cfg=_norm),
        rpn_head=dict(
            type='RPNHead',
            in_channels=64,
            feat_channels=64,
            anchor_generator=dict(
                type='AnchorGenerator', strides=(4, 8, 16, 32, 64), scales=(8,), ratios=(0.5, 1.0, 2.0)
            ),
            assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3),
            sampler=dict(type='RandomSampler', num=64, pos_fraction=0.5),
            loss_cls=dict(type='BinaryCrossEntropyLoss'),
            loss_bbox=dict(type='L1Loss'),
            nms_pre=200,
            nms_iou_threshold=0.7,
            max_per_image=100,
        ),
        roi_head=dict(
            type='RoIHead',
            bbox_roi_extractor=dict(type='RoIExtractor', output_size=7, strides=(4, 8, 16, 32), sampling_ratio=2),
            bbox_head=dict(
                type='BBoxHead',
                num_classes=_num_classes,
                in_channels=64,
                fc_channels=256,
                num_convs=2,
                norm_cfg=_norm,
                loss_cls=dict(type='CrossEntropyLoss'),
                loss_bbox=dict(type='L1Loss'),
                score_threshold=0.05,
                max_per_image=20,
            ),
            mask_roi_extractor=dict(type='RoIExtractor', output_size=14, strides=(4, 8, 16, 32), sampling_ratio=1),
            mask_head=dict(
                type='MaskHead',
                num_classes=_num_classes,
                in_channels=64,
                channels=32,
                num_convs=2,
                mask_size=28,
                loss_mask=dict(type='BinaryCrossEntropyLoss'),
            ),
            assigner=dict(
                type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5, match_low_quality=False
            ),
            sampler=dict(type='RandomSampler', num=16, pos_fraction=0.5, add_gt_as_proposals=True),
        ),
    ),
    track_head=dict(
        type='MaskTrackHead',
        roi_extractor=dict(type='RoIExtractor', output_size=7, strides=(4, 8, 16, 32), sampling_ratio=2),
        in_channels=64,
        fc_channels=256,
        loss_weight=0.3,
    ),
    tracker=dict(type='MaskTrackTracker', memory_frames=None, label='frozen'),
    detector_trains_on='all',
)

# ---------------------------------------------------------------- data
_data_root = 'data/shapes_occluded/'
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=(256, 144)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackClip'),
]
_test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='Resize', scale=(256, 144)),
    dict(type='PackClip'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    dataset=dict(
        type='OVISDataset',
        data_root=_data_root,
        ann_file='annotations/train.json',
        img_prefix='train/JPEGImages',
        num_ref_frames=1,
        max_ref_distance=5,
        pipeline=_train_pipeline,
    ),
)
test_dataloader = dict(
    num_workers=1,
    dataset=dict(
        type='OVISDataset',
        data_root=_data_root,
        ann_file='annotations/valid.json',
        img_prefix='valid/JPEGImages',
        test_mode=True,
        pipeline=_test_pipeline,
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=1500)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.0008, weight_decay=0.05),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=1500, eta_min=0.00001),
]

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='OVISMetric')

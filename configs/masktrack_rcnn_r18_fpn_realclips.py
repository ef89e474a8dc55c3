"""MaskTrack R-CNN meant to overfit a handful of real clips on a CPU, to show that the whole path learns real video.

Half-width ResNet-18 from random weights, fine masks (112 x 112), group normalisation so that training and testing
compute the same. Its number is the AP on the training clips themselves and says nothing about new video.
`masktrack_rcnn_r18_fpn_realclips_fine.py` goes on from its weights, and `..._realclips_sharp.py` from those.
Clips in YouTube-VIS layout are expected in data/real_clips (annotations/instances.json and JPEGImages/); for another
folder give `--cfg-options train_dataloader.dataset.data_root=D test_dataloader.dataset.data_root=D`. The heads have the
40 classes of YouTube-VIS; for N classes set `_num_classes` below, or add to those options
`model.detector.roi_head.bbox_head.num_classes=N model.detector.roi_head.mask_head.num_classes=N`.
"""

_norm = dict(type='GN', num_groups=8)
_num_classes = 40

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
                type='AnchorGenerator', strides=(4, 8, 16, 32, 64), scales=(4,), ratios=(0.5, 1.0, 2.0)
            ),
            assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.2),
            sampler=dict(type='RandomSampler', num=128, pos_fraction=0.5),
            loss_cls=dict(type='BinaryCrossEntropyLoss'),
            loss_bbox=dict(type='L1Loss'),
            nms_pre=400,
            nms_iou_threshold=0.7,
            max_per_image=150,
        ),
        roi_head=dict(
            type='RoIHead',
            bbox_roi_extractor=dict(
                type='RoIExtractor', output_size=7, strides=(4, 8, 16, 32), finest_scale=28, sampling_ratio=2
            ),
            bbox_head=dict(
                type='BBoxHead',
                num_classes=_num_classes,
                in_channels=64,
                fc_channels=512,
                num_convs=2,
                norm_cfg=_norm,
                loss_cls=dict(type='CrossEntropyLoss'),
                loss_bbox=dict(type='L1Loss', loss_weight=4.0),
                score_threshold=0.05,
                max_per_image=60,
            ),
            mask_roi_extractor=dict(type='RoIExtractor', output_size=28, strides=(4,), sampling_ratio=1),
            mask_head=dict(
                type='MaskHead',
                num_classes=_num_classes,
                in_channels=64,
                channels=32,
                num_convs=4,
                mask_size=112,
                num_upsamples=2,
                coordinates=True,
                soft_targets=True,
                loss_mask=dict(type='BinaryCrossEntropyLoss', loss_weight=2.0),
            ),
            assigner=dict(
                type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5, match_low_quality=False
            ),
            sampler=dict(type='RandomSampler', num=64, pos_fraction=0.25, add_gt_as_proposals=True, max_per_object=4),
            mask_margin=0.15,
        ),
    ),
    track_head=dict(
        type='MaskTrackHead',
        roi_extractor=dict(
            type='RoIExtractor', output_size=7, strides=(4, 8, 16, 32), finest_scale=28, sampling_ratio=2
        ),
        in_channels=64,
        fc_channels=256,
        loss_weight=0.3,
    ),
    tracker=dict(type='MaskTrackTracker', memory_frames=None, label='frozen'),
    detector_trains_on='all',
)

# ---------------------------------------------------------------- data
_data_root = 'data/real_clips/'
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='CropAroundObject', size=(640, 360), prob=0.9),
    dict(type='PackClip'),
]
_test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='PackClip'),
]
train_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='ClipBatchSampler', balance='sqrt-tracks', group_by=None),
    dataset=dict(
        type='YouTubeVISDataset',
        data_root=_data_root,
        ann_file='annotations/instances.json',
        img_prefix='JPEGImages',
        num_ref_frames=1,
        max_ref_distance=10,
        pipeline=_train_pipeline,
    ),
)
test_dataloader = dict(
    num_workers=1,
    dataset=dict(
        type='YouTubeVISDataset',
        data_root=_data_root,
        ann_file='annotations/instances.json',
        img_prefix='JPEGImages',
        test_mode=True,
        pipeline=_test_pipeline,
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=8000)
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=0.0006, weight_decay=0.0, fused=True),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=8000, eta_min=0.000006),
]

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='YTVISMetric')

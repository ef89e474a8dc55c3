"""SiamMask for procedural videos; small enough to train on two CPU cores in minutes.

ResNet-18 of a quarter of the width, heads of 64 channels, from random weights. Objects of the ordinary shapes videos
are trained on; the test follows those of the first frame through videos that training never saw, in the layout of
DAVIS. A refined and a two-stage network go on from its weights.

    python tools/make_shapes.py data/shapes --train 300 --valid 24 --objects 2 4
    python tools/make_shapes.py data/shapes_davis --format davis --train 1 --valid 24 --objects 2 4
    python tools/train.py configs/siammask_base_r18_shapes.py --gpus 2
    python tools/train.py configs/siammask_sharp_r18_shapes.py --gpus 2
    python tools/test_video.py configs/siammask_sharp_r18_shapes.py \
        work_dirs/siammask_sharp_r18_shapes/last.safetensors

`--gpus 2` starts two processes, on a CPU too; `batch_size` counts for each.
"""

_norm = dict(type='GN', num_groups=4)  # in what sees templates and search images, whose statistics differ

# ---------------------------------------------------------------- model
model = dict(
    type='SiamMask',
    data_preprocessor=dict(
        type='VideoDataPreprocessor', mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4), pad_size_divisor=1
    ),
    backbone=dict(type='SiamResNet', depth=18, base_channels=16, frozen_stages=-1, norm_cfg=_norm, norm_eval=False),
    neck=dict(type='CenterCropNeck', in_channels=64, out_channels=64, norm_cfg=_norm),
    anchors=dict(type='SiamAnchorGenerator', stride=8, ratios=(0.33, 0.5, 1, 2, 3), scales=(8,)),
    anchor_target=dict(type='SiamAnchorTarget', pos_iou_thr=0.6, neg_iou_thr=0.3, num=64, num_pos=16),
    rpn_head=dict(
        type='SiamRPNHead',
        num_anchors=5,
        in_channels=64,
        channels=64,
        loss_cls=dict(type='BalancedCrossEntropyLoss', loss_weight=1.0),
        loss_bbox=dict(type='WeightedL1Loss', loss_weight=1.2),
    ),
    mask_head=dict(
        type='SiamMaskHead',
        mask_size=63,
        in_channels=64,
        channels=64,
        loss_mask=dict(type='SoftMarginMaskLoss', loss_weight=36.0),
    ),
    test_cfg=dict(penalty_k=0.04, window_influence=0.40, lr=1.0, mask_threshold=0.35, fuse_masks=True),
)

# ---------------------------------------------------------------- data
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='ClipBatchSampler', group_by=None),
    dataset=dict(
        type='SiamPairDataset',
        num_pairs=12800,
        negative_ratio=0.2,
        search_size=255,
        augmentation=dict(
            type='SiamPairAugmentation',
            template_shift=4,
            template_scale=0.05,
            search_shift=64,
            search_scale=0.18,
            search_blur=0.0,
            gray=0.0,
        ),
        sources=[
            dict(
                data=dict(
                    type='YouTubeVISDataset',
                    data_root='data/shapes/',
                    ann_file='annotations/train.json',
                    img_prefix='train/JPEGImages',
                ),
                frame_range=8,
                min_area=100,
            )
        ],
    ),
)
test_dataloader = dict(
    num_workers=0,
    dataset=dict(
        type='DAVISDataset',
        data_root='data/shapes_davis/',
        ann_file='ImageSets/2017/val.txt',
        test_mode=True,
        pipeline=[dict(type='LoadFrames'), dict(type='PackClip')],
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=800)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.001, weight_decay=0.05),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=800, eta_min=0.00001),
]

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='DAVISMetric')

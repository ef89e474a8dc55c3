# SiamMask's first stage with a second one that predicts a mask per proposed box; ten boxes vote. A definition of our
# own: the published program of S2iamMask does not run. The first stage stays that of siammask_base_r50_davis.py, so
# that boxes are the same with and without the second.

# ---------------------------------------------------------------- model
model = dict(
    type='SiamMask',
    data_preprocessor=dict(
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(1, 1, 1), channel_order='bgr', pad_size_divisor=1
    ),
    backbone=dict(type='SiamResNet', depth=50, frozen_stages=3, norm_eval=True),
    neck=dict(type='CenterCropNeck', in_channels=1024, out_channels=256),
    anchors=dict(type='SiamAnchorGenerator', stride=8, ratios=(0.33, 0.5, 1, 2, 3), scales=(8,)),
    anchor_target=dict(type='SiamAnchorTarget', pos_iou_thr=0.6, neg_iou_thr=0.3, num=64, num_pos=16),
    rpn_head=dict(
        type='SiamRPNHead',
        num_anchors=5,
        in_channels=256,
        channels=256,
        loss_cls=dict(type='BalancedCrossEntropyLoss', loss_weight=1.0),
        loss_bbox=dict(type='WeightedL1Loss', loss_weight=1.2),
    ),
    stage2_head=dict(
        type='S2MaskHead',
        in_channels=256,
        mask_size=28,
        num_votes=10,  # 1 takes the mask of the best box without voting
        grow=0.4,
        vote_threshold=0.2,
        loss_mask=dict(type='BinaryCrossEntropyLoss', loss_weight=1.0),
    ),
    frozen_parts=('backbone', 'neck', 'rpn_head'),
    test_cfg=dict(penalty_k=0.09, window_influence=0.39, lr=0.38),
)
load_from = 'work_dirs/siammask_base_r50_davis/last.safetensors'

# ---------------------------------------------------------------- data
# Squares that tools/convert_dataset.py siam-crops has cut; docs/siammask_training.md says how.
train_dataloader = dict(
    batch_size=16,  # per GPU; 64 in all, so --gpus 4
    num_workers=5,
    sampler=dict(type='ClipBatchSampler', group_by=None),
    dataset=dict(
        type='SiamPairDataset',
        num_pairs=200_000,
        negative_ratio=0.0,
        search_size=255,
        augmentation=dict(
            type='SiamPairAugmentation',
            template_shift=4,
            template_scale=0.05,
            search_shift=64,
            search_scale=0.18,
            search_blur=0.18,
            gray=0.25,
        ),
        sources=[
            dict(
                data=dict(type='Crop511Dataset', ann_file='train.json', data_root='data/crop511/ytb_vos/'),
                frame_range=20,
                num_use=100_000,
            ),
            dict(
                data=dict(type='Crop511Dataset', ann_file='train2017.json', data_root='data/crop511/coco/'),
                frame_range=1,
            ),
        ],
    ),
)
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type='VOTDataset',
        data_root='data/VOT2018/',
        ann_file='list.txt',
        test_mode=True,
        pipeline=[dict(type='LoadFrames'), dict(type='PackClip')],
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_epochs=20)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=0.0001),
    clip_grad=dict(max_norm=10, norm_type=2),
)
# 0.01 to 0.0025.
param_scheduler = [dict(type='ExponentialLR', gamma=0.25 ** (1 / 19), begin=0, end=20)]
checkpoint_cfg = dict(max_keep=20)

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='VOTMetric', protocol='pysot', year=2018)

# SiamMask with refined masks, set up as the original's config_davis.json. The weights that it trains from are those of
# siammask_base_r50_davis.py.

# ---------------------------------------------------------------- model
model = dict(
    type='SiamMask',
    data_preprocessor=dict(
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(1, 1, 1), channel_order='bgr', pad_size_divisor=1
    ),
    backbone=dict(type='SiamResNet', depth=50, frozen_stages=3, norm_eval=True),
    neck=dict(type='CenterCropNeck', in_channels=1024, out_channels=256),
    anchors=dict(type='SiamAnchorGenerator', stride=8, ratios=(0.33, 0.5, 1, 2, 3), scales=(8,)),
    rpn_head=dict(type='SiamRPNHead', num_anchors=5, in_channels=256, channels=256),
    mask_head=dict(type='SiamMaskHead', mask_size=63, in_channels=256, channels=256),
    refine_head=dict(
        type='SiamRefineHead',
        skip_channels=(64, 256, 512),
        channels=256,
        loss_mask=dict(type='SoftMarginMaskLoss', loss_weight=36.0),
    ),
    frozen_parts=('backbone', 'neck', 'rpn_head'),
    test_cfg=dict(penalty_k=0.04, window_influence=0.40, lr=1.0, mask_threshold=0.35, fuse_masks=True),
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
        search_size=143,
        augmentation=dict(
            type='SiamPairAugmentation',
            template_shift=4,
            template_scale=0.05,
            search_shift=8,
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
        type='DAVISDataset',
        data_root='data/DAVIS/',
        ann_file='ImageSets/2017/val.txt',
        test_mode=True,
        pipeline=[dict(type='LoadFrames'), dict(type='PackClip')],
    ),
)
val_dataloader = test_dataloader

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_epochs=20, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=0.0001),
    clip_grad=dict(max_norm=10, norm_type=2),
)
# 0.01 to 0.0025.
param_scheduler = [dict(type='ExponentialLR', gamma=0.25 ** (1 / 19), begin=0, end=20)]
checkpoint_cfg = dict(max_keep=20)

# ---------------------------------------------------------------- evaluation
val_evaluator = test_evaluator = dict(type='DAVISMetric')

# SiamMask with masks of 63 x 63 from one cell, set up as the original's config.json.

# ---------------------------------------------------------------- model
model = dict(
    type='SiamMask',
    data_preprocessor=dict(
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(1, 1, 1), channel_order='bgr', pad_size_divisor=1
    ),
    # The hook below keeps more of it frozen at first. norm_eval=False follows pysot instead. resnet.model is the
    # original's, trained on ImageNet in this form; torchvision's weights do not fit.
    backbone=dict(
        type='SiamResNet', depth=50, frozen_stages=1, norm_eval=True, pretrained='data/weights/resnet.model'
    ),
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
    mask_head=dict(
        type='SiamMaskHead',
        mask_size=63,
        in_channels=256,
        channels=256,
        loss_mask=dict(type='SoftMarginMaskLoss', loss_weight=36.0),
    ),
    test_cfg=dict(penalty_k=0.09, window_influence=0.39, lr=0.38, mask_threshold=0.30, fuse_masks=True),
)

# ---------------------------------------------------------------- data
# Squares that tools/convert_dataset.py siam-crops has cut; docs/siammask_training.md says how. Only sets
# with masks train the mask head.
train_dataloader = dict(
    batch_size=16,  # per GPU; 64 in all, so --gpus 4
    num_workers=5,
    sampler=dict(type='ClipBatchSampler', group_by=None),
    dataset=dict(
        type='SiamPairDataset',
        num_pairs=600_000,
        negative_ratio=0.2,
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
                num_use=200_000,
            ),
            dict(
                data=dict(type='Crop511Dataset', ann_file='train.json', data_root='data/crop511/vid/'),
                frame_range=100,
                num_use=200_000,
            ),
            dict(
                data=dict(type='Crop511Dataset', ann_file='train2017.json', data_root='data/crop511/coco/'),
                frame_range=1,
            ),
            dict(
                data=dict(type='Crop511Dataset', ann_file='train.json', data_root='data/crop511/det/'),
                frame_range=1,
                num_use=100_000,
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
train_cfg = dict(max_epochs=20, val_interval=1, val_begin=10)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.001, momentum=0.9, weight_decay=0.0001),
    clip_grad=dict(max_norm=10, norm_type=2),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}),
)
# 0.001 to 0.005 in five epochs, then down to 0.0025 in fourteen.
param_scheduler = [
    dict(type='ExponentialLR', gamma=5 ** (1 / 5), begin=0, end=6),
    dict(type='ExponentialLR', gamma=0.5 ** (1 / 14), begin=5, end=20),
]
# Ten epochs with the whole backbone frozen, then its second and third stage train too.
custom_hooks = [dict(type='UnfreezeHook', frozen_stages=3, at=0.5)]
env_cfg = dict(find_unused_parameters=True)  # several processes need it while parts are frozen
checkpoint_cfg = dict(max_keep=20)

# ---------------------------------------------------------------- evaluation
val_evaluator = test_evaluator = dict(type='DAVISMetric')

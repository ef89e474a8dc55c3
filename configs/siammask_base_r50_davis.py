# SiamMask with masks of 63 x 63 from one cell, set up as the original's config.json.

# ---------------------------------------------------------------- model
model = dict(
    type='SiamMask',
    data_preprocessor=dict(
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(1, 1, 1), channel_order='bgr', pad_size_divisor=1
    ),
    # Frozen for the first half of the training, then up to stage 1. norm_eval=False follows pysot instead.
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
    mask_head=dict(
        type='SiamMaskHead',
        mask_size=63,
        in_channels=256,
        channels=256,
        loss_mask=dict(type='SoftMarginMaskLoss', loss_weight=36.0),
    ),
    test_cfg=dict(penalty_k=0.09, window_influence=0.39, lr=0.38, mask_threshold=0.30, fuse_masks=True),
)

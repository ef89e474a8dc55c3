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

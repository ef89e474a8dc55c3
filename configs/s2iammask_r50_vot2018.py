# SiamMask's first stage with a second one that predicts a mask per proposed box; ten boxes vote. A definition of our
# own: the published program of S2iamMask does not run.

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
    test_cfg=dict(penalty_k=0.09, window_influence=0.39, lr=0.38),
)

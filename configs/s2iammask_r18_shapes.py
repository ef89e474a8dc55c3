"""A second stage that predicts a mask per box, and voting; it starts from the weights of siammask_base_r18_shapes.py.

Boxes stay those of the base network. `--cfg-options model.stage2_head.num_votes=1` tests it without voting.
"""

_base_ = './siammask_base_r18_shapes.py'

# ---------------------------------------------------------------- model
model = dict(
    mask_head=None,
    stage2_head=dict(
        type='S2MaskHead',
        in_channels=64,
        mask_size=28,
        num_votes=10,
        grow=0.4,
        vote_threshold=0.2,
        num_proposals=3,  # and two shaken boxes: a few per pair are enough, and each costs time
        num_jittered=2,
        loss_mask=dict(type='BinaryCrossEntropyLoss', loss_weight=1.0),
    ),
    frozen_parts=('backbone', 'neck', 'rpn_head'),
)
load_from = 'work_dirs/siammask_base_r18_shapes/last.safetensors'

# ---------------------------------------------------------------- data
train_dataloader = dict(dataset=dict(num_pairs=8000, negative_ratio=0.0))

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=500)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=500, eta_min=0.00001),
]

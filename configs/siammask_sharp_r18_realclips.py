"""Refined masks for siammask_base_r18_realclips.py, from whose weights it starts; boxes stay those of that network."""

_base_ = './siammask_base_r18_shapes.py'

# ---------------------------------------------------------------- model
model = dict(
    refine_head=dict(
        type='SiamRefineHead',
        skip_channels=(16, 16, 32),
        channels=64,
        loss_mask=dict(type='SoftMarginMaskLoss', loss_weight=36.0),
    ),
    frozen_parts=('backbone', 'neck', 'rpn_head'),
)
load_from = 'work_dirs/siammask_base_r18_realclips/last.safetensors'

# ---------------------------------------------------------------- data
train_dataloader = dict(
    dataset=dict(
        num_pairs=8000,
        negative_ratio=0.0,
        search_size=143,
        augmentation=dict(search_shift=8, search_scale=0.18, search_blur=0.18, gray=0.25),
        sources=[
            dict(
                data=dict(
                    type='YouTubeVISDataset',
                    data_root='data/shapes/',
                    ann_file='annotations/train.json',
                    img_prefix='train/JPEGImages',
                ),
                frame_range=8,
                num_use=300,
                min_area=100,
            ),
            dict(
                data=dict(
                    type='YouTubeVISDataset',
                    data_root='data/real_clips/',
                    ann_file='annotations/instances.json',
                    img_prefix='JPEGImages',
                ),
                frame_range=20,
                num_use=300,
                min_area=300,
            ),
        ],
    )
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=500)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=500, eta_min=0.00001),
]

"""SpatialEmbedding for the procedural shapes videos: six classes in one network of half width; trains on two CPU cores.

    python tools/make_shapes.py data/shapes --train 300 --valid 24 --objects 2 4
    python tools/train.py configs/spatial_embedding_erfnet_shapes.py --gpus 2

Identities come from the overlap of masks alone; any tracker that needs masks fits in its place.
"""

_num_classes = 6

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    data_preprocessor=dict(
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(255, 255, 255), pad_size_divisor=8, pad_mode='edge'
    ),
    detector=dict(
        type='SpatialEmbedding',
        backbone=dict(type='BranchedERFNet', base_channels=8, dropout=(0.0, 0.0), dilations=(1, 2, 4)),
        num_classes=_num_classes,
        num_sigmas=2,
        unit=160,
        start_radius=12,
        loss=dict(type='SpatialEmbeddingLoss', foreground_weight=10, weigh_other_classes=True),
        clusterer=dict(
            type='EmbeddingClusterer',
            seed_threshold=0.75,
            foreground=0.4,
            min_pixels=40,
            over_classes='sum',
            refine=True,
        ),
    ),
    tracker=dict(type='IoUTracker', overlap='mask', min_iou=0.2, max_age=8),
)

# ---------------------------------------------------------------- data
_data_root = 'data/shapes/'
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=(160, 90)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackClip'),
]
_test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='Resize', scale=(160, 90)),
    dict(type='PackClip'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(
        type='YouTubeVISDataset',
        data_root=_data_root,
        ann_file='annotations/train.json',
        img_prefix='train/JPEGImages',
        num_ref_frames=0,
        pipeline=_train_pipeline,
    ),
)
test_dataloader = dict(
    num_workers=1,
    dataset=dict(
        type='YouTubeVISDataset',
        data_root=_data_root,
        ann_file='annotations/valid.json',
        img_prefix='valid/JPEGImages',
        test_mode=True,
        pipeline=_test_pipeline,
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=2400)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.002, weight_decay=0.01),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=2400, eta_min=0.00001),
]

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='YTVISMetric')

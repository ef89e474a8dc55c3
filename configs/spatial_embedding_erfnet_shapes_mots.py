"""SpatialEmbedding for procedural videos in KITTI MOTS layout: both classes in one small network.

    python tools/make_shapes.py data/shapes_mots --format kitti-mots --train 800 --valid 40 --size 160x96 --objects 2 4
    python tools/train.py configs/spatial_embedding_erfnet_shapes_mots.py --gpus 2

Frames are rendered at the size that the network sees. A tenth of the training sequences is held out for choosing
settings; the test is on sequences of their own. Identities come from the overlap of masks alone here;
`spatial_embedding_pointtrack_shapes_mots.py` joins the masks by PointTrack.
"""

_max_iters = 2200

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    data_preprocessor=dict(
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(255, 255, 255), pad_size_divisor=8, pad_mode='edge'
    ),
    detector=dict(
        type='SpatialEmbedding',
        backbone=dict(type='BranchedERFNet', base_channels=12, dropout=(0.0, 0.0), dilations=(1, 2, 4)),
        num_classes=2,
        num_sigmas=2,
        unit=80,  # objects have radii of 12 to 30 pixels
        start_radius=14,
        loss=dict(type='SpatialEmbeddingLoss', foreground_weight=10, weigh_other_classes=True),
        clusterer=dict(
            type='EmbeddingClusterer',
            seed_threshold=0.8,
            foreground=0.5,  # well below the seeds, so that what is left of an object starts no other
            min_pixels=60,
            over_classes='sum',
            refine=True,
        ),
    ),
    tracker=dict(type='IoUTracker', overlap='mask', min_iou=0.2, max_age=8, min_confidence=0.7),
)

# ---------------------------------------------------------------- data
_data_root = 'data/shapes_mots/'
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackClip'),
]
_test_pipeline = [dict(type='LoadFrames'), dict(type='PackClip')]
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(
        type='MOTSDataset',
        data_root=_data_root,
        ann_file='instances_txt',
        seqmap='seqmaps/train.seqmap',
        img_prefix='training/image_02',
        split='train-holdout',
        num_ref_frames=0,
        pipeline=_train_pipeline,
    ),
)
test_dataloader = dict(
    num_workers=1,
    dataset=dict(
        type='MOTSDataset',
        data_root=_data_root,
        ann_file='instances_txt',
        seqmap='seqmaps/val.seqmap',
        img_prefix='training/image_02',
        test_mode=True,
        pipeline=_test_pipeline,
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=_max_iters)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.0015, weight_decay=0.01),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=_max_iters, eta_min=0.00001),
]

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='MOTSMetric')

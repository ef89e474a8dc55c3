"""DeepSORT's appearance network, a quarter as wide, on crops of the procedural shapes videos; minutes on a CPU.

    python tools/make_shapes.py data/shapes --train 300 --valid 24 --objects 2 4
    python tools/train.py configs/reid_deepsort_shapes.py
"""

# ---------------------------------------------------------------- model
model = dict(
    type='ReIDNet',
    embedder=dict(type='ReIDEmbedder', size=(48, 48), backbone=dict(type='DeepSORTNet', base_channels=16)),
    loss_softmax=dict(type='CrossEntropyLoss', label_smoothing=0.1),
    loss_triplet=dict(type='BatchHardTripletLoss', margin=0.3),
)

# ---------------------------------------------------------------- data
_data_root = 'data/shapes/'
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    sampler=dict(type='IdentityBatchSampler', crops_per_identity=4),
    dataset=dict(
        type='VideoCropDataset',
        videos=dict(
            type='YouTubeVISDataset',
            data_root=_data_root,
            ann_file='annotations/train.json',
            img_prefix='train/JPEGImages',
        ),
        min_size=(8, 8),
        pipeline=[
            dict(type='Resize', scale=(48, 48), keep_ratio=False),
            dict(type='RandomFlip', prob=0.5),
            dict(type='RandomErasing', prob=0.3),
            dict(type='PackClip'),
        ],
    ),
)
test_dataloader = dict(
    num_workers=1,
    dataset=dict(
        type='VideoCropDataset',
        videos=dict(
            type='YouTubeVISDataset',
            data_root=_data_root,
            ann_file='annotations/valid.json',
            img_prefix='valid/JPEGImages',
        ),
        min_size=(8, 8),
        camera_frames=2,
        test_mode=True,
        pipeline=[dict(type='PackClip')],
    ),
)
test_cfg = dict(chunk_size=32)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=1000)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.002, weight_decay=0.01),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=1000, eta_min=0.00001),
]

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='ReIDMetric')

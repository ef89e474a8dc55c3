"""ResNet-18 on crops of the tracks of YouTube-VIS 2019: things of any class, for trackers that compare how they look.

Every track is an identity. Queries of the held-out videos are looked for among all their crops, neighbouring frames of
the same track left out. Torchvision's ImageNet weights help; they are read from a file, never downloaded:

    python tools/train.py configs/reid_r18_youtubevis.py --cfg-options model.embedder.backbone.pretrained=resnet18.pth
"""

# ---------------------------------------------------------------- model
model = dict(
    type='ReIDNet',
    embedder=dict(
        type='ReIDEmbedder',
        size=(128, 128),  # objects of any aspect
        backbone=dict(type='TorchvisionNet', name='resnet18', pretrained=None),
    ),
    loss_softmax=dict(type='CrossEntropyLoss', label_smoothing=0.1),
    loss_triplet=dict(type='BatchHardTripletLoss', margin=0.3),
)

# ---------------------------------------------------------------- data
_videos = dict(
    type='YouTubeVISDataset',
    data_root='data/youtube_vis_2019/',
    ann_file='train.json',
    img_prefix='train/JPEGImages',
)
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    sampler=dict(type='IdentityBatchSampler', crops_per_identity=4),
    dataset=dict(
        type='VideoCropDataset',
        videos=dict(split='train-holdout', **_videos),
        min_size=(16, 16),
        pipeline=[
            dict(type='Resize', scale=(128, 128), keep_ratio=False),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PhotometricDistortion', prob=0.5),
            dict(type='RandomErasing', prob=0.5),
            dict(type='PackClip'),
        ],
    ),
)
val_dataloader = dict(
    num_workers=4,
    dataset=dict(
        type='VideoCropDataset',
        videos=dict(split='holdout', **_videos),
        min_size=(16, 16),
        camera_frames=5,
        test_mode=True,
        pipeline=[dict(type='PackClip')],
    ),
)
test_dataloader = val_dataloader
val_cfg = dict(chunk_size=64)
test_cfg = dict(chunk_size=64)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_epochs=20, val_interval=2)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.00035, weight_decay=0.0005),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, milestones=[10, 15], gamma=0.1),
]

# ---------------------------------------------------------------- evaluation
val_evaluator = dict(type='ReIDMetric')
test_evaluator = dict(type='ReIDMetric')

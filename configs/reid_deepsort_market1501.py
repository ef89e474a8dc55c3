"""DeepSORT's appearance network on Market-1501: people, for trackers that compare how they look.

Identities are classified as in the published program; a triplet loss on hard examples is added. One process, 64 crops.
Put the weights to use with `masktrack_rcnn_r50_fpn_1x_youtubevis_reid_deepsort.py`.
"""

# ---------------------------------------------------------------- model
model = dict(
    type='ReIDNet',
    embedder=dict(type='ReIDEmbedder', size=(64, 128), backbone=dict(type='DeepSORTNet')),
    loss_softmax=dict(type='CrossEntropyLoss', label_smoothing=0.1),
    loss_triplet=dict(type='BatchHardTripletLoss', margin=0.3),
)

# ---------------------------------------------------------------- data
_data_root = 'data/Market-1501-v15.09.15/'
train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type='IdentityBatchSampler', crops_per_identity=4),
    dataset=dict(
        type='Market1501Dataset',
        data_root=_data_root,
        pipeline=[
            dict(type='Resize', scale=(64, 128), keep_ratio=False),
            dict(type='RandomFlip', prob=0.5),
            dict(type='RandomErasing', prob=0.5),
            dict(type='PackClip'),
        ],
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type='Market1501Dataset',
        data_root=_data_root,
        test_mode=True,
        pipeline=[dict(type='PackClip')],
    ),
)
test_dataloader = val_dataloader
val_cfg = dict(chunk_size=64)
test_cfg = dict(chunk_size=64)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_epochs=40, val_interval=5)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=0.0005, nesterov=True),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, milestones=[20, 30], gamma=0.1),
]

# ---------------------------------------------------------------- evaluation
val_evaluator = dict(type='ReIDMetric')
test_evaluator = dict(type='ReIDMetric')

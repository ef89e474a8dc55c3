"""SpatialEmbedding on crops around pedestrians, the first stage of PointTrack's segmenter.

    python tools/convert_dataset.py kins data/kins/instances_train.json data/kitti_object/training/image_2 \
        data/kins_crops/pedestrian --class pedestrian
    python tools/convert_dataset.py kins data/kins/instances_val.json data/kitti_object/testing/image_2 \
        data/kins_crops/pedestrian --class pedestrian

The first version published no config for pedestrians: foreground weight from its instructions, learning rate and
length from the settings of its second version. Starting points, not tuned.
"""

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    data_preprocessor=dict(
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(255, 255, 255), pad_size_divisor=32, pad_mode='edge'
    ),
    detector=dict(
        type='SpatialEmbedding',
        backbone=dict(type='BranchedERFNet'),
        num_classes=1,
        num_sigmas=2,
        coordinates='compat',  # released weights need it; steps of its grid differ from the default by a thousandth
        loss=dict(type='SpatialEmbeddingLoss', foreground_weight=50),
        clusterer=dict(type='EmbeddingClusterer', mode='default', seed_threshold=0.9, min_pixels=88),
    ),
)

# ---------------------------------------------------------------- data
_data_root = 'data/kins_crops/pedestrian/'
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackClip'),
]
_test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='PackClip'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    dataset=dict(
        type='COCOVideoDataset',
        data_root=_data_root,
        ann_file='instances_train.json',
        img_prefix='instances_train',
        num_ref_frames=0,
        pipeline=_train_pipeline,
    ),
)
val_dataloader = dict(
    num_workers=4,
    dataset=dict(
        type='COCOVideoDataset',
        data_root=_data_root,
        ann_file='instances_val.json',
        img_prefix='instances_val',
        test_mode=True,
        pipeline=_test_pipeline,
    ),
)
test_dataloader = val_dataloader

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=105_000, val_interval=8750)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=0.00005, weight_decay=0.0001),
)

# ---------------------------------------------------------------- evaluation
val_evaluator = dict(type='COCOMetric', metrics=('segm',))
test_evaluator = dict(type='COCOMetric', metrics=('segm',))

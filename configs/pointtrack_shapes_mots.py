"""PointTrack's association for procedural videos in KITTI MOTS layout; trains in minutes on two CPU cores.

A quarter of the published points and half of the width. The detector predicts the annotations, so that the numbers
tell how good association alone is; `spatial_embedding_pointtrack_shapes_mots.py` tests it on a network's masks.

    python tools/make_shapes.py data/shapes_mots --format kitti-mots --train 800 --valid 40 --size 160x96 --objects 2 4
    python tools/train.py configs/pointtrack_shapes_mots.py --gpus 2
"""

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    data_preprocessor=dict(type='VideoDataPreprocessor', pad_size_divisor=1),
    detector=dict(type='GroundTruthDetector'),
    track_head=dict(
        type='PointTrackHead',
        num_foreground=256,
        num_context=128,
        base_channels=32,
        embedding_dim=32,
        margin=0.2,
        max_tracks=24,
    ),
    tracker=dict(type='PointTrackTracker', distance_offset=2.5, keep_alive=10),  # 2.5: best on held-out videos
)

# ---------------------------------------------------------------- data
_data_root = 'data/shapes_mots/'
_pipeline = [dict(type='LoadFrames'), dict(type='LoadAnnotations'), dict(type='PackClip')]
train_dataloader = dict(
    batch_size=6,
    num_workers=1,
    dataset=dict(
        type='MOTSDataset',
        data_root=_data_root,
        ann_file='instances_txt',
        seqmap='seqmaps/train.seqmap',
        img_prefix='training/image_02',
        split='train-holdout',
        num_ref_frames=2,
        max_ref_distance=10,
        pipeline=_pipeline,
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
        pipeline=_pipeline,
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=300)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.002, weight_decay=0.0001))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[200, 270], gamma=0.1)]

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='MOTSMetric')

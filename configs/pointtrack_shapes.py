"""PointTrack's association on the procedural shapes videos; trains in minutes on one CPU core.

A quarter of the published points and half of the width. The detector predicts the annotations, so AP tells how good
association alone is:

    python tools/make_shapes.py data/shapes --train 300 --valid 24 --objects 2 4
    python tools/train.py configs/pointtrack_shapes.py
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
    tracker=dict(type='PointTrackTracker', keep_alive=10),
)

# ---------------------------------------------------------------- data
_data_root = 'data/shapes/'
_pipeline = [dict(type='LoadFrames'), dict(type='LoadAnnotations'), dict(type='PackClip')]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(
        type='YouTubeVISDataset',
        data_root=_data_root,
        ann_file='annotations/train.json',
        img_prefix='train/JPEGImages',
        num_ref_frames=2,
        max_ref_distance=10,
        pipeline=_pipeline,
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
        pipeline=_pipeline,
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=300)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.002, weight_decay=0.0001))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[200, 270], gamma=0.1)]

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='YTVISMetric')

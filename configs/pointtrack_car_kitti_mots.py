"""PointTrack's association for cars of KITTI MOTS: trained and judged on the annotated masks.

The detector predicts the annotations, so that sMOTSA and IDF1 tell how good association alone is. Put another detector
in its slot to track its masks; the weights of the track head stay the same.

The data set is read as downloaded: `instances/` and `training/image_02/`.
Weights of the original program need `--cfg-options model.track_head.compat=True model.tracker.stale_overlap=True`.
"""

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    data_preprocessor=dict(type='VideoDataPreprocessor', pad_size_divisor=1),
    detector=dict(type='GroundTruthDetector'),
    track_head=dict(
        type='PointTrackHead',
        num_foreground=1000,
        num_context=500,
        base_channels=64,
        embedding_dim=32,
        margin=0.2,
        max_tracks=24,
        jitter=0.001,
    ),
    tracker=dict(
        type='PointTrackTracker',
        distance_scale=1.0090931467228708,
        distance_offset=8.810218833503743,
        threshold=0.8165986526897969,
        overlap_weight=0.74,
        keep_alive=30,
    ),
)

# ---------------------------------------------------------------- data
_data_root = 'data/kitti_mots/'
_classes = ('car',)
_pipeline = [dict(type='LoadFrames'), dict(type='LoadAnnotations'), dict(type='PackClip')]
train_dataloader = dict(
    batch_size=12,  # clips of three frames; the loss takes 24 of their tracks
    num_workers=4,
    dataset=dict(
        type='MOTSDataset',
        data_root=_data_root,
        ann_file='instances',
        part='train',
        img_prefix='training/image_02',
        classes=_classes,
        num_ref_frames=2,
        max_ref_distance=10,
        pipeline=_pipeline,
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type='MOTSDataset',
        data_root=_data_root,
        ann_file='instances',
        part='val',
        img_prefix='training/image_02',
        classes=_classes,
        test_mode=True,
        pipeline=_pipeline,
    ),
)
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type='MOTSDataset',
        data_root=_data_root,
        ann_file='instances',
        part='val',
        img_prefix='training/image_02',
        classes=_classes,
        test_mode=True,
        pipeline=_pipeline,
    ),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=17000, val_interval=1000)  # 34 rounds of 500 batches
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.002, weight_decay=0.0001))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[10000, 15000], gamma=0.1)]

# ---------------------------------------------------------------- evaluation
val_evaluator = dict(type='MOTSMetric')
test_evaluator = dict(type='MOTSMetric')

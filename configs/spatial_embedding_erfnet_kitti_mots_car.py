"""SpatialEmbedding fine-tuned on whole frames of KITTI MOTS, PointTrack's segmenter for cars.

Starts from the weights of `spatial_embedding_erfnet_kins_crops_car.py` (`load_from`). Converted weights of
the original are tested with this config too; `model.detector.clusterer.mode=compat` clusters as it does, to the pixel.

All training frames are used; the original read the first 1,000 only. 20 epochs of them are as
many iterations as its 99.
"""

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    data_preprocessor=dict(
        # 32 makes 384 x 1248 of every KITTI frame, the size of the original
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(255, 255, 255), pad_size_divisor=32, pad_mode='edge'
    ),
    detector=dict(
        type='SpatialEmbedding',
        backbone=dict(type='BranchedERFNet', norm_eval=True),
        num_classes=1,
        num_sigmas=2,
        coordinates='compat',
        loss=dict(type='SpatialEmbeddingLoss', foreground_weight=200),
        clusterer=dict(type='EmbeddingClusterer', mode='default', seed_threshold=0.94, min_pixels=160),
    ),
    tracker=dict(type='IoUTracker', overlap='mask', min_iou=0.3, max_age=10),
)

# ---------------------------------------------------------------- data
_data_root = 'data/kitti_mots/'
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='CropAroundObject', size=(1024, 320), prob=0.0),  # prob=0.5: half of the windows around an object
    dict(type='PackClip'),
]
_test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='PackClip'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    dataset=dict(
        type='MOTSDataset',
        data_root=_data_root,
        ann_file='instances',
        part='train',
        img_prefix='training/image_02',
        classes=['car'],
        num_ref_frames=0,
        pipeline=_train_pipeline,
    ),
)
val_dataloader = dict(
    num_workers=4,
    dataset=dict(
        type='MOTSDataset',
        data_root=_data_root,
        ann_file='instances',
        part='val',
        img_prefix='training/image_02',
        classes=['car'],
        test_mode=True,
        pipeline=_test_pipeline,
    ),
)
test_dataloader = val_dataloader

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_epochs=20, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=0.000005, weight_decay=0.0001),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=True, begin=0, end=20)]
load_from = 'work_dirs/spatial_embedding_erfnet_kins_crops_car/last.safetensors'

# ---------------------------------------------------------------- evaluation
val_evaluator = dict(type='MOTSMetric')
test_evaluator = val_evaluator

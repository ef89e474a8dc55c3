"""SpatialEmbedding on crops around procedural objects: a first stage as PointTrack's on crops of KINS.

Every step cuts other windows. Whole frames follow:

    python tools/make_shapes.py data/shapes_mots --format kitti-mots --train 800 --valid 40 --size 160x96 --objects 2 4
    python tools/train.py configs/spatial_embedding_erfnet_shapes_mots_crops.py --gpus 2
    python tools/train.py configs/spatial_embedding_erfnet_shapes_mots.py --gpus 2 --cfg-options \
        load_from=work_dirs/spatial_embedding_erfnet_shapes_mots_crops/last.safetensors
"""

_base_ = './spatial_embedding_erfnet_shapes_mots.py'

_max_iters = 1200
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        pipeline=[
            dict(type='LoadFrames'),
            dict(type='LoadAnnotations'),
            dict(type='CropAroundObject', size=(80, 80)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackClip'),
        ]
    ),
)
train_cfg = dict(max_iters=_max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=_max_iters, eta_min=0.00001),
]

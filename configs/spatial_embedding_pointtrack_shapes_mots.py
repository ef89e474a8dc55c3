"""Both steps of PointTrack for procedural videos in KITTI MOTS layout.

Tested with two files, the segmenter's as checkpoint and the track head's as `weights`:

    python tools/test_video.py configs/spatial_embedding_pointtrack_shapes_mots.py \
        work_dirs/spatial_embedding_erfnet_shapes_mots/last.safetensors --eval segm --cfg-options \
        model.track_head.weights=work_dirs/pointtrack_shapes_mots/last.safetensors

Training this config trains the track head alone and writes both networks into one file.
"""

_base_ = './pointtrack_shapes_mots.py'

model = dict(
    data_preprocessor=dict(mean=(0, 0, 0), std=(255, 255, 255), pad_size_divisor=8, pad_mode='edge'),
    detector=dict(
        type='SpatialEmbedding',
        backbone=dict(type='BranchedERFNet', base_channels=12, dropout=(0.0, 0.0), dilations=(1, 2, 4)),
        num_classes=2,
        num_sigmas=2,
        unit=80,
        start_radius=14,
        loss=dict(type='SpatialEmbeddingLoss', foreground_weight=10, weigh_other_classes=True),
        clusterer=dict(
            type='EmbeddingClusterer',
            seed_threshold=0.8,
            foreground=0.5,
            min_pixels=60,
            over_classes='sum',
            refine=True,
        ),
    ),
    track_head=dict(weights=None),  # a file with weights of the track head, where the checkpoint has none
    tracker=dict(min_score=0.7),
    detector_trains_on='none',
)
load_from = 'work_dirs/spatial_embedding_erfnet_shapes_mots/last.safetensors'

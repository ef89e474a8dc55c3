"""Both steps of PointTrack for cars of KITTI MOTS: SpatialEmbedding's masks, joined to tracks by points.

Tested with two files, the segmenter's as checkpoint and the track head's as `weights`:

    python tools/test_video.py configs/spatial_embedding_pointtrack_car_kitti_mots.py \
        work_dirs/spatial_embedding_erfnet_kitti_mots_car/last.safetensors --out results_car --cfg-options \
        model.track_head.weights=work_dirs/pointtrack_car_kitti_mots/last.safetensors

Training this config trains the track head alone and writes both networks into one file. With weights of the original
program, add `model.detector.clusterer.mode=compat model.track_head.compat=True model.tracker.stale_overlap=True`.
"""

_base_ = './pointtrack_car_kitti_mots.py'

model = dict(
    # 32 makes 384 x 1248 of every KITTI frame, the size that the segmenter was trained for
    data_preprocessor=dict(mean=(0, 0, 0), std=(255, 255, 255), pad_size_divisor=32, pad_mode='edge'),
    detector=dict(
        type='SpatialEmbedding',
        backbone=dict(type='BranchedERFNet', norm_eval=True),
        num_classes=1,
        num_sigmas=2,
        coordinates='compat',
        loss=dict(type='SpatialEmbeddingLoss', foreground_weight=200),
        clusterer=dict(type='EmbeddingClusterer', mode='default', seed_threshold=0.94, min_pixels=160),
    ),
    track_head=dict(weights=None),  # a file with weights of the track head, where the checkpoint has none
    detector_trains_on='none',
)
load_from = 'work_dirs/spatial_embedding_erfnet_kitti_mots_car/last.safetensors'

"""Both steps of PointTrack for pedestrians of KITTI MOTS; as the config for cars, with the settings for pedestrians.

    python tools/test_video.py configs/spatial_embedding_pointtrack_pedestrian_kitti_mots.py \
        work_dirs/spatial_embedding_erfnet_kitti_mots_pedestrian/last.safetensors --out results_pedestrian \
        --cfg-options model.track_head.weights=work_dirs/pointtrack_pedestrian_kitti_mots/last.safetensors
"""

_base_ = './pointtrack_car_kitti_mots.py'

_classes = ('pedestrian',)
model = dict(
    # 32 makes 384 x 1248 of every KITTI frame, the size that the segmenter was trained for
    data_preprocessor=dict(mean=(0, 0, 0), std=(255, 255, 255), pad_size_divisor=32, pad_mode='edge'),
    detector=dict(
        type='SpatialEmbedding',
        backbone=dict(type='BranchedERFNet', norm_eval=True),
        num_classes=1,
        num_sigmas=2,
        coordinates='compat',
        loss=dict(type='SpatialEmbeddingLoss', foreground_weight=50),
        clusterer=dict(type='EmbeddingClusterer', mode='default', seed_threshold=0.9, min_pixels=88),
    ),
    track_head=dict(weights=None),  # a file with weights of the track head, where the checkpoint has none
    tracker=dict(
        distance_scale=1.3437965549876354,
        distance_offset=9.447084376750222,
        threshold=0.47985540892434836,
        overlap_weight=0.54,
    ),
    detector_trains_on='none',
)
train_dataloader = dict(dataset=dict(classes=_classes))
val_dataloader = dict(dataset=dict(classes=_classes))
test_dataloader = dict(dataset=dict(classes=_classes))
load_from = 'work_dirs/spatial_embedding_erfnet_kitti_mots_pedestrian/last.safetensors'

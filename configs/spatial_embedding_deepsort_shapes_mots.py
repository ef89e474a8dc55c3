"""DeepSORT on SpatialEmbedding's masks of procedural videos in KITTI MOTS layout, with vectors of image crops.

    python tools/train.py configs/reid_deepsort_shapes_mots.py
    python tools/test_video.py configs/spatial_embedding_deepsort_shapes_mots.py \
        work_dirs/spatial_embedding_erfnet_shapes_mots/last.safetensors --eval segm --cfg-options \
        model.track_head.weights=work_dirs/reid_deepsort_shapes_mots/last.safetensors
"""

_base_ = './spatial_embedding_erfnet_shapes_mots.py'

model = dict(
    track_head=dict(
        type='ReIDTrackHead',
        embedder=dict(type='ReIDEmbedder', size=(48, 48), backbone=dict(type='DeepSORTNet', base_channels=16)),
        weights=None,  # last.safetensors of reid_deepsort_shapes_mots.py
    ),
    tracker=dict(
        type='DeepSORTTracker',
        n_init=1,
        max_age=20,
        min_confidence=0.7,
        nms_max_overlap=1.0,
    ),
)

"""MaskTrack R-CNN's detector with DeepSORT as published: an appearance network on image crops instead of RoI features.

The detector's checkpoint is given as usual, the appearance network comes from a file of its own:

    python tools/convert_checkpoint.py ckpt.t7 checkpoints/deepsort_ckpt.safetensors

or the `last.safetensors` of `reid_*.py`, with `model.track_head.embedder` as in that config.
"""

_base_ = './masktrack_rcnn_r50_fpn_1x_youtubevis.py'

model = dict(
    track_head=dict(
        type='ReIDTrackHead',
        embedder=dict(type='ReIDEmbedder', size=(64, 128), backbone=dict(type='DeepSORTNet')),
        weights='checkpoints/deepsort_ckpt.safetensors',
    ),
    tracker=dict(
        type='DeepSORTTracker',
        max_cosine_distance=0.2,
        max_iou_distance=0.7,
        max_age=20,  # frames are a sixth of a second apart
        n_init=1,  # every emitted frame counts in AP, a track's first ones too
        min_confidence=0.05,
        nms_max_overlap=1.0,  # the detector has suppressed duplicates
    ),
)

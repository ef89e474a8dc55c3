"""MaskTrack R-CNN's detector and embeddings, with DeepSORT instead of the memory. Loads the same weights."""

_base_ = './masktrack_rcnn_r50_fpn_1x_youtubevis.py'

model = dict(
    tracker=dict(
        type='DeepSORTTracker',
        max_cosine_distance=0.2,
        max_iou_distance=0.7,
        max_age=20,  # frames are a sixth of a second apart
        n_init=1,  # every emitted frame counts in AP, a track's first ones too
        min_confidence=0.05,
        nms_max_overlap=1.0,  # the detector has suppressed duplicates
    )
)

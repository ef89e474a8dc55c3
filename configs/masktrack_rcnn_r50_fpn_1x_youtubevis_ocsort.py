"""MaskTrack R-CNN's detector with OC-SORT: motion and overlap, no embeddings. Loads the same weights."""

_base_ = './masktrack_rcnn_r50_fpn_1x_youtubevis.py'

model = dict(
    track_head=None,
    tracker=dict(type='OCSORTTracker', min_confidence=0.1, min_hits=0, max_age=10),  # reported from the first frame on
)
train_dataloader = dict(dataset=dict(num_ref_frames=0))

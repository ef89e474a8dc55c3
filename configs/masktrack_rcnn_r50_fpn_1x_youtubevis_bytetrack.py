"""MaskTrack R-CNN's detector with ByteTrack: motion and overlap, no embeddings. Loads the same weights."""

_base_ = './masktrack_rcnn_r50_fpn_1x_youtubevis.py'

model = dict(
    track_head=None,
    tracker=dict(type='ByteTracker', high_threshold=0.3, low_threshold=0.05, new_threshold=0.4, max_age=10),
)
train_dataloader = dict(dataset=dict(num_ref_frames=0))

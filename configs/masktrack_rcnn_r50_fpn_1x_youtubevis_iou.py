"""MaskTrack R-CNN's detector with the IoU of masks and nothing else. Loads the same weights."""

_base_ = './masktrack_rcnn_r50_fpn_1x_youtubevis.py'

model = dict(track_head=None, tracker=dict(type='IoUTracker', overlap='mask', min_iou=0.3, max_age=10))
train_dataloader = dict(dataset=dict(num_ref_frames=0))

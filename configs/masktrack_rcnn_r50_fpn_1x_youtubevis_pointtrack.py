"""MaskTrack R-CNN's detector with PointTrack's association on its masks.

The detector keeps the weights that `load_from` names, those of the config below after its training; the track head
learns from annotated masks. Train that config first, or set `load_from` to other weights of it.
"""

_base_ = './masktrack_rcnn_r50_fpn_1x_youtubevis.py'

model = dict(
    track_head=dict(type='PointTrackHead', margin=0.2, max_tracks=24),
    tracker=dict(
        type='PointTrackTracker',
        keep_alive=30,
        min_score=0.05,
    ),
    detector_trains_on='none',
)
train_dataloader = dict(batch_size=12, dataset=dict(num_ref_frames=2, max_ref_distance=10))
train_cfg = dict(max_epochs=4, val_interval=1)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=0.002, weight_decay=0.0001))
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[2, 3], gamma=0.1)]
load_from = 'work_dirs/masktrack_rcnn_r50_fpn_1x_youtubevis/last.safetensors'

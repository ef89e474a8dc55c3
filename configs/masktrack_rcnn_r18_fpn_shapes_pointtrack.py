"""The quickstart's detector with PointTrack's association on its masks; the head trains in minutes on two CPU cores.

The detector keeps the weights that `load_from` names; only the track head learns, from annotated masks.

    python tools/make_shapes.py data/shapes --train 300 --valid 24 --objects 2 4
    python tools/train.py configs/masktrack_rcnn_r18_fpn_shapes.py --gpus 2
    python tools/train.py configs/masktrack_rcnn_r18_fpn_shapes_pointtrack.py --gpus 2
"""

_base_ = './masktrack_rcnn_r18_fpn_shapes.py'

model = dict(
    track_head=dict(
        type='PointTrackHead', num_foreground=256, num_context=128, base_channels=32, margin=0.2, max_tracks=24
    ),
    tracker=dict(type='PointTrackTracker', distance_offset=2.5, keep_alive=10, min_score=0.05),
    detector_trains_on='none',
)
train_dataloader = dict(batch_size=6, dataset=dict(num_ref_frames=2, max_ref_distance=10))
train_cfg = dict(max_iters=300)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=0.002, weight_decay=0.0001))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[200, 270], gamma=0.1)]
load_from = 'work_dirs/masktrack_rcnn_r18_fpn_shapes/last.safetensors'

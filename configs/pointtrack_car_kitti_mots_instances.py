"""PointTrack's association for cars of KITTI MOTS, trained on crops of instances instead of whole frames.

    python tools/convert_dataset.py mots-instances data/kitti_mots_instances --mots data/kitti_mots --part train
    python tools/train.py configs/pointtrack_car_kitti_mots_instances.py

A batch is a crop of each of 24 tracks and two more of the same track, up to ten crops before and after it, as
published; a crop is a small file, so that a batch is read many times as fast as from frames of 1242 x 375 pixels.
Validated and tested on whole frames.
"""

_base_ = './pointtrack_car_kitti_mots.py'

train_dataloader = dict(
    batch_size=24,
    num_workers=4,
    sampler=dict(type='ClipBatchSampler', balance='video', group_by=None),  # every track equally often
    dataset=dict(
        type='InstanceDatabase',
        data_root='data/kitti_mots_instances/',
        classes=('car',),
        max_gap=10,
    ),
)

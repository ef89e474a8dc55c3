"""PointTrack's association for pedestrians of KITTI MOTS, trained on crops of instances instead of whole frames.

    python tools/convert_dataset.py mots-instances data/kitti_mots_instances --mots data/kitti_mots --part train
    python tools/train.py configs/pointtrack_pedestrian_kitti_mots_instances.py

As the config for cars, with the published thresholds for pedestrians; one database serves both.
"""

_base_ = './pointtrack_car_kitti_mots.py'

_classes = ('pedestrian',)
model = dict(
    tracker=dict(
        distance_scale=1.3437965549876354,
        distance_offset=9.447084376750222,
        threshold=0.47985540892434836,
        overlap_weight=0.54,
    )
)
train_dataloader = dict(
    batch_size=24,
    num_workers=4,
    sampler=dict(type='ClipBatchSampler', balance='video', group_by=None),  # every track equally often
    dataset=dict(
        type='InstanceDatabase',
        data_root='data/kitti_mots_instances/',
        classes=_classes,
        max_gap=10,
    ),
)
val_dataloader = dict(dataset=dict(classes=_classes))
test_dataloader = dict(dataset=dict(classes=_classes))

"""PointTrack's association for pedestrians of KITTI MOTS, with the published thresholds for them."""

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
train_dataloader = dict(dataset=dict(classes=_classes))
val_dataloader = dict(dataset=dict(classes=_classes))
test_dataloader = dict(dataset=dict(classes=_classes))

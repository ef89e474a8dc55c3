"""MaskTrack R-CNN, ResNeXt-101 64x4d, YouTube-VIS 2019, with the numbers of mmdetection 3 (published AP: 34.7)."""

_base_ = './masktrack_rcnn_r50_fpn_12e_youtubevis2019.py'

model = dict(
    detector=dict(
        backbone=dict(
            type='ResNeXt',
            depth=101,
            groups=64,
            base_width=4,
            frozen_stages=1,
            norm_eval=True,
            pretrained='ResNeXt101_64X4D_Weights.IMAGENET1K_V1',
        )
    )
)

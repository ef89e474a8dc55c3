"""MaskTrack R-CNN, ResNet-101, YouTube-VIS 2019, with the numbers of mmdetection 3 (published AP: 32.2)."""

_base_ = './masktrack_rcnn_r50_fpn_12e_youtubevis2019.py'

model = dict(detector=dict(backbone=dict(depth=101, pretrained='ResNet101_Weights.IMAGENET1K_V1')))

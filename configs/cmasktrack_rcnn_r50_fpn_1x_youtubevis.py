"""CMaskTrack R-CNN, ResNet-50, YouTube-VIS: MaskTrack R-CNN of 2019 with one more slot filled, trained on near frames.

The paper states 32.1 AP.
"""

_base_ = './masktrack_rcnn_r50_fpn_1x_youtubevis.py'

model = dict(
    calibration_head=dict(
        type='CorrelationCalibrationHead',
        channels=256,
        patch_size=16,
        dilation_patch=2,
        window='cuda',  # as the OVIS weights, which can serve as load_from
        init='original',
        reference_range=5,
    )
)
train_dataloader = dict(dataset=dict(max_ref_distance=5))

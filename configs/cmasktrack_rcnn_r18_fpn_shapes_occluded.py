"""CMaskTrack R-CNN for procedural videos with heavy occlusion; everything but the calibration head is the baseline's.

Fused features start as the frame's own. Displacements of up to 8 cells reach as far as objects move in 5 frames.
Offsets learn at a tenth of the rate: Adam moves every weight by about the rate, however small its gradient, and at the
full rate offsets soon point far away from everything.
"""

_base_ = './masktrack_rcnn_r18_fpn_shapes_occluded.py'

model = dict(
    calibration_head=dict(
        type='CorrelationCalibrationHead',
        channels=64,
        patch_size=9,
        dilation_patch=2,
        init='identity',
        reference_range=5,
    )
)

# ---------------------------------------------------------------- schedule
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'calibration_head.conv_offset': dict(lr_mult=0.1)}))

"""CMaskTrack R-CNN for procedural videos with heavy occlusion; everything but the calibration head is the baseline's.

Fused features start as the frame's own. Displacements of up to 8 cells reach as far as objects move in 5 frames.
The layers that make offsets learn at a fiftieth of the rate: Adam moves every weight by about the rate, however small
its gradient, and at the full rate offsets soon point outside of the map, where they find nothing and never come back.
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
_slow = dict(lr_mult=0.02)
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'calibration_head.offset_convs': _slow, 'calibration_head.conv_offset': _slow},
    )
)

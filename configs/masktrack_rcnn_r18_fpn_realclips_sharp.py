"""Third stage of masktrack_rcnn_r18_fpn_realclips.py, from the weights of the second (..._realclips_fine.py): outlines
sharpened by a map straight from the frame, since a pyramid from stride 4 has lost the edges that outlines within a
pixel need; and whole frames, so that training computes on large ones what testing computes."""

_base_ = './masktrack_rcnn_r18_fpn_realclips.py'

_norm = dict(type='GN', num_groups=8)

# ---------------------------------------------------------------- model
model = dict(
    detector=dict(
        detail=dict(type='DetailStem', channels=16, norm_cfg=_norm),
        roi_head=dict(
            bbox_head=dict(nms_iou_threshold=0.65),
            mask_roi_extractor=dict(output_size=56),
            mask_detail_extractor=dict(type='RoIExtractor', output_size=112, strides=(2,), sampling_ratio=1),
            mask_head=dict(num_upsamples=1, dilations=(2, 2, 2, 1), detail_channels=16),
            sampler=dict(num=96, pos_fraction=0.5),  # a street has 29 objects
        ),
    )
)
load_from = 'work_dirs/masktrack_rcnn_r18_fpn_realclips_fine/last.safetensors'

# ---------------------------------------------------------------- data
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='PackClip'),
]
train_dataloader = dict(
    sampler=dict(balance='video', group_by='size'),  # no process waits for another's larger frame
    dataset=dict(pipeline=_train_pipeline),
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=4500)
# The old weights are nearly right: at the rate of the second stage they forget more than the new ones bring.
optim_wrapper = dict(
    optimizer=dict(lr=0.00012),
    paramwise_cfg=dict(custom_keys={'detail': dict(lr_mult=4.0), 'sharpen': dict(lr_mult=4.0)}),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=4500, eta_min=0.0000012),
]

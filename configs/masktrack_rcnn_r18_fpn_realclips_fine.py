"""Second stage of masktrack_rcnn_r18_fpn_realclips.py, from whose weights it starts: masks from a pooled grid of twice
the resolution. Large objects, of several hundred pixels, lose their thin parts on the coarse one."""

_base_ = './masktrack_rcnn_r18_fpn_realclips.py'

# ---------------------------------------------------------------- model
model = dict(
    detector=dict(
        roi_head=dict(
            bbox_head=dict(nms_iou_threshold=0.65),  # boxes of parked cars overlap by more than half
            mask_roi_extractor=dict(output_size=56),
            mask_head=dict(num_upsamples=1, dilations=(2, 2, 2, 1)),
        )
    )
)
load_from = 'work_dirs/masktrack_rcnn_r18_fpn_realclips/last.safetensors'

# ---------------------------------------------------------------- data
train_dataloader = dict(sampler=dict(balance='video'))

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=5000)
optim_wrapper = dict(optimizer=dict(lr=0.0004))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=5000, eta_min=0.000004),
]

# The same network with the hyper-parameters of the original's config_vot.json.
_base_ = './siammask_sharp_r50_davis.py'
model = dict(
    test_cfg=dict(penalty_k=0.04, window_influence=0.42, lr=0.25, mask_threshold=0.30, fuse_masks=False)
)

# ---------------------------------------------------------------- data
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type='VOTDataset',
        data_root='data/VOT2019/',
        ann_file='list.txt',
        test_mode=True,
        pipeline=[dict(type='LoadFrames'), dict(type='PackClip')],
    ),
)

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='VOTMetric', protocol='pysot', year=2019)

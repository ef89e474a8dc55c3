"""MaskTrack R-CNN for procedural videos in KITTI MOTS layout: the network of the quickstart on smaller frames.

    python tools/make_shapes.py data/shapes_mots --format kitti-mots --train 800 --valid 40 --size 160x96 --objects 2 4
    python tools/train.py configs/masktrack_rcnn_r18_fpn_shapes_mots.py --gpus 2
"""

_base_ = './masktrack_rcnn_r18_fpn_shapes.py'

_num_classes = 2
_train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackClip'),
]
_set = dict(
    type='MOTSDataset',
    data_root='data/shapes_mots/',
    ann_file='instances_txt',
    img_prefix='training/image_02',
)
model = dict(
    detector=dict(
        roi_head=dict(bbox_head=dict(num_classes=_num_classes), mask_head=dict(num_classes=_num_classes)),
    ),
)
train_dataloader = dict(
    dataset=dict(
        **_set, seqmap='seqmaps/train.seqmap', split='train-holdout', num_ref_frames=1, pipeline=_train_pipeline
    ),
)
test_dataloader = dict(
    dataset=dict(
        **_set,
        seqmap='seqmaps/val.seqmap',
        test_mode=True,
        pipeline=[dict(type='LoadFrames'), dict(type='PackClip')],
    ),
)
test_evaluator = dict(type='MOTSMetric')

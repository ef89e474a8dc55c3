"""DeepSORT's appearance network, a quarter as wide, on crops of procedural videos in KITTI MOTS layout.

    python tools/make_shapes.py data/shapes_mots --format kitti-mots --train 800 --valid 40 --size 160x96 --objects 2 4
    python tools/train.py configs/reid_deepsort_shapes_mots.py
"""

_base_ = './reid_deepsort_shapes.py'

_videos = dict(
    type='MOTSDataset',
    data_root='data/shapes_mots/',
    ann_file='instances_txt',
    img_prefix='training/image_02',
)
train_dataloader = dict(
    dataset=dict(videos=dict(**_videos, seqmap='seqmaps/train.seqmap', split='train-holdout')),
)
test_dataloader = dict(dataset=dict(videos=dict(**_videos, seqmap='seqmaps/val.seqmap')))

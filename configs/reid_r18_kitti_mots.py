"""ResNet-18 on crops of the tracks of KITTI MOTS: cars and pedestrians, for trackers that compare how they look.

Every track of the training sequences is an identity; regions to be ignored are left out. Queries of the validation
sequences are looked for among all their crops, neighbouring frames of the same track left out. The data set is read as
downloaded: `instances/` and `training/image_02/`. ImageNet weights help:

    python tools/train.py configs/reid_r18_kitti_mots.py --cfg-options model.embedder.backbone.pretrained=resnet18.pth
"""

_base_ = './reid_r18_youtubevis.py'

_videos = dict(
    type='MOTSDataset',
    data_root='data/kitti_mots/',
    ann_file='instances',
    img_prefix='training/image_02',
    split=None,
)
train_dataloader = dict(dataset=dict(videos=dict(part='train', **_videos)))
val_dataloader = dict(dataset=dict(videos=dict(part='val', **_videos)))
test_dataloader = dict(dataset=dict(videos=dict(part='val', **_videos)))

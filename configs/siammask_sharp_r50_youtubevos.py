# The same network tested on YouTube-VOS, where objects begin and end in the middle of a video. The public validation
# set has no ground truth: `tools/test_video.py CONFIG CHECKPOINT --out results.zip` writes what its server takes.
_base_ = './siammask_sharp_r50_davis.py'

# ---------------------------------------------------------------- data
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type='YouTubeVOSDataset',
        data_root='data/youtube_vos/',
        ann_file='valid/meta.json',
        img_prefix='valid/JPEGImages',
        map_prefix='valid/Annotations',
        test_mode=True,
        pipeline=[dict(type='LoadFrames'), dict(type='PackClip')],
    ),
)

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='YouTubeVOSMetric', train_meta='data/youtube_vos/train/meta.json')

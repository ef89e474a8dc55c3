"""ByteTrack on stored detections, YouTube-VIS: no network, no weights, no image is opened.

    python tools/test_video.py configs/masktrack_rcnn_r50_fpn_12e_youtubevis2019.py CHECKPOINT \
        --dump-detections data/youtube_vis_2019/detections --cfg-options \
        test_dataloader.dataset.ann_file=train.json test_dataloader.dataset.img_prefix=train/JPEGImages \
        test_dataloader.dataset.split=holdout
    python tools/test_video.py configs/precomputed_bytetrack_youtubevis.py

Any tracker may stand here; what it needs, the detections must have. `format='ytvis'` and `path='results.json'` take a
submission file of any program instead.
"""

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    detector=dict(
        type='PrecomputedDetector',
        path='data/youtube_vis_2019/detections',
        format='dump',
        score_threshold=0.05,
    ),
    tracker=dict(type='ByteTracker', high_threshold=0.3, low_threshold=0.05, new_threshold=0.4, max_age=10),
)

# ---------------------------------------------------------------- data
test_dataloader = dict(
    num_workers=0,  # there is nothing to load
    dataset=dict(
        type='YouTubeVISDataset',
        data_root='data/youtube_vis_2019/',
        ann_file='train.json',
        img_prefix='train/JPEGImages',
        split='holdout',  # the public valid set has no ground truth
        test_mode=True,
        pipeline=[dict(type='BlankFrames'), dict(type='PackClip')],
    ),
)

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='YTVISMetric')

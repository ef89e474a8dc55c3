"""SORT on MOTChallenge's det.txt files: boxes only, no network, no weights, no image is opened.

    python tools/test_video.py configs/precomputed_sort_motchallenge.py --out tracks.json

`path` holds one folder per sequence with `det/det.txt`. The annotation file names the sequences, their frames and their
size in YouTube-VIS form; a frame belongs to the sequence whose name is a folder of its path. Boxes go through as
rectangular masks, so that everything that works on masks works here too.
"""

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    detector=dict(
        type='PrecomputedDetector',
        path='data/MOT15/train',
        format='motchallenge',
        box_masks=True,
    ),
    tracker=dict(type='SORTTracker', max_age=1, min_hits=3, min_iou=0.3),
)

# ---------------------------------------------------------------- data
test_dataloader = dict(
    num_workers=0,  # there is nothing to load
    dataset=dict(
        type='YouTubeVISDataset',
        data_root='data/MOT15/',
        ann_file='annotations/train.json',
        img_prefix='train',
        test_mode=True,
        pipeline=[dict(type='BlankFrames'), dict(type='PackClip')],
    ),
)

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='YTVISMetric')  # overlap of rectangles

"""SORT on MOTChallenge as downloaded: the benchmark's detections, no network, no weights, no image is opened.

    python tools/test_video.py configs/precomputed_sort_motchallenge.py --cfg-options \\
        model.detector.path=data/MOT15/train test_dataloader.dataset.data_root=data/MOT15

Sequences are folders with `det/det.txt`, `gt/gt.txt` and `seqinfo.ini`; frames may be missing. `--out tracks` writes
one file per sequence, as the benchmark takes them. Any tracker that is content with boxes may stand here. MOT17's
detectors have scores that are no probabilities: `model.detector.scores=logit`.
"""

# ---------------------------------------------------------------- model
model = dict(
    type='VideoInstanceSegmenter',
    detector=dict(type='PrecomputedDetector', path='data/MOT15/train', format='motchallenge'),
    tracker=dict(type='SORTTracker', max_age=1, min_hits=3, min_iou=0.3),
)

# ---------------------------------------------------------------- data
test_dataloader = dict(
    num_workers=0,  # there is nothing to load
    dataset=dict(
        type='MOTChallengeDataset',
        data_root='data/MOT15/',
        ann_file='train',
        test_mode=True,
        pipeline=[dict(type='BlankFrames'), dict(type='PackClip')],
    ),
)

# ---------------------------------------------------------------- evaluation
test_evaluator = dict(type='MOTMetric')

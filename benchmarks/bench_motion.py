"""Does a motion model help MaskTrack's score? The IoU term with Kalman-predicted boxes against last seen ones.

    python tools/test_video.py CONFIG CHECKPOINT --dump-detections dets
    python benchmarks/bench_motion.py CONFIG dets

The detections must have embeddings. Everything but `motion` and the weight of the IoU term is as in the config.
"""

from __future__ import annotations

import argparse

from mmdet.engine.tuning import TrialRunner, TuningTask
from mmdet.errors import ConfigError

IOU_WEIGHTS = (1.0, 2.0, 4.0)
COLUMNS = ('AP', 'AP50', 'AP75', 'AR10')


def main() -> None:
    """Print one row per weight of the IoU term and motion."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('config', help='config with MaskTrackTracker and a test set with ground truth')
    parser.add_argument('detections', help='stored detections with embeddings')
    args = parser.parse_args()
    runner = TrialRunner(TuningTask(args.config, args.detections, 'ap'))
    if runner.tracker['type'] != 'MaskTrackTracker':
        raise ConfigError(f'{args.config}: the tracker is {runner.tracker["type"]}, not MaskTrackTracker')
    own = float(runner.tracker.get('iou_weight', 2.0))
    print('| iou_weight | motion | ' + ' | '.join(COLUMNS) + ' | seconds |')
    print('| --- ' * (len(COLUMNS) + 3) + '|')
    for weight in sorted({own, *IOU_WEIGHTS}):
        for motion in (None, 'kalman'):
            trial = runner.run({'iou_weight': weight, 'motion': motion})
            numbers = ' | '.join(f'{trial.numbers[name]:.4f}' for name in COLUMNS)
            print(f'| {weight:g} | {motion} | {numbers} | {trial.seconds:.1f} |', flush=True)


if __name__ == '__main__':
    main()

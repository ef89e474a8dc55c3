"""CLEAR MOT: how many are found, missed, invented and confused, at one overlap threshold.

"Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics" (Bernardin and Stiefelhagen, 2008); details
where programs differ (continuing matches, fragmentation, empty sequences) are those of TrackEval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdet.evaluation.tracking.matching import match_staying, processed_ranks
from mmdet.evaluation.tracking.numbers import Numbers, fraction
from mmdet.evaluation.tracking.scene import Scene

COUNTS = ('CLR_TP', 'CLR_FN', 'CLR_FP', 'IDSW', 'MT', 'PT', 'ML', 'Frag', 'CLR_Frames', 'MOTP_sum')
RATIOS = ('MOTA', 'MOTP', 'MODA', 'CLR_Re', 'CLR_Pr', 'MTR', 'PTR', 'MLR', 'sMOTA', 'CLR_F1', 'FP_per_frame', 'MOTAL')
MOSTLY, PARTLY = 0.8, 0.2  # shares of a track's frames


def clear(scene: Scene, threshold: float = 0.5) -> Numbers:
    """All CLEAR numbers of a scene: :data:`COUNTS` (``MOTP_sum`` is the overlap of all matches) and :data:`RATIOS`.

    Where one side is empty all ratios are 0 but ``MLR``, which is 1, and no frame is counted.
    """
    truths, results = len(scene.truth_frames), len(scene.result_frames)
    if scene.empty:
        found: Numbers = dict.fromkeys(COUNTS, 0) | {'CLR_FN': truths, 'CLR_FP': results}
        return found | {'ML': scene.num_truth_tracks, 'MOTP_sum': 0.0} | dict.fromkeys(RATIOS, 0.0) | {'MLR': 1.0}
    matched = match_staying(scene, threshold)
    tp = int(matched.sum())
    tracks = scene.truth_tracks[scene.truth_rows[matched]]
    shares = np.bincount(tracks, minlength=scene.num_truth_tracks) / scene.truth_lengths
    mostly = int((shares > MOSTLY).sum())
    partly = int((shares >= PARTLY).sum()) - mostly
    switches, breaks = _switches_and_breaks(scene, matched)
    return _with_ratios(
        {
            'CLR_TP': tp,
            'CLR_FN': truths - tp,
            'CLR_FP': results - tp,
            'IDSW': switches,
            'MT': mostly,
            'PT': partly,
            'ML': scene.num_truth_tracks - mostly - partly,
            'Frag': breaks,
            'CLR_Frames': scene.num_frames,
            'MOTP_sum': float(scene.overlaps[matched].sum()),
        }
    )


def combine_clear(parts: Sequence[Numbers]) -> Numbers:
    """Numbers of several sequences (or classes) together: counts are summed, ratios follow from the sums."""
    return _with_ratios({name: sum(part[name] for part in parts) for name in COUNTS})


def _switches_and_breaks(scene: Scene, matched: np.ndarray) -> tuple[int, int]:
    """How often a true object's partner is another than its last one, and how often its tracking starts again."""
    pairs = np.flatnonzero(matched)
    truths = scene.truth_tracks[scene.truth_rows[pairs]]
    order = np.argsort(truths, kind='stable')  # by true track, then by frame
    truths, pairs = truths[order], pairs[order]
    results = scene.result_tracks[scene.result_rows[pairs]]
    ranks = processed_ranks(scene)[scene.pair_frames[pairs]]
    same_track = truths[1:] == truths[:-1]
    switches = same_track & (results[1:] != results[:-1])
    breaks = same_track & (ranks[1:] != ranks[:-1] + 1)
    return int(switches.sum()), int(breaks.sum())


def _with_ratios(found: Numbers) -> Numbers:
    tp, fn, fp, switches = (found[name] for name in ('CLR_TP', 'CLR_FN', 'CLR_FP', 'IDSW'))
    truths, tracks = tp + fn, found['MT'] + found['PT'] + found['ML']
    log_switches = np.log10(switches) if switches > 0 else 0.0
    ratios = {
        'MOTA': fraction(tp - fp - switches, truths),
        'MOTP': fraction(found['MOTP_sum'], tp),
        'MODA': fraction(tp - fp, truths),
        'CLR_Re': fraction(tp, truths),
        'CLR_Pr': fraction(tp, tp + fp),
        'MTR': fraction(found['MT'], tracks),
        'PTR': fraction(found['PT'], tracks),
        'MLR': fraction(found['ML'], tracks),
        'sMOTA': fraction(found['MOTP_sum'] - fp - switches, truths),
        'CLR_F1': fraction(tp, tp + 0.5 * fn + 0.5 * fp),
        'FP_per_frame': fraction(fp, found['CLR_Frames']),
        'MOTAL': fraction(tp - fp - log_switches, truths),
    }
    return found | {name: float(value) for name, value in ratios.items()}

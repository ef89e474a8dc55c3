"""The MOTS metrics as the benchmark's first evaluator, mots_tools, counts them.

"MOTS: Multi-Object Tracking and Segmentation" (Voigtlaender et al., CVPR 2019), section 4. It differs from the CLEAR
numbers of :mod:`mmdet.evaluation.tracking.clear_mot` in three things: a match needs an overlap above one half, not at
least one half; an identity switch also counts as a fragmentation, by KITTI's rule; and with nothing to divide by,
accuracies are -inf and ``MOTSP`` is inf.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mmdet.evaluation.tracking.matching import match
from mmdet.evaluation.tracking.numbers import Numbers
from mmdet.evaluation.tracking.scene import IntArray, Scene

MOSTLY, PARTLY = 0.8, 0.2
COUNTS = (
    'n_gt_trajectories',
    'n_tr_trajectories',
    'total_num_frames',
    'n_gt',
    'n_tr',
    'n_itr',
    'tp',
    'fp',
    'fn',
    'total_cost',
    'fragments',
    'id_switches',
    'mostly_tracked',
    'partly_tracked',
    'mostly_lost',
    'modsp_sum',
)


def mots_tools(scene: Scene, ignored: np.ndarray, extra_frames: int = 0) -> Numbers:
    """All numbers of a scene of disjoint masks.

    Args:
        scene: with every result, ignored ones too.
        ignored: (M,) results that lie in regions to be ignored; matched ones count all the same.
        extra_frames: frames without objects that the evaluator counts besides (frame 0 of MOTSChallenge).

    Returns:
        :data:`COUNTS` (``n_itr``: ignored results, ``total_cost``: overlap of all matches, ``modsp_sum``: summed over
        frames) and ``sMOTSA``, ``MOTSA``, ``MOTSP``, ``MOTSAL``, ``MODSA``, ``MODSP``, ``recall``, ``precision``,
        ``F1``, ``FAR``, ``MT``, ``PT``, ``ML``.
    """
    matched = match(scene, scene.overlaps, scene.overlaps > 0.5)  # disjoint masks have one such partner at most
    tp = int(matched.sum())
    overlaps = scene.overlaps[matched]
    free = np.ones(len(scene.result_frames), bool)
    free[scene.result_rows[matched]] = False
    num_ignored = int((ignored & free).sum())
    per_frame = np.bincount(scene.pair_frames[matched], minlength=scene.num_frames)
    sums = np.bincount(scene.pair_frames[matched], overlaps, minlength=scene.num_frames)
    precision_of_frame = np.where(per_frame > 0, sums / np.maximum(per_frame, 1), 1.0)
    switches, fragments, mostly, partly, lost = _along_tracks(scene, matched)
    return _with_ratios(
        {
            'n_gt_trajectories': scene.num_truth_tracks,
            'n_tr_trajectories': scene.num_result_tracks,
            'total_num_frames': scene.num_frames + extra_frames,
            'n_gt': len(scene.truth_frames),
            'n_tr': len(scene.result_frames),
            'n_itr': num_ignored,
            'tp': tp,
            'fp': len(scene.result_frames) - tp - num_ignored,
            'fn': len(scene.truth_frames) - tp,
            'total_cost': float(overlaps.sum()),
            'fragments': fragments,
            'id_switches': switches,
            'mostly_tracked': mostly,
            'partly_tracked': partly,
            'mostly_lost': lost,
            'modsp_sum': float(precision_of_frame.sum()) + extra_frames,
        }
    )


def combine_mots_tools(parts: Sequence[Numbers]) -> Numbers:
    """Numbers of several sequences (or classes) together: counts are summed, ratios follow from the sums."""
    return _with_ratios({name: sum(part[name] for part in parts) for name in COUNTS})


def _along_tracks(scene: Scene, matched: np.ndarray) -> tuple[int, int, int, int, int]:
    """Identity switches, fragmentations, and mostly tracked, partly tracked and mostly lost true tracks."""
    partner = np.full(len(scene.truth_frames), -1)
    partner[scene.truth_rows[matched]] = scene.result_tracks[scene.result_rows[matched]]
    order = np.argsort(scene.truth_tracks, kind='stable')  # by track, then by frame
    tracks, partner = scene.truth_tracks[order], partner[order]
    found = partner >= 0
    starts = np.diff(tracks, prepend=-1) != 0
    ends = np.append(starts[1:], True)[: len(starts)]
    last = _last_seen(partner, tracks)
    switches = found & (last >= 0) & (last != partner)
    changed = found & ~starts & (np.concatenate([[-2], partner[:-1]])[: len(partner)] != partner)
    next_found = np.append(found[1:], False)[: len(found)] & ~ends
    fragments = changed & np.where(ends, True, (last >= 0) & next_found)
    shares = np.bincount(tracks, found, minlength=scene.num_truth_tracks) / np.maximum(scene.truth_lengths, 1)
    mostly, lost = int((shares > MOSTLY).sum()), int((shares < PARTLY).sum())
    return int(switches.sum()), int(fragments.sum()), mostly, scene.num_truth_tracks - mostly - lost, lost


def _last_seen(partner: IntArray, tracks: IntArray) -> IntArray:
    """Partner of the last earlier frame in which the track had one, -1 before: (N,)."""
    positions = np.where(partner >= 0, np.arange(len(partner)), -1)
    before = np.concatenate([[-1], np.maximum.accumulate(positions)])[: len(partner)]
    same = (before >= 0) & (tracks[before] == tracks) if len(partner) else np.zeros(0, bool)
    return np.where(same, partner[before], -1) if len(partner) else partner


def _with_ratios(found: Numbers) -> Numbers:
    tp, fp, fn, truths = found['tp'], found['fp'], found['fn'], found['n_gt']
    switches, cost = found['id_switches'], found['total_cost']
    recall, precision = _divide(tp, tp + fn, 0.0), _divide(tp, tp + fp, 0.0)
    nothing = -math.inf
    log_switches = math.log10(switches) if switches > 0 else 0.0
    tracks = found['n_gt_trajectories']
    return found | {
        'sMOTSA': _divide(cost - fp - switches, truths, nothing),
        'MOTSA': 1 - _divide(fn + fp + switches, truths, math.inf),
        'MOTSP': _divide(cost, tp, math.inf),
        'MOTSAL': 1 - _divide(fn + fp + log_switches, truths, math.inf),
        'MODSA': 1 - _divide(fn + fp, truths, math.inf),
        'MODSP': _divide(found['modsp_sum'], found['total_num_frames'], 0.0),
        'recall': recall,
        'precision': precision,
        'F1': _divide(2 * precision * recall, precision + recall, 0.0),
        'FAR': _divide(fp, found['total_num_frames'], 0.0),
        'MT': _divide(found['mostly_tracked'], tracks, 0.0),
        'PT': _divide(found['partly_tracked'], tracks, 0.0),
        'ML': _divide(found['mostly_lost'], tracks, 0.0),
    }


def _divide(part: float, whole: float, otherwise: float) -> float:
    return part / whole if whole else otherwise

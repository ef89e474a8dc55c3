"""IDF1: how much of the truth one partner per track explains over the whole sequence.

"Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking" (Ristani et al., 2016): true and result
tracks are paired one to one so that as many frames as possible agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmdet.evaluation.tracking.numbers import Numbers, fraction
from mmdet.evaluation.tracking.scene import Scene

COUNTS = ('IDTP', 'IDFN', 'IDFP')


def identity(scene: Scene, threshold: float = 0.5) -> Numbers:
    """``IDTP``, ``IDFN``, ``IDFP``, ``IDF1``, ``IDR``, ``IDP`` of a scene."""
    near = scene.overlaps >= threshold
    shape = (scene.num_truth_tracks, scene.num_result_tracks)
    frames = np.bincount(scene.pair_keys[near], minlength=shape[0] * shape[1]).reshape(shape)
    rows, columns = linear_sum_assignment(frames, maximize=True)
    tp = int(frames[rows, columns].sum())
    return _with_ratios(
        {'IDTP': tp, 'IDFN': len(scene.truth_frames) - tp, 'IDFP': len(scene.result_frames) - tp}
    )


def combine_identity(parts: Sequence[Numbers]) -> Numbers:
    """Numbers of several sequences (or classes) together."""
    return _with_ratios({name: sum(part[name] for part in parts) for name in COUNTS})


def _with_ratios(found: Numbers) -> Numbers:
    tp, fn, fp = (found[name] for name in COUNTS)
    ratios = {
        'IDF1': fraction(tp, tp + 0.5 * fp + 0.5 * fn),
        'IDR': fraction(tp, tp + fn),
        'IDP': fraction(tp, tp + fp),
    }
    return found | {name: float(value) for name, value in ratios.items()}

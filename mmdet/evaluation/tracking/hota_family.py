"""HOTA: detection, association and localisation in one number, over 19 overlap thresholds.

"HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking" (Luiten et al., IJCV 2020), equations 3 to 12. One
matching per frame serves all thresholds: it maximises overlap times how well two tracks fit over the whole sequence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdet.evaluation.tracking.matching import EPSILON, match
from mmdet.evaluation.tracking.numbers import Numbers, fraction
from mmdet.evaluation.tracking.scene import Scene

ALPHAS = np.arange(0.05, 0.99, 0.05)  # (19,)
COUNTS = ('HOTA_TP', 'HOTA_FN', 'HOTA_FP')
WEIGHTED = ('AssA', 'AssRe', 'AssPr')
TINY = 1e-10


def hota(scene: Scene) -> Numbers:
    """All HOTA numbers of a scene, arrays over :data:`ALPHAS`; a single number is the array's mean.

    ``HOTA_TP``, ``HOTA_FN``, ``HOTA_FP``, ``HOTA``, ``DetA``, ``DetRe``, ``DetPr``, ``AssA``, ``AssRe``, ``AssPr``,
    ``LocA``, ``OWTA``, and ``HOTA(0)``, ``LocA(0)``, ``HOTALocA(0)`` at the lowest threshold. ``LocA`` of nothing is 1.
    """
    truth_count, result_count = len(scene.truth_frames), len(scene.result_frames)
    keys, key_of_pair = np.unique(scene.pair_keys, return_inverse=True)  # (K,) track pairs that ever overlap
    truth_lengths = scene.truth_lengths[keys // max(scene.num_result_tracks, 1)]
    result_lengths = scene.result_lengths[keys % max(scene.num_result_tracks, 1)]
    soft = np.bincount(key_of_pair, _soft_matches(scene), minlength=len(keys))
    alignment = soft / (truth_lengths + result_lengths - soft)
    matched = match(scene, alignment[key_of_pair] * scene.overlaps)
    overlaps = scene.overlaps[matched]
    hits = (overlaps[:, None] >= ALPHAS - EPSILON).astype(np.float64)  # (matches, 19)
    tp = hits.sum(0)
    together = np.zeros((len(keys), len(ALPHAS)))  # (K, 19) frames in which two tracks are matched
    np.add.at(together, key_of_pair[matched], hits)
    union = np.maximum(truth_lengths + result_lengths, 1)[:, None] - together
    found: Numbers = {'HOTA_TP': tp, 'HOTA_FN': truth_count - tp, 'HOTA_FP': result_count - tp}
    for name, sizes in (('AssA', union), ('AssRe', truth_lengths[:, None]), ('AssPr', result_lengths[:, None])):
        found[name] = (together * together / np.maximum(sizes, 1)).sum(0) / np.maximum(tp, 1)
    found['LocA'] = np.maximum((overlaps[:, None] * hits).sum(0), TINY) / np.maximum(tp, TINY)
    return _derived(found)


def combine_hota(parts: Sequence[Numbers]) -> Numbers:
    """Numbers of several sequences (or classes) together: counts are summed, the rest is weighted by matches."""
    found: Numbers = {name: np.sum([part[name] for part in parts], axis=0) for name in COUNTS}
    weights = np.array([part['HOTA_TP'] for part in parts])  # (S, 19)
    for name in WEIGHTED:
        found[name] = (np.array([part[name] for part in parts]) * weights).sum(0) / np.maximum(found['HOTA_TP'], 1)
    located = (np.array([part['LocA'] for part in parts]) * weights).sum(0)
    found['LocA'] = np.maximum(located, TINY) / np.maximum(found['HOTA_TP'], TINY)
    return _derived(found)


def _soft_matches(scene: Scene) -> np.ndarray:
    """Share (P,) of each pair in all overlap that its two objects have in their frame (equation 11's count)."""
    of_truth = np.bincount(scene.truth_rows, scene.overlaps, minlength=len(scene.truth_frames))
    of_result = np.bincount(scene.result_rows, scene.overlaps, minlength=len(scene.result_frames))
    return scene.overlaps / (of_truth[scene.truth_rows] + of_result[scene.result_rows] - scene.overlaps)


def _derived(found: Numbers) -> Numbers:
    tp, fn, fp = (found[name] for name in COUNTS)
    found['DetA'] = fraction(tp, tp + fn + fp)
    found['DetRe'] = fraction(tp, tp + fn)
    found['DetPr'] = fraction(tp, tp + fp)
    found['HOTA'] = np.sqrt(found['DetA'] * found['AssA'])
    found['OWTA'] = np.sqrt(found['DetRe'] * found['AssA'])
    found['HOTA(0)'] = float(found['HOTA'][0])
    found['LocA(0)'] = float(found['LocA'][0])
    found['HOTALocA(0)'] = found['HOTA(0)'] * found['LocA(0)']
    return found

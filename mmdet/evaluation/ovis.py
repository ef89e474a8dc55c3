"""Average precision on OVIS: the numbers of YouTube-VIS and three classes of occlusion.

Every annotation needs ``occlusion``, one flag per frame; see :mod:`mmdet.occlusion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.evaluation.track_ap import TrackAP
from mmdet.evaluation.vis_ground_truth import read_ground_truth
from mmdet.evaluation.ytvis import TrackAPOptions, TrackEvaluator, evaluate_results


def evaluate_ovis(
    ground_truth: dict[str, Any],
    results: Sequence[dict[str, Any]],
    options: TrackAPOptions | None = None,
    source: str = 'annotations',
    results_source: str = 'results',
) -> TrackAP:
    """The 18 numbers of OVIS, per category too. Arguments as :func:`mmdet.evaluation.ytvis.evaluate_ytvis`.

    A detection that stays unmatched counts as a false alarm in every class of occlusion, as in the benchmark.

    Raises:
        AnnotationsMissingError: there is no ground truth.
        DataError: anything is inconsistent, or an annotation has no occlusion flags.
    """
    evaluator = TrackEvaluator(read_ground_truth(ground_truth, source), options, with_occlusion=True)
    return evaluate_results(evaluator, results, results_source)

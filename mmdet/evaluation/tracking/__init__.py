"""Metrics over time: HOTA, CLEAR, IDF1 and the MOTS numbers, for boxes and masks."""

from mmdet.evaluation.tracking.clear_mot import clear, combine_clear
from mmdet.evaluation.tracking.hota_family import ALPHAS, combine_hota, hota
from mmdet.evaluation.tracking.idf1 import combine_identity, identity
from mmdet.evaluation.tracking.metrics import MOTMetric, MOTSMetric
from mmdet.evaluation.tracking.mot import MOTSequence, evaluate_mot, read_truth
from mmdet.evaluation.tracking.mots import evaluate_mots
from mmdet.evaluation.tracking.mots_counts import combine_mots_tools, mots_tools
from mmdet.evaluation.tracking.observations import Observations, Role
from mmdet.evaluation.tracking.scene import Scene
from mmdet.evaluation.tracking.scenes import class_scene
from mmdet.evaluation.tracking.scores import TrackingScores, combine, scene_numbers

__all__ = [
    'ALPHAS',
    'MOTMetric',
    'MOTSMetric',
    'MOTSequence',
    'Observations',
    'Role',
    'Scene',
    'TrackingScores',
    'class_scene',
    'clear',
    'combine',
    'combine_clear',
    'combine_hota',
    'combine_identity',
    'combine_mots_tools',
    'evaluate_mot',
    'evaluate_mots',
    'hota',
    'identity',
    'mots_tools',
    'read_truth',
    'scene_numbers',
]

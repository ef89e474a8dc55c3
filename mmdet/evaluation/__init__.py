"""Results and what they are worth: result store, submission files, benchmark numbers."""

from mmdet.evaluation.coco import evaluate_coco, evaluate_coco_files
from mmdet.evaluation.metrics import COCOMetric, OVISMetric, YTVISMetric
from mmdet.evaluation.ovis import evaluate_ovis
from mmdet.evaluation.retrieval import ReIDMetric, average_precision, rankings, retrieval_numbers
from mmdet.evaluation.submission import SubmissionReport, check_submission
from mmdet.evaluation.track_ap import TrackAP
from mmdet.evaluation.tracking import MOTMetric, MOTSMetric, TrackingScores, evaluate_mot, evaluate_mots
from mmdet.evaluation.video_result import FrameTracks, ResultStore, VideoResult, VideoResultCollector, tracks_of
from mmdet.evaluation.vis_results import load_results, to_results, write_results
from mmdet.evaluation.vos_metrics import DAVISMetric, YouTubeVOSMetric
from mmdet.evaluation.vot_metric import VOTMetric
from mmdet.evaluation.ytvis import TrackAPOptions, TrackEvaluator, evaluate_ytvis

__all__ = [
    'COCOMetric',
    'DAVISMetric',
    'FrameTracks',
    'MOTMetric',
    'MOTSMetric',
    'OVISMetric',
    'ReIDMetric',
    'ResultStore',
    'SubmissionReport',
    'TrackAP',
    'TrackAPOptions',
    'TrackEvaluator',
    'TrackingScores',
    'VOTMetric',
    'VideoResult',
    'VideoResultCollector',
    'YTVISMetric',
    'YouTubeVOSMetric',
    'average_precision',
    'check_submission',
    'evaluate_coco',
    'evaluate_coco_files',
    'evaluate_mot',
    'evaluate_mots',
    'evaluate_ovis',
    'evaluate_ytvis',
    'load_results',
    'rankings',
    'retrieval_numbers',
    'to_results',
    'tracks_of',
    'write_results',
]

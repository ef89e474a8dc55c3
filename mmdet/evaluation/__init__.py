"""Results and what they are worth: result store, submission files, benchmark numbers."""

from mmdet.evaluation.coco import evaluate_coco, evaluate_coco_files
from mmdet.evaluation.metrics import COCOMetric, OVISMetric, YTVISMetric
from mmdet.evaluation.ovis import evaluate_ovis
from mmdet.evaluation.submission import SubmissionReport, check_submission
from mmdet.evaluation.track_ap import TrackAP
from mmdet.evaluation.video_result import FrameTracks, ResultStore, VideoResult, VideoResultCollector, tracks_of
from mmdet.evaluation.vis_results import load_results, to_results, write_results
from mmdet.evaluation.vos_metrics import DAVISMetric, YouTubeVOSMetric
from mmdet.evaluation.vot_metric import VOTMetric
from mmdet.evaluation.ytvis import TrackAPOptions, TrackEvaluator, evaluate_ytvis

__all__ = [
    'COCOMetric',
    'DAVISMetric',
    'FrameTracks',
    'OVISMetric',
    'ResultStore',
    'SubmissionReport',
    'TrackAP',
    'TrackAPOptions',
    'TrackEvaluator',
    'VOTMetric',
    'VideoResult',
    'VideoResultCollector',
    'YTVISMetric',
    'YouTubeVOSMetric',
    'check_submission',
    'evaluate_coco',
    'evaluate_coco_files',
    'evaluate_ovis',
    'evaluate_ytvis',
    'load_results',
    'to_results',
    'tracks_of',
    'write_results',
]

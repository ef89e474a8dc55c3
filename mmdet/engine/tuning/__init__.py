"""Search of tracker parameters on stored detections; ``tools/tune_tracker.py`` is its command."""

from mmdet.engine.tuning.journal import Journal, Trial
from mmdet.engine.tuning.objectives import OBJECTIVES, Objective
from mmdet.engine.tuning.report import best_trial, trial_table
from mmdet.engine.tuning.runner import TrialRunner, TuningTask
from mmdet.engine.tuning.search import run_trials
from mmdet.engine.tuning.space import DEFAULT_SPACES, grid_points, parse_space, random_points

__all__ = [
    'DEFAULT_SPACES',
    'OBJECTIVES',
    'Journal',
    'Objective',
    'Trial',
    'TrialRunner',
    'TuningTask',
    'best_trial',
    'grid_points',
    'parse_space',
    'random_points',
    'run_trials',
    'trial_table',
]

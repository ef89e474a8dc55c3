"""Search of settings by many test runs: of a tracker on stored detections, or of a whole model.

``tools/tune_tracker.py`` and ``tools/tune_sot.py`` are its commands.
"""

from mmdet.engine.tuning.command import add_search_options, points_of, report, settle_search_options
from mmdet.engine.tuning.journal import Journal, Trial
from mmdet.engine.tuning.model_runner import ModelRunner, ModelTask
from mmdet.engine.tuning.objectives import OBJECTIVES, Objective, usual_objective
from mmdet.engine.tuning.report import best_trial, trial_table
from mmdet.engine.tuning.runner import TrialRunner, TuningTask
from mmdet.engine.tuning.search import run_trials
from mmdet.engine.tuning.space import DEFAULT_SPACES, grid_points, parse_settings, parse_space, random_points

__all__ = [
    'DEFAULT_SPACES',
    'OBJECTIVES',
    'Journal',
    'ModelRunner',
    'ModelTask',
    'Objective',
    'Trial',
    'TrialRunner',
    'TuningTask',
    'add_search_options',
    'best_trial',
    'grid_points',
    'parse_settings',
    'parse_space',
    'points_of',
    'random_points',
    'report',
    'run_trials',
    'settle_search_options',
    'trial_table',
    'usual_objective',
]

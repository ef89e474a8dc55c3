"""The hold-out rule as data sets use it; it lives in :mod:`mmdet.holdout`, which evaluation imports too."""

from mmdet.holdout import HOLDOUT_FRACTION, HOLDOUT_VERSION, SPLITS, SplitName, holdout_ids, split_ids

__all__ = ['HOLDOUT_FRACTION', 'HOLDOUT_VERSION', 'SPLITS', 'SplitName', 'holdout_ids', 'split_ids']

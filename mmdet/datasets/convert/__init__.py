"""Data sets of other layouts turned into files that our data sets read; :mod:`.commands` lists what there is."""

from mmdet.datasets.convert.kins import KINSCrops, convert_kins

__all__ = ['KINSCrops', 'convert_kins']

"""Instances as sets of points: where points are drawn, what they carry, and the network that reads them."""

from mmdet.models.track_heads.points.network import PointEmbedding, PointNetwork
from mmdet.models.track_heads.points.sampling import InstancePoints, PointSampler, PointSet

__all__ = ['InstancePoints', 'PointEmbedding', 'PointNetwork', 'PointSampler', 'PointSet']

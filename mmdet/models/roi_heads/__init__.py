"""RoI heads: pooled box features in; classes, boxes and masks out."""

from mmdet.models.roi_heads.bbox_head import BBoxHead
from mmdet.models.roi_heads.mask_head import MaskHead
from mmdet.models.roi_heads.roi_extractor import RoIExtractor, to_rois
from mmdet.models.roi_heads.roi_head import RoIHead

__all__ = ['BBoxHead', 'MaskHead', 'RoIExtractor', 'RoIHead', 'to_rois']

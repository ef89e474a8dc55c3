"""Dense heads: a pyramid in, proposals out."""

from mmdet.models.dense_heads.anchors import AnchorGenerator
from mmdet.models.dense_heads.rpn_head import RPNHead

__all__ = ['AnchorGenerator', 'RPNHead']

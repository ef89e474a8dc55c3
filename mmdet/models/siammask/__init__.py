"""SiamMask and its variants: follow what a user marks."""

from mmdet.models.siammask.anchors import SiamAnchorGenerator
from mmdet.models.siammask.mask_head import SiamMaskHead
from mmdet.models.siammask.model import SiamMask
from mmdet.models.siammask.options import TrackingOptions
from mmdet.models.siammask.refine_head import SiamRefineHead
from mmdet.models.siammask.rpn_head import SiamRPNHead
from mmdet.models.siammask.session import SiamMaskSession
from mmdet.models.siammask.stage2_head import S2MaskHead
from mmdet.models.siammask.targets import SiamAnchorTarget

__all__ = [
    'S2MaskHead',
    'SiamAnchorGenerator',
    'SiamAnchorTarget',
    'SiamMask',
    'SiamMaskHead',
    'SiamMaskSession',
    'SiamRPNHead',
    'SiamRefineHead',
    'TrackingOptions',
]

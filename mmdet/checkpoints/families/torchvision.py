"""torchvision's Mask R-CNN with a ResNet pyramid, versions 1 and 2, with the names of old and new releases.

Its class heads put the background first and, on COCO, keep all 90 category numbers, ten of which name nothing. Boxes
are coded with weights 10, 10, 5, 5, which are our standard deviations 0.1, 0.1, 0.2, 0.2. What the weights cannot carry
over: torchvision rounds its base anchors (at most half a pixel) and pools with an unaligned RoIAlign of 2 samples (half
a feature cell).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mmdet.checkpoints.families.base import Converted, ConvertOptions, Family, KeyMap, Rule
from mmdet.checkpoints.families.heads import BACKGROUND_LAST, DROP_BACKGROUND_BOX, DROP_BACKGROUND_MASK
from mmdet.checkpoints.families.openmmlab import ASSUMED
from mmdet.checkpoints.report import Entry, LoadReport
from mmdet.checkpoints.state import Shapes, StateDict

COCO_ROWS = 91  # background and the category numbers 1..90
BATCH_NORM_EPS = 1e-5  # of our backbones
BOX, MASK = 'detector.roi_head.bbox_head', 'detector.roi_head.mask_head'
SECOND_RPN_CONV = 'rpn.head.conv.1.0.weight'  # only version 2 has it
UNALIGNED = (
    'torchvision rounds its anchors and pools with an unaligned RoIAlign, which our geometry does not: good as a start '
    'for training, slightly off when tested as it is'
)
VERSION_2 = (
    "version 2 fits a model with norm_cfg=dict(type='BN') in neck, bbox_head and mask_head, num_convs=2 in rpn_head, "
    'num_convs=4 and num_fcs=1 in bbox_head'
)
MAP = KeyMap(
    rules=[
        Rule('backbone.body.*', 'detector.backbone.*'),
        Rule('backbone.fpn.inner_blocks.#.1.*', 'detector.neck.lateral_convs.#.norm.*'),
        Rule('backbone.fpn.inner_blocks.#.0.*', 'detector.neck.lateral_convs.#.conv.*'),
        Rule('backbone.fpn.inner_blocks.#.*', 'detector.neck.lateral_convs.#.conv.*'),  # before torchvision 0.13
        Rule('backbone.fpn.layer_blocks.#.1.*', 'detector.neck.fpn_convs.#.norm.*'),
        Rule('backbone.fpn.layer_blocks.#.0.*', 'detector.neck.fpn_convs.#.conv.*'),
        Rule('backbone.fpn.layer_blocks.#.*', 'detector.neck.fpn_convs.#.conv.*'),
        Rule('rpn.head.conv.0.0.*', 'detector.rpn_head.rpn_conv.*'),
        Rule('rpn.head.conv.1.0.*', 'detector.rpn_head.more_rpn_convs.0.*'),
        Rule('rpn.head.conv.*', 'detector.rpn_head.rpn_conv.*'),  # before torchvision 0.13
        Rule('rpn.head.cls_logits.*', 'detector.rpn_head.rpn_cls.*'),
        Rule('rpn.head.bbox_pred.*', 'detector.rpn_head.rpn_reg.*'),
        Rule('roi_heads.box_head.fc6.*', f'{BOX}.shared_fcs.0.*'),
        Rule('roi_heads.box_head.fc7.*', f'{BOX}.shared_fcs.1.*'),
        Rule('roi_heads.box_head.5.*', f'{BOX}.shared_fcs.0.*'),  # version 2: four convolutions, flatten, one layer
        Rule('roi_heads.box_head.#.0.*', f'{BOX}.shared_convs.#.conv.*'),
        Rule('roi_heads.box_head.#.1.*', f'{BOX}.shared_convs.#.norm.*'),
        Rule('roi_heads.box_predictor.cls_score.*', f'{BOX}.fc_cls.*', BACKGROUND_LAST),
        Rule('roi_heads.box_predictor.bbox_pred.*', f'{BOX}.fc_reg.*', DROP_BACKGROUND_BOX),
        *(Rule(f'roi_heads.mask_head.mask_fcn{i + 1}.*', f'{MASK}.convs.{i}.conv.*') for i in range(4)),  # before 0.13
        Rule('roi_heads.mask_head.#.0.*', f'{MASK}.convs.#.conv.*'),
        Rule('roi_heads.mask_head.#.1.*', f'{MASK}.convs.#.norm.*'),
        Rule('roi_heads.mask_predictor.conv5_mask.*', f'{MASK}.upsample.*'),
        Rule('roi_heads.mask_predictor.mask_fcn_logits.*', f'{MASK}.conv_logits.*', DROP_BACKGROUND_MASK),
    ],
)


def detect(shapes: Shapes) -> bool:
    """Whether the names are those of torchvision's R-CNN on a ResNet."""
    return {'roi_heads.box_predictor.cls_score.weight', 'backbone.body.layer1.0.conv1.weight'} <= set(shapes)


def convert(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """Weights of torchvision's Mask R-CNN under our names."""
    report = LoadReport(family='torchvision')
    ours = MAP.to_ours(state_dict, report)
    report.notes.append(UNALIGNED)
    if SECOND_RPN_CONV in state_dict:
        report.notes.append(VERSION_2)
    is_coco = len(ours[f'{BOX}.fc_cls.weight']) == COCO_ROWS
    _match_frozen_norms(ours, report, options.frozen_bn_eps, is_coco)
    known: dict[str, Any] = {'convention': 'modern', **ASSUMED}
    if is_coco:
        known['classes'] = _coco_heads(ours, report, options.keep_coco_gaps)
    return Converted(ours, report, known)


def _match_frozen_norms(state: StateDict, report: LoadReport, eps: float | None, is_coco: bool) -> None:
    """Give frozen batch norms that were trained with another epsilon the weights that make ours equal.

    torchvision's published version 1 weights need epsilon 0 (pytorch/vision pull request 2940); frozen norms are those
    without ``num_batches_tracked``.
    """
    frozen = [
        key.removesuffix('.running_var')
        for key in state
        if key.endswith('.running_var') and key.replace('running_var', 'num_batches_tracked') not in state
    ]
    if not frozen:
        return
    if eps is None:
        eps = 0.0 if is_coco else BATCH_NORM_EPS
        report.notes.append(
            f'frozen batch norms are taken as trained with epsilon {eps:g}; torchvision uses 0 for its COCO weights '
            f'and whatever was trained from them, 1e-5 otherwise (--frozen-bn-eps)'
        )
    for name in frozen:
        variance = state[f'{name}.running_var']
        ratio = ((variance + BATCH_NORM_EPS) / (variance + eps).clamp(min=torch.finfo(variance.dtype).tiny)).sqrt()
        state[f'{name}.weight'] = state[f'{name}.weight'] * ratio


def _coco_heads(state: StateDict, report: LoadReport, keep_gaps: bool) -> list[str]:
    """Class names; unless gaps are kept, the heads in ``state`` lose the ten numbers that name nothing."""
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

    names = MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta['categories'][1:]  # the first is the background
    if keep_gaps:
        return list(names)
    kept = torch.tensor([label for label, name in enumerate(names) if name != 'N/A'])
    boxes = (kept[:, None] * 4 + torch.arange(4)).flatten()
    rows = {
        f'{BOX}.fc_cls': torch.cat([kept, torch.tensor([len(names)])]),  # the background is last by now
        f'{BOX}.fc_reg': boxes,
        f'{MASK}.conv_logits': kept,
    }
    for layer, index in rows.items():
        for key in (f'{layer}.weight', f'{layer}.bias'):
            if key in state:
                before = tuple(state[key].shape)
                state[key] = state[key][index]
                report.dropped.append(Entry(f'{key} (rows)', before, 'rows of the ten COCO numbers that name nothing'))
    return [names[label] for label in kept]


TORCHVISION = Family('torchvision', "torchvision's Mask R-CNN", detect, convert)

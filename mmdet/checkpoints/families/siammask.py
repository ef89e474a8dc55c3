"""The original SiamMask (SiamMask_DAVIS, SiamMask_VOT, SiamMask_VOT_LD) and the backbone that it starts from.

Names change one to one, values do not. The backbone file (``resnet.model``) has the names of a torchvision ResNet but
3x3 shortcuts; its last stage is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.checkpoints.families.base import Converted, ConvertOptions, Family, KeyMap, Rule
from mmdet.checkpoints.report import LoadReport, shape_text
from mmdet.checkpoints.state import Shapes, StateDict
from mmdet.errors import CheckpointError

COUNTER = 'num_batches_tracked'  # files of old PyTorch lack these
COMPLETE = {303: 'refined', 271: 'base'}  # tensors besides the counters
BACKBONE = 'features.features.'
SHORTCUT = 'layer2.0.downsample.0.weight'
NORMALISATION = {'channel_order': 'bgr', 'mean': [0.0, 0.0, 0.0], 'std': [1.0, 1.0, 1.0]}


def _correlation_head(old: str, new: str) -> list[Rule]:
    layers = {'conv_kernel.0': 'conv_kernel.conv', 'conv_kernel.1': 'conv_kernel.norm'}
    layers |= {'conv_search.0': 'conv_search.conv', 'conv_search.1': 'conv_search.norm'}
    layers |= {'head.0': 'hidden.conv', 'head.1': 'hidden.norm', 'head.3': 'out'}
    return [Rule(f'{old}.{theirs}.*', f'{new}.{ours}.*') for theirs, ours in layers.items()]


MAP = KeyMap(
    [
        Rule('features.features.*', 'backbone.*'),
        Rule('features.downsample.downsample.0.*', 'neck.conv.*'),
        Rule('features.downsample.downsample.1.*', 'neck.norm.*'),
        *_correlation_head('rpn_model.cls', 'rpn_head.cls'),
        *_correlation_head('rpn_model.loc', 'rpn_head.loc'),
        *_correlation_head('mask_model.mask', 'mask_head'),
        Rule('refine_model.*', 'refine_head.*'),
    ]
)
BACKBONE_MAP = KeyMap(
    [Rule(f'{part}.*', f'backbone.{part}.*') for part in ('conv1', 'bn1', 'layer1', 'layer2', 'layer3')],
    ignored={'layer4.*': 'the backbone ends after its third stage', 'fc.*': 'the classifier is not used'},
)


def detect(shapes: Shapes) -> bool:
    """Whether the names are SiamMask's, or those of a ResNet with 3x3 shortcuts."""
    return f'{BACKBONE}conv1.weight' in shapes or _is_backbone(shapes)


def _is_backbone(shapes: Shapes) -> bool:
    return 'conv1.weight' in shapes and tuple(shapes.get(SHORTCUT, ()))[2:] == (3, 3)


def convert(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """Weights of SiamMask, or of its backbone alone, under our names.

    Raises:
        CheckpointError: tensors are missing or too many, or the backbone is an ordinary ResNet.
    """
    report = LoadReport(family='siammask')
    known = {'normalisation': NORMALISATION}
    if f'{BACKBONE}conv1.weight' not in state_dict:
        report.notes.append('these are weights of the backbone alone: start training from them with load_from')
        return Converted(BACKBONE_MAP.to_ours(state_dict, report), report, known)
    shortcut = state_dict.get(BACKBONE + SHORTCUT)
    if shortcut is not None and tuple(shortcut.shape[2:]) != (3, 3):
        raise CheckpointError(
            f'{BACKBONE}{SHORTCUT} is {shape_text(shortcut.shape)}: this backbone is an ordinary ResNet, whose 1x1 '
            'shortcuts and padding are not those of SiamMask, so its features would be other ones'
        )
    ours = MAP.to_ours(state_dict, report)
    count = sum(not key.endswith(COUNTER) for key in ours)
    if count not in COMPLETE or report.dropped:
        strange = ', '.join(entry.key for entry in report.dropped[:5])
        kinds = ' or '.join(f'{number} ({kind})' for number, kind in COMPLETE.items())
        raise CheckpointError(
            f'a SiamMask checkpoint has {kinds} tensors besides batch norm counters, this one has {count}'
            + (f' and others: {strange}' if strange else '; it is incomplete or of another variant')
        )
    report.notes.append(f'{COMPLETE[count]} variant, {len(ours)} tensors')
    return Converted(ours, report, known)


def invert(state_dict: StateDict) -> tuple[StateDict, LoadReport]:
    """Our weights under the original's names."""
    report = LoadReport(family='siammask')
    return MAP.to_theirs(state_dict, report), report


SIAMMASK = Family('siammask', 'original SiamMask, or the backbone it starts from', detect, convert, invert)

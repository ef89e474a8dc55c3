"""The association network of PointTrack: kernels of one point become those of fully connected layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mmdet.checkpoints.families.base import Change, Converted, ConvertOptions, Family, KeyMap, Rule
from mmdet.checkpoints.report import LoadReport
from mmdet.checkpoints.state import Shapes, StateDict

OURS, THEIRS = 'track_head.network', 'point_feat'
KEY = f'{THEIRS}.conv_weight.weight'


def _drop_last(weight: Tensor) -> Tensor:
    return weight.squeeze(-1)


def _add_last(weight: Tensor) -> Tensor:
    return weight.unsqueeze(-1)


NO_LENGTH = Change(_drop_last, _add_last, 'a kernel of one point is a matrix', 'a matrix is a kernel of one point')


def _layer(old: str, new: str) -> list[Rule]:
    return [
        Rule(f'{THEIRS}.{old}.weight', f'{OURS}.{new}.weight', NO_LENGTH),
        Rule(f'{THEIRS}.{old}.bias', f'{OURS}.{new}.bias'),
    ]


def _path(old: str, first: int, new: str, norms: int) -> list[Rule]:
    """Three layers that are numbered from ``first`` in the original, ``norms`` of them with a batch norm."""
    rules = []
    for i in range(3):
        rules += _layer(f'{old}{first + i}', f'{new}.{i}.linear')
        if i < norms:
            rules.append(Rule(f'{THEIRS}.{old}{first + i}_bn.*', f'{OURS}.{new}.{i}.norm.*'))
    return rules


MAP = KeyMap(
    [
        *_path('conv', 1, 'foreground.offsets', norms=3),
        *_path('e_conv', 1, 'foreground.colours', norms=3),
        *_path('conv', 4, 'foreground.mean_path', norms=2),
        *_path('conv', 7, 'foreground.max_path', norms=2),
        *_layer('conv_weight', 'foreground.attention'),
        *_path('borderConv.conv', 1, 'context.offsets', norms=0),
        *_path('borderConv.e_conv', 1, 'context.colours', norms=0),
        *_path('borderConv.t_conv', 1, 'context.kinds', norms=0),
        *_path('borderConv.conv', 4, 'context.fuse', norms=0),
        Rule(f'{THEIRS}.last_emb.0.*', f'{OURS}.hidden.*'),
        Rule(f'{THEIRS}.last_emb.2.*', f'{OURS}.output.*'),
    ]
)


def detect(shapes: Shapes) -> bool:
    """Whether the names are those of PointTrack's association network."""
    return KEY in shapes


def convert(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """Weights of the association network under our names; they need a head with ``compat=True``."""
    report = LoadReport(family='pointtrack')
    ours = MAP.to_ours(state_dict, report)
    return Converted(ours, report, {'track_head': {'compat': True}})


def invert(state_dict: StateDict) -> tuple[StateDict, LoadReport]:
    """Our weights under PointTrack's names."""
    report = LoadReport(family='pointtrack')
    return MAP.to_theirs(state_dict, report), report


POINT_TRACK = Family('pointtrack', 'association network of PointTrack', detect, convert, invert)

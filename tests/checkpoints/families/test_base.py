"""Name patterns read in both directions, and the report accounts for every tensor."""

from __future__ import annotations

import pytest
import torch

from mmdet.checkpoints.families import FAMILIES, detect, get, matching
from mmdet.checkpoints.families.base import Change, KeyMap, Rule
from mmdet.checkpoints.report import LoadReport
from mmdet.errors import CheckpointError

DOUBLE = Change(lambda t: t * 2, lambda t: t / 2, 'doubled', 'halved')
MAP = KeyMap(
    [Rule('head.bias', 'box.bias', DOUBLE), Rule('fpn.#.*', 'neck.#.conv.*'), Rule('head.*', 'box.*')],
    ignored={'loss.*': 'no weights'},
)
PAIRS = [
    ('fpn.3.weight', 'neck.3.conv.weight'),
    ('fpn.12.a.b', 'neck.12.conv.a.b'),
    ('head.weight', 'box.weight'),
    ('head.bias', 'box.bias'),
]


@pytest.mark.parametrize(('old', 'new'), PAIRS)
def test_names_both_ways(old: str, new: str) -> None:
    assert list(MAP.to_ours({old: torch.ones(1)}, LoadReport())) == [new]
    assert list(MAP.to_theirs({new: torch.ones(1)}, LoadReport())) == [old]


@pytest.mark.parametrize('key', ['fpn.x.weight', 'other.fpn.1.weight', 'fpn.1', 'headXweight', 'loss.weight'])
def test_names_that_no_rule_knows_are_dropped_with_the_reason(key: str) -> None:
    report = LoadReport()
    assert MAP.to_ours({key: torch.ones(2, 3)}, report) == {}
    (entry,) = report.dropped
    assert (entry.key, entry.shape) == (key, (2, 3))
    assert entry.note == ('no weights' if key.startswith('loss') else 'no counterpart in our models')


def test_two_tensors_for_one_name_are_not_mixed_up() -> None:
    report = LoadReport()
    key_map = KeyMap([Rule('a.*', 'x.*'), Rule('b.*', 'x.*')])
    assert key_map.to_ours({'a.w': torch.ones(1), 'b.w': torch.zeros(1)}, report)['x.w'].item() == 1
    assert [(entry.key, entry.note) for entry in report.dropped] == [('b.w', 'x.w is taken by another tensor')]


def test_values_change_with_the_first_rule_that_matches() -> None:
    report = LoadReport()
    ours = MAP.to_ours({'head.bias': torch.ones(1), 'head.weight': torch.ones(1)}, report)
    assert (ours['box.bias'].item(), ours['box.weight'].item()) == (2, 1)
    assert [(e.key, e.note, e.was) for e in report.renamed] == [
        ('box.bias', 'doubled', 'head.bias'),
        ('box.weight', '', 'head.weight'),
    ]
    assert MAP.to_theirs(ours, LoadReport())['head.bias'].item() == 1


def test_a_family_is_found_by_name_or_with_advice() -> None:
    assert get('masktrack') is FAMILIES['masktrack']
    with pytest.raises(CheckpointError, match=r"no checkpoint family 'masktrak'.*mean 'masktrack'"):
        get('masktrak')


def test_no_two_families_share_a_name_with_their_key() -> None:
    assert all(name == family.name for name, family in FAMILIES.items())


def test_unknown_weights_list_the_known_families() -> None:
    with pytest.raises(CheckpointError, match=r'x\.pth is of no family.*blocks\.0\.weight.*torchvision'):
        detect({'blocks.0.weight': (1,)}, {}, 'x.pth')


def test_ambiguous_weights_list_the_candidates() -> None:
    shapes = {'bbox_head.fc_cls.weight': (4, 6), 'track_head.embed_head.fcs.0.weight': (6, 8)}
    assert [family.name for family in matching(shapes, {})] == ['mmdet3', 'masktrack']
    with pytest.raises(CheckpointError, match=r'x\.pth could be mmdet3 .*, masktrack .*--family'):
        detect(shapes, {}, 'x.pth')

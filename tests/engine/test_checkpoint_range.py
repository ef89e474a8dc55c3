"""Ranges of checkpoints: what a shell would make of them, and what is missing is said before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdet.engine.checkpoint_range import expand_braces, expand_checkpoints, range_table
from mmdet.errors import ConfigError

PATTERNS = {
    'range': ('e_{1..3}.pth', ['e_1.pth', 'e_2.pth', 'e_3.pth']),
    'padded': ('e_{08..10}', ['e_08', 'e_09', 'e_10']),
    'falling': ('{3..1}', ['3', '2', '1']),
    'step': ('{1..9..4}', ['1', '5', '9']),
    'list': ('{a,b}/{1..2}', ['a/1', 'a/2', 'b/1', 'b/2']),
    'plain': ('last.pth', ['last.pth']),
}


@pytest.mark.parametrize(('pattern', 'expected'), PATTERNS.values(), ids=PATTERNS)
def test_expand(pattern: str, expected: list[str]) -> None:
    assert expand_braces(pattern) == expected


@pytest.mark.parametrize('pattern', ['{1..', '1}', '{x}', '{1..3..0}', '{a,{b,c}}'])
def test_bad_braces(pattern: str) -> None:
    with pytest.raises(ConfigError):
        expand_braces(pattern)


def test_files(tmp_path: Path) -> None:
    for epoch in (1, 2, 10):
        (tmp_path / f'epoch_{epoch}.pth').touch()
    found = [Path(path).stem for path in expand_checkpoints(f'{tmp_path}/epoch_*.pth')]
    assert found == ['epoch_1', 'epoch_2', 'epoch_10']
    assert len(expand_checkpoints(f'{tmp_path}/epoch_{{1..2}}.pth')) == 2
    with pytest.raises(ConfigError, match=r'epoch_3.pth and 6 more not there'):
        expand_checkpoints(f'{tmp_path}/epoch_{{1..10}}.pth')


def test_table() -> None:
    table = range_table({'w/epoch_1.pth': {'AP': 0.1}, 'w/epoch_2.pth': {'AP': 0.3}})
    assert 'epoch_2' in table and table.endswith('best AP: w/epoch_2.pth')

"""Every function that docs/life_of_a_frame.md names lies in the file that it names."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAIR = re.compile(r'`([A-Za-z_]+(?:\.[a-z_]+)?)`\s+\(`([\w/]+\.py|[\w/]+/)`')


def pairs() -> list[tuple[str, str]]:
    """(class, function or Class.method; file or folder below mmdet/) of the page, each once."""
    text = (ROOT / 'docs/life_of_a_frame.md').read_text()
    return list(dict.fromkeys(PAIR.findall(text)))


@cache
def names_in(path: Path) -> frozenset[str]:
    """Classes, functions and ``Class.method`` that a file defines."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f'{node.name}.{part.name}' for part in node.body if isinstance(part, ast.FunctionDef)}
    return frozenset(found)


@pytest.mark.parametrize(('name', 'place'), pairs(), ids=[name for name, _ in pairs()])
def test_lies_where_the_page_says(name: str, place: str) -> None:
    where = ROOT / 'mmdet' / place
    files = sorted(where.rglob('*.py')) if place.endswith('/') else [where]
    assert all(file.is_file() for file in files), f'there is no mmdet/{place}'
    assert any(name in names_in(file) for file in files), f'mmdet/{place} does not define {name}'


def test_finds_the_pairs() -> None:
    assert len(pairs()) > 30
    assert ('StreamedModel.predict', 'models/video/stream.py') in pairs()


def test_paths_are_below_mmdet_or_whole() -> None:
    text = (ROOT / 'docs/life_of_a_frame.md').read_text()
    names = re.findall(r'`([\w/]+/\w+\.\w+|[\w/]+/)`', text.replace('`mmdet/`', ''))
    assert len(names) > 40
    for name in names:
        assert not name.startswith('mmdet/'), f'{name}: the page says that its paths are below mmdet/'
        root = ROOT if name.startswith(('tools/', 'demo/', 'tests/', 'docs/')) else ROOT / 'mmdet'
        assert (root / name).exists(), name

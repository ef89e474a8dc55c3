"""Links between pages lead somewhere: files that exist, headings that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [ROOT / folder / 'README.md' for folder in ('configs', 'data')]
PAGES = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md'), *OTHERS])


def anchors(page: Path) -> set[str]:
    """What headings of a page are called in links: lower case, blanks as hyphens, no punctuation."""
    text = re.sub(r'```.*?```', '', page.read_text(), flags=re.S)
    headings = re.findall(r'^#+ +(.*)$', text, re.M)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).strip().replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    for target in re.findall(r'\]\((?!https?:|mailto:)([^)\s]+)\)', page.read_text()):
        name, _, anchor = target.partition('#')
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), f'{page.name}: {target} does not exist'
        assert not anchor or anchor in anchors(other), f'{page.name}: {target}: there is no such heading'

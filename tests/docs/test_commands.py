"""Every command that a page shows names a script, files and options that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/*.md'), *ROOT.glob('configs/*.md'), *ROOT.glob('data/*.md')])
COMMAND = re.compile(r'python3? ((?:tools|demo|benchmarks)/\w+\.py)([^\n`]*)')
NOT_OURS = 'there | here'  # tables of other programs' commands have them in their first column


def commands() -> list[tuple[str, str, str]]:
    """(page, script, rest of the line) of every command shown."""
    found = []
    for page in PAGES:
        theirs = False
        for line in page.read_text().splitlines():
            theirs = (theirs and line.startswith('|')) or NOT_OURS in line
            text = '|'.join(line.split('|')[2:]) if theirs else line
            found += [(page.name, script, rest) for script, rest in COMMAND.findall(text)]
    return found


@cache
def written_by_the_reader(page: str) -> set[str]:
    """Configs that a page prints, to be saved under this name."""
    (path,) = [path for path in PAGES if path.name == page and path.parent.name == 'docs']
    return set(re.findall(r'as `(configs/\w+\.py)`', path.read_text()))


@cache
def help_of(script: str, subcommand: str = '') -> str:
    """Output of ``--help``, with that of a subcommand where there are some."""

    def ask(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, script, *arguments, '--help'], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout

    text = ask()
    return text + (ask(subcommand) if subcommand else '')


@pytest.mark.parametrize(('page', 'script', 'rest'), commands(), ids=lambda value: value.strip()[:60])
def test_command(page: str, script: str, rest: str) -> None:
    assert (ROOT / script).is_file(), f'{page} names {script}'
    divided = script in ('tools/evaluate.py', 'tools/convert_dataset.py')
    first = re.match(r'\s*([\w-]+)', rest) if divided else None
    subcommand = first[1] if first else ''
    for option in re.findall(r'(?<![\w-])--[a-z][\w-]*', rest):
        assert option in help_of(script, subcommand), f'{page}: {script} has no {option}'
    for config in re.findall(r'(?<![\w/])configs/[\w.]+\.py', rest):
        assert (ROOT / config).is_file() or config in written_by_the_reader(page), f'{page} names {config}'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_between_pages(page: Path) -> None:
    for target in re.findall(r'\]\(([^)#:]+)\)', page.read_text()):
        assert (page.parent / target).exists(), f'{page.name} links to {target}'


def test_pages_show_commands() -> None:
    assert len(commands()) > 8

"""Every command that a page, a config or a tool shows names a script, files, options and keys of configs that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from mmdet.engine.config import load_config, parse_overrides
from mmdet.engine.config_types import check_types
from mmdet.engine.tuning import parse_settings
from mmdet.errors import ConfigError
from mmdet.registry import register_all

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/*.md'), *ROOT.glob('configs/*.md'), *ROOT.glob('data/*.md')])
CODE = sorted(path for folder in ('configs', 'tools', 'demo') for path in ROOT.glob(f'{folder}/*.py'))
CONFIGS = sorted(ROOT.glob('configs/*.py'))
COMMAND = re.compile(r'python3? ((?:tools|demo|benchmarks)/\w+\.py)([^\n`]*)')
NOT_OURS = 'there | here'  # tables of other programs' commands have them in their first column


def lines_of(page: Path) -> list[str]:
    """Lines with their continuations, which end in one backslash, or two in a docstring."""
    return re.sub(r'\\+\n[#\s]*', ' ', page.read_text()).splitlines()


def commands() -> list[tuple[str, str, str]]:
    """(page, script, rest of the line) of every command shown."""
    found = []
    for page in [*PAGES, *CODE]:
        theirs = False
        for line in lines_of(page):
            theirs = (theirs and line.startswith('|')) or NOT_OURS in line
            text = '|'.join(line.split('|')[2:]) if theirs else line
            found += [(page.name, script, rest) for script, rest in COMMAND.findall(text)]
    return found


@cache
def written_by_the_reader(page: str) -> set[str]:
    """Configs that a page prints, to be saved under this name."""
    path = ROOT / 'docs' / page
    return set(re.findall(r'as\s+`(configs/\w+\.py)`', path.read_text())) if path.is_file() else set()


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


def words_of(text: str) -> list[str]:
    """Words of a command as a shell sees them; blanks decide where quotes are cut off."""
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def settings_in(text: str) -> dict[str, object]:
    """Values by place in the config, of ``--cfg-options`` and of ``--param`` (the first of its values)."""
    found: dict[str, object] = {}
    taken = ''
    for word in words_of(text):
        if word.startswith('--'):
            taken = word
        elif taken == '--cfg-options' and '=' in word:
            found |= parse_overrides([word])
        elif taken == '--param' and '.' in word.partition('=')[0]:
            found |= {key: values[0] for key, values in parse_settings([word]).items()}
    return found


def takes(config: Path, settings: dict[str, object]) -> str:
    """What a config answers to settings, nothing if it takes them."""
    try:
        check_types(load_config(config, settings).to_dict(), config.name)
    except ConfigError as error:
        return str(error)
    return ''


def shown_settings() -> list[tuple[str, str]]:
    """(page, text) of every command, and every piece of one between backticks, that names keys of a config."""
    pieces = [(page, f'{script} {rest}') for page, script, rest in commands()]
    for page in PAGES:
        for line in lines_of(page):
            pieces += [(page.name, piece) for piece in re.findall(r'`(--(?:cfg-options|param) [^`]*)`', line)]
    return [(page, text) for page, text in pieces if settings_in(text)]


@pytest.mark.parametrize(('page', 'text'), shown_settings(), ids=lambda value: value.strip()[:80])
def test_keys_of_configs(page: str, text: str) -> None:
    register_all()
    named = [ROOT / name for name in re.findall(r'configs/\w+\.py', text) if (ROOT / name).is_file()]
    answers = []
    for config in named or CONFIGS:  # CONFIG, or one that the reader writes: some config of ours has these keys
        answers.append(takes(config, settings_in(text)))
        if not answers[-1]:
            return
    pytest.fail(f'{page}: {answers[0]}')


MISTAKES = {
    'key of a section': ('configs/siammask_base_r50_davis.py', '--param model.penalty_k=0.1,0.2'),
    'key of a data set': ('configs/masktrack_rcnn_r18_fpn_shapes.py', '--cfg-options test_dataloader.dataset.spilt=a'),
    'class': ('configs/masktrack_rcnn_r18_fpn_shapes.py', '--cfg-options model.tracker.type=BiteTracker'),
}


@pytest.mark.parametrize(('config', 'text'), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_seen(config: str, text: str) -> None:
    register_all()
    assert takes(ROOT / config, settings_in(text))


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_between_pages(page: Path) -> None:
    for target in re.findall(r'\]\(([^)#:]+)\)', page.read_text()):
        assert (page.parent / target).exists(), f'{page.name} links to {target}'


def test_pages_show_commands() -> None:
    assert len(commands()) > 8

"""What doctor lists is what the package needs."""

from __future__ import annotations

import re
from pathlib import Path

from mmdet.engine.environment import PACKAGES, package_version


def test_listed_packages_are_the_declared_ones(repo_root: Path) -> None:
    text = (repo_root / 'pyproject.toml').read_text()
    (block,) = re.findall(r'^dependencies = \[(.*?)^\]', text, re.DOTALL | re.MULTILINE)
    declared = set(re.findall(r'"([\w.-]+?)[\[<>=~! "]', block))
    assert set(PACKAGES.values()) == declared


def test_versions_are_found_and_missing_packages_named() -> None:
    assert all(re.match(r'\d', package_version(name)) for name in PACKAGES)
    assert package_version('no_such_package_here') == 'missing'

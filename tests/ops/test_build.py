"""Building the kernels: what is looked up, and that a missing tool costs speed but never the installation."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mmdet.ops.csrc import build


def fake_torch(folder: Path, version: str) -> Path:
    (folder / 'torch').mkdir(parents=True)
    (folder / 'torch' / 'version.py').write_text(f"from typing import Optional\n__version__ = '{version}'\n")
    return folder / 'torch'


@pytest.fixture
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """pip's isolated build: torch cannot be imported, but may lie in the environment's folder."""
    monkeypatch.setattr(build.importlib.util, 'find_spec', lambda name: None)
    monkeypatch.setattr(build.sysconfig, 'get_path', lambda name: str(tmp_path))
    return tmp_path


def test_torch_is_found_in_an_isolated_build(isolated: Path) -> None:
    folder = fake_torch(isolated, '2.15.0+cu132')
    assert build.find_torch() == folder


@pytest.mark.parametrize(
    ('version', 'message'), [(None, 'not installed'), ('2.9.1', 'older than 2.10'), ('1.13.0+cpu', 'older than 2.10')]
)
def test_torch_that_does_not_do(
    version: str | None, message: str, isolated: Path, capsys: pytest.CaptureFixture
) -> None:
    if version is not None:
        fake_torch(isolated, version)
    with pytest.raises(build.CannotBuild, match=message):
        build.find_torch()
    assert build.build(isolated) == []
    assert message in capsys.readouterr().out


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(shutil, 'which', lambda name: None)
    build.cxx.cache_clear()
    assert build.build(tmp_path) == []
    build.cxx.cache_clear()
    assert 'no C++ compiler was found' in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_compiler_errors_are_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    try:
        build.cxx(), build.find_torch()
    except build.CannotBuild as reason:
        pytest.skip(str(reason))
    (tmp_path / 'bindings_cpu.cpp').write_text('#error broken on purpose\n')
    (tmp_path / 'correlation_cpu.cpp').write_text('')
    monkeypatch.setattr(build, 'SOURCES', tmp_path)
    assert build.build(tmp_path) == []
    assert 'broken on purpose' in capsys.readouterr().out


def test_architectures_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MMDET_CUDA_ARCHS', '8.0, 90')
    assert build.architectures('nvcc') == ['80', '90']


def test_no_cuda_library_for_a_torch_without_cuda(tmp_path: Path) -> None:
    with pytest.raises(build.CannotBuild, match='no CUDA'):
        build.build_cuda(tmp_path / 'library.so', tmp_path)


def test_nvcc_of_cuda_home_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin' / 'nvcc').touch(mode=0o755)
    monkeypatch.setenv('CUDA_HOME', str(tmp_path))
    assert build.find_nvcc() == str(tmp_path / 'bin' / 'nvcc')


@pytest.mark.skipif(shutil.which('nm') is None, reason='nm is not installed')
def test_the_library_needs_nothing_of_torch_but_its_stable_c_functions(repo_root: Path) -> None:
    library = repo_root / 'mmdet/ops' / build.CPU_LIBRARY
    if not library.is_file():
        pytest.skip('the kernels are not built')
    listed = subprocess.run(['nm', '-DC', '--undefined-only', str(library)], capture_output=True, text=True, check=True)
    needed = [line.split(maxsplit=1)[1] for line in listed.stdout.splitlines()]
    of_torch = [name for name in needed if re.match(r'(torch|aoti)_', name)]
    assert of_torch  # operators are registered through them
    assert [name for name in needed if re.match(r'(at|c10|torch|caffe2)::', name)] == []


@pytest.mark.parametrize(
    ('here', 'expected'),
    [('9.0', ['90']), ('12.1', ['75', '90']), ('7.0', ['70'])],
    ids=['known', 'newer than nvcc', 'older than nvcc'],
)
def test_architectures_of_the_gpus_here(monkeypatch: pytest.MonkeyPatch, here: str, expected: list[str]) -> None:
    """A newer GPU runs the PTX of the newest architecture; for an older one nvcc then says that it cannot."""
    monkeypatch.delenv('MMDET_CUDA_ARCHS', raising=False)
    monkeypatch.setattr(build.shutil, 'which', lambda name: name)
    answers = {'nvcc': 'sm_75 sm_90', 'nvidia-smi': f'{here}\n'}

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess:
        return subprocess.CompletedProcess(command, 0, stdout=answers[command[0]])

    monkeypatch.setattr(build.subprocess, 'run', run)
    assert build.architectures('nvcc') == expected

"""Adds the optional kernels to the build; everything else is in pyproject.toml.

Where a compiler or PyTorch is missing the package is built without them, and the same operators run in plain PyTorch.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent


def _kernels() -> ModuleType:
    spec = importlib.util.spec_from_file_location('mmdet_kernels_build', ROOT / 'mmdet' / 'ops' / 'csrc' / 'build.py')
    assert spec is not None and spec.loader is not None  # a file of this repository
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


KERNELS = _kernels()


class BuildKernels(build_ext):
    """Runs the kernels' own build in place of a Python extension's, and lets the package pass without them."""

    def run(self) -> None:
        folder = ROOT / 'mmdet' / 'ops' if self.inplace else Path(self.build_lib) / 'mmdet' / 'ops'
        folder.mkdir(parents=True, exist_ok=True)
        KERNELS.build(folder)

    def get_outputs(self) -> list[str]:
        folder = Path(self.build_lib) / 'mmdet' / 'ops'
        names = (KERNELS.CPU_LIBRARY, KERNELS.CUDA_LIBRARY)
        return [str(folder / name) for name in names if (folder / name).is_file()]


def _extensions() -> list[Extension]:
    try:
        KERNELS.find_torch()
        KERNELS.cxx()
    except KERNELS.CannotBuild as reason:
        print(f'Building without kernels ({reason}); run compile.sh later to add them.')
        return []
    return [Extension('mmdet.ops._correlation_cpu', sources=[], optional=True)]


setup(
    ext_modules=_extensions(),
    cmdclass={'build_ext': BuildKernels},
    package_data={'mmdet.ops': ['csrc/*']},
)

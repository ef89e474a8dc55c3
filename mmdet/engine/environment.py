"""What a program runs on: versions, devices, compiler, and which implementation each operation uses."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import shutil
import subprocess
from pathlib import Path

PACKAGES = {
    'torch': 'torch',
    'torchvision': 'torchvision',
    'mmengine': 'onedl-mmengine',
    'numpy': 'numpy',
    'scipy': 'scipy',
    'opencv': 'opencv-python-headless',
    'pycocotools': 'pycocotools',
    'safetensors': 'safetensors',
    'pillow': 'pillow',
    'tensorboard': 'tensorboard',
    'tqdm': 'tqdm',
}


def versions() -> dict[str, str]:
    """Versions of this package, python and what computes; short, for checkpoints and logs."""
    import mmdet

    found = {'mmdet': mmdet.__version__, 'python': platform.python_version()}
    found.update({name: package_version(name) for name in ('torch', 'torchvision', 'mmengine', 'numpy')})
    commit = _output(['git', '-C', str(Path(__file__).parent), 'rev-parse', '--short', 'HEAD'])
    return {**found, 'commit': commit} if commit else found


def package_version(name: str) -> str:
    """Installed version of a package by import name, or ``missing``."""
    for distribution in (PACKAGES.get(name, name), name):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    try:
        return str(getattr(importlib.import_module(name), '__version__', 'unknown'))
    except ImportError:
        return 'missing'


def report() -> dict[str, dict[str, str]]:
    """Everything about the environment by section, as text for people."""
    return {
        'packages': {**versions(), **{name: package_version(name) for name in PACKAGES}},
        'system': {
            'platform': platform.platform(),
            'compiler': compiler(),
            'free disk here': f'{shutil.disk_usage(".").free / 2**30:.1f} GiB',
        },
        'devices': devices(),
        'operations': operations(),
    }


def compiler() -> str:
    """First C++ compiler on the path with its version, and nvcc where there is one."""
    found: list[str] = []
    for name in ('c++', 'g++', 'clang++', 'cl', 'nvcc'):
        if shutil.which(name) and (name == 'nvcc' or not found):
            lines = (_output([name, '--version']) or name).splitlines()
            found.append(lines[-1] if name == 'nvcc' else lines[0])
    return '; '.join(found) or 'none (the package runs without one)'


def devices() -> dict[str, str]:
    """GPUs with memory, and what CUDA says of itself."""
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        return {'cuda': f'not available (torch is built for CUDA {built})' if built else 'torch is built without CUDA'}
    found = {'cuda': str(torch.version.cuda)}
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found[f'gpu {index}'] = f'{properties.name}, {properties.total_memory / 2**30:.1f} GiB'
    return found


def operations() -> dict[str, str]:
    """Which implementation each operation of :mod:`mmdet.ops` uses here."""
    from mmdet.ops.backends import backends  # looks for compiled kernels when it is called

    return backends()


def _output(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

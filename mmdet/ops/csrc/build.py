"""Compiles the kernels of this folder into two libraries beside ``mmdet/ops``; run by ``compile.sh`` and ``setup.py``.

Neither mmdet nor torch is imported: only torch's headers and libraries are looked up, so that the build also works in
pip's isolated environment. The libraries use PyTorch's stable ABI and serve every PyTorch from 2.10 on.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
CPU_LIBRARY, CUDA_LIBRARY = '_correlation_cpu.so', '_correlation_cuda.so'
OLDEST_TORCH = (2, 10)  # first release whose stable ABI has all that the bindings call
STABLE_ABI = f'-DTORCH_TARGET_VERSION=0x{OLDEST_TORCH[0]:02x}{OLDEST_TORCH[1]:02x}000000000000'
ARCHITECTURES = ('75', '80', '86', '89', '90', '100', '120')  # what a build without a GPU in the machine targets


class CannotBuild(Exception):
    """Something that the build needs is missing; the message says what."""


def find_torch() -> Path:
    """Folder of the installed torch, which holds ``include`` and ``lib``.

    Raises:
        CannotBuild: torch is not installed, or too old to have the stable ABI.
    """
    spec = importlib.util.find_spec('torch')
    # pip hides the environment's packages from an isolated build, but they are still where they were.
    candidates = [Path(spec.origin).parent] if spec and spec.origin else []
    candidates += [Path(sysconfig.get_path(name)) / 'torch' for name in ('platlib', 'purelib')]
    folder = next((path for path in candidates if (path / 'version.py').is_file()), None)
    if folder is None:
        raise CannotBuild('torch is not installed in this environment')
    version = re.search(r"__version__ = '(\d+)\.(\d+)", (folder / 'version.py').read_text())
    if version is None or (int(version[1]), int(version[2])) < OLDEST_TORCH:
        raise CannotBuild(f'the torch in {folder} is older than {OLDEST_TORCH[0]}.{OLDEST_TORCH[1]}')
    return folder


@functools.cache
def cxx() -> str:
    """The C++ compiler: ``$CXX``, else g++, else clang++.

    Raises:
        CannotBuild: there is none, or the system is not Linux or macOS.
    """
    if platform.system() not in ('Linux', 'Darwin'):
        raise CannotBuild(f'the kernels are built on Linux and macOS, not on {platform.system()}')
    for name in (os.environ.get('CXX', ''), 'g++', 'clang++'):
        if name and shutil.which(shlex.split(name)[0]):
            return name
    raise CannotBuild('no C++ compiler was found (install g++ or set CXX)')


def find_nvcc() -> str:
    """The CUDA compiler: ``$CUDA_HOME/bin/nvcc``, else from the PATH, else /usr/local/cuda.

    Raises:
        CannotBuild: there is none.
    """
    for name in (f'{os.environ.get("CUDA_HOME", "")}/bin/nvcc', 'nvcc', '/usr/local/cuda/bin/nvcc'):
        if (found := shutil.which(name)) is not None:
            return found
    raise CannotBuild('nvcc was not found (set CUDA_HOME)')


def architectures(nvcc: str) -> list[str]:
    """Compute capabilities to compile for: ``$MMDET_CUDA_ARCHS``, else those of the GPUs here, else all usual ones."""
    if wish := os.environ.get('MMDET_CUDA_ARCHS'):
        return wish.replace('.', '').replace(',', ' ').split()
    known = subprocess.run([nvcc, '--list-gpu-code'], capture_output=True, text=True).stdout.split()
    query = ['nvidia-smi', '--query-gpu=compute_cap', '--format=csv,noheader']
    if shutil.which(query[0]):
        answer = subprocess.run(query, capture_output=True, text=True)
        here = sorted({line.strip().replace('.', '') for line in answer.stdout.splitlines() if line.strip()})
        newest = max((int(code[3:]) for code in known if code[3:].isdecimal()), default=0)
        newer = [arch for arch in here if arch.isdecimal() and int(arch) > newest]
        if answer.returncode == 0 and here and not newer:
            return here  # else a GPU is newer than this nvcc, and needs the PTX of the newest architecture of all
    return [arch for arch in ARCHITECTURES if f'sm_{arch}' in known]


def _run(command: list[str], verbose: bool) -> None:
    if verbose:
        print(shlex.join(command), flush=True)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotBuild(f'the compiler failed:\n{shlex.join(command)}\n{done.stderr[-4000:]}')


def _compile_flags(torch: Path) -> list[str]:
    include = ['-isystem', f'{torch}/include']
    return ['-O3', '-std=c++17', '-fPIC', '-fvisibility=hidden', '-Wno-psabi', STABLE_ABI, *include]


def build_cpu(target: Path, torch: Path, verbose: bool = False) -> None:
    """Writes the CPU library."""
    sources = [str(SOURCES / name) for name in ('bindings_cpu.cpp', 'correlation_cpu.cpp')]
    libraries = [f'-L{torch}/lib', '-ltorch_cpu', '-lc10']
    _run([*shlex.split(cxx()), *_compile_flags(torch), '-shared', *sources, '-o', str(target), *libraries], verbose)


def compile_kernels(nvcc: str, archs: list[str], target: Path, verbose: bool = False) -> None:
    """Writes the object file of the CUDA kernels; the newest architecture is kept as PTX for GPUs to come."""
    codes = [f'-gencode=arch=compute_{arch},code=sm_{arch}' for arch in archs]
    codes.append(f'-gencode=arch=compute_{archs[-1]},code=compute_{archs[-1]}')
    source = str(SOURCES / 'correlation_cuda.cu')
    host = ['-ccbin', shlex.split(cxx())[0], '-Xcompiler', '-fPIC,-fvisibility=hidden']
    _run([nvcc, '-O3', '-std=c++17', '--threads', '0', *host, *codes, '-c', source, '-o', str(target)], verbose)


def build_cuda(target: Path, torch: Path, verbose: bool = False) -> None:
    """Writes the CUDA library; the CUDA runtime is linked statically, so it needs none of torch's exact version.

    Raises:
        CannotBuild: torch was built without CUDA, there is no compiler, or it failed.
    """
    if not any((torch / 'lib').glob('libtorch_cuda*')):
        raise CannotBuild('this torch has no CUDA')
    nvcc = find_nvcc()
    archs = architectures(nvcc)
    if not archs:
        raise CannotBuild(f'{nvcc} knows none of the architectures {", ".join(ARCHITECTURES)}')
    with tempfile.TemporaryDirectory() as folder:
        kernels, bindings = f'{folder}/kernels.o', f'{folder}/bindings.o'
        compile_kernels(nvcc, archs, Path(kernels), verbose)
        source = str(SOURCES / 'bindings_cuda.cpp')
        _run([*shlex.split(cxx()), *_compile_flags(torch), '-DUSE_CUDA', '-c', source, '-o', bindings], verbose)
        libraries = [f'-L{torch}/lib', '-ltorch_cpu', '-ltorch_cuda', '-lc10']
        _run([nvcc, '-shared', kernels, bindings, '-o', str(target), *libraries], verbose)


def build(folder: Path, cuda: bool = True, verbose: bool = False) -> list[Path]:
    """Builds what can be built into ``folder`` and prints a line for each library; a missing tool is no error."""
    written = []
    steps = {CPU_LIBRARY: build_cpu, CUDA_LIBRARY: build_cuda} if cuda else {CPU_LIBRARY: build_cpu}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for name, step in steps.items():
            try:
                step(Path(scratch) / name, find_torch(), verbose)
            except CannotBuild as reason:
                print(f'{name}: not built, plain PyTorch will be used instead: {reason}', flush=True)
                break  # the CUDA library needs the operators that the CPU library defines
            written.append((Path(scratch) / name).replace(folder / name))
            print(f'{name}: built in {folder}', flush=True)
    return written


def main() -> int:
    """Command line of ``compile.sh``; exit code 1 if not even the CPU library could be built."""
    parser = argparse.ArgumentParser(description='Build the optional C++ and CUDA kernels.')
    parser.add_argument('--cpu-only', action='store_true', help='leave the CUDA kernels out')
    parser.add_argument('--verbose', action='store_true', help='print the compiler commands')
    args = parser.parse_args()
    return 0 if build(SOURCES.parent, cuda=not args.cpu_only, verbose=args.verbose) else 1


if __name__ == '__main__':
    sys.exit(main())

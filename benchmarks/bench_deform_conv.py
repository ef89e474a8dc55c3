"""Times deformable convolution on a CPU against torchvision's, forward and backward, in one run.

    python benchmarks/bench_deform_conv.py [--threads 2] [--rounds 5]

Shapes are those of CMaskTrack R-CNN: 256 channels, 3 x 3, the pyramid levels of a 640 x 384 input. Every round runs
both on every level; the fastest round counts.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import torch
import torchvision
from torch import Tensor

from mmdet.ops.deform_conv import deform_conv2d

CHANNELS = 256
LEVELS = ((96, 160), (48, 80), (24, 40), (12, 20), (6, 10))
CONTENDERS: dict[str, Callable[..., Tensor]] = {'torchvision': torchvision.ops.deform_conv2d, 'ours': deform_conv2d}


def inputs(size: tuple[int, int]) -> list[Tensor]:
    """A map, offsets of a few cells and a weight."""
    torch.manual_seed(0)
    maps, offsets = torch.randn(1, CHANNELS, *size), 2 * torch.randn(1, 18, *size)
    return [tensor.requires_grad_() for tensor in (maps, offsets, torch.randn(CHANNELS, CHANNELS, 3, 3) / 48)]


def measure(run: Callable[..., Tensor], given: list[Tensor]) -> tuple[float, float]:
    """Seconds of one forward and one backward pass."""
    start = time.perf_counter()
    out = run(*given, padding=1)
    middle = time.perf_counter()
    torch.autograd.grad(out, given, torch.ones_like(out))
    return middle - start, time.perf_counter() - middle


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f'{platform.processor() or platform.machine()}, {options.threads} threads, torch {torch.__version__}')
    best = {name: [[1e9, 1e9] for _ in LEVELS] for name in CONTENDERS}
    for _ in range(options.rounds):
        for level, size in enumerate(LEVELS):
            given = inputs(size)
            for name, run in CONTENDERS.items():
                best[name][level] = [min(pair) for pair in zip(best[name][level], measure(run, given))]
    total = {name: [sum(level[i] for level in levels) for i in range(2)] for name, levels in best.items()}
    print(f'{"ms, all levels":16}{"forward":>10}{"backward":>10}{"both":>10}')
    for name, (forward, backward) in total.items():
        print(f'{name:16}{forward * 1e3:10.1f}{backward * 1e3:10.1f}{(forward + backward) * 1e3:10.1f}')
    theirs, ours = total['torchvision'], total['ours']
    ratios = [a / b for a, b in zip(theirs, ours)]
    print(f'{"times as fast":16}{ratios[0]:10.1f}{ratios[1]:10.1f}{sum(theirs) / sum(ours):10.1f}')


if __name__ == '__main__':
    main()

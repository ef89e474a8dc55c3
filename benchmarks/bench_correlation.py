"""Times the correlation operator's back ends at CMaskTrack R-CNN's shapes, forward and backward, in one run.

    python benchmarks/bench_correlation.py [--device cpu|cuda] [--threads 2] [--rounds 5] [--loop] [--json FILE]

Every round runs every contender once on every level, so that whatever else the machine does meets all of them; the
fastest round counts. `spatial-correlation-sampler` (PyPI) takes part where it is installed; ``--loop`` adds the loop of
shifted products that one writes first, which shows what the plain PyTorch back end is worth.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from mmdet.ops.backends import backends
from mmdet.ops.correlation import correlation, displacements

CHANNELS, PATCH, STEP = 256, 16, 2
LEVELS = ((96, 160), (48, 80), (24, 40), (12, 20), (6, 10))  # feature maps of a 640 x 384 input
Contender = Callable[[Tensor, Tensor], Tensor]


def shifted_products(input1: Tensor, input2: Tensor) -> Tensor:
    """The operator as a loop over displacements; autograd derives the backward pass."""
    shifts = displacements(PATCH, STEP)
    height, width = input1.shape[2:]
    padded = F.pad(input2, (-shifts[0], shifts[-1], -shifts[0], shifts[-1]))
    cells = []
    for dy in shifts:
        for dx in shifts:
            top, left = dy - shifts[0], dx - shifts[0]
            cells.append((input1 * padded[..., top : top + height, left : left + width]).sum(1))
    return torch.stack(cells, 1).view(-1, PATCH, PATCH, height, width)


def contenders(device: str, loop: bool) -> dict[str, Contender]:
    """What takes part, by the name that it is printed under."""

    def ours(backend: str) -> Contender:
        return lambda a, b: correlation(a, b, patch_size=PATCH, dilation_patch=STEP, backend=backend)

    native = 'cuda' if device == 'cuda' else 'cpp'
    found = {native: ours(native), 'torch': ours('torch')}
    if loop:
        found['loop of shifted products'] = shifted_products
    if device == 'cpu' and importlib.util.find_spec('spatial_correlation_sampler') is not None:
        from spatial_correlation_sampler import spatial_correlation_sample

        found['spatial-correlation-sampler'] = lambda a, b: spatial_correlation_sample(
            a, b, patch_size=PATCH, dilation_patch=STEP
        )
    return found


def _clock(device: str) -> float:
    if device == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(run: Contender, first: Tensor, second: Tensor, weight: Tensor) -> tuple[float, float]:
    """Seconds of one forward and one backward pass."""
    start = _clock(first.device.type)
    out = run(first, second)
    middle = _clock(first.device.type)
    torch.autograd.grad(out, (first, second), weight)
    return middle - start, _clock(first.device.type) - middle


def race(found: dict[str, Contender], device: str, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Best (forward, backward) seconds of every contender on every level."""
    best = {name: [(float('inf'), float('inf'))] * len(LEVELS) for name in found}
    for level, (height, width) in enumerate(LEVELS):
        first, second = (torch.randn(1, CHANNELS, height, width, device=device, requires_grad=True) for _ in range(2))
        weight = torch.randn(1, PATCH, PATCH, height, width, device=device)
        for name in (name for _ in range(rounds) for name in found):
            seconds = measure(found[name], first, second, weight)
            forward, backward = zip(best[name][level], seconds)
            best[name][level] = (min(forward), min(backward))
    return best


def copy_bandwidth(device: str) -> float:
    """Bytes per second that a large copy reads and writes; the limit that memory sets."""
    data, target = (torch.ones(2**26, device=device) for _ in range(2))  # fresh memory would cost page faults
    times = []
    for _ in range(10):
        start = _clock(device)
        target.copy_(data)
        times.append(_clock(device) - start)
    return 2 * data.numel() * data.element_size() / min(times)


def share_of_bandwidth(seconds: float, device: str) -> float:
    """Time that memory alone needs to move every input and output once, as part of the time taken."""
    pixels = sum(height * width for height, width in LEVELS)
    maps, volume = CHANNELS * pixels, PATCH * PATCH * pixels
    moved = 4 * (2 * maps + volume + 4 * maps + volume)  # forward; backward reads both maps and writes both gradients
    return moved / copy_bandwidth(device) / seconds


def main() -> None:
    """Runs the race and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--threads', type=int, default=2, help='CPU threads')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--loop', action='store_true', help='also time the loop of shifted products')
    parser.add_argument('--json', type=Path, help='also write every number here')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    best = race(contenders(args.device, args.loop), args.device, args.rounds)
    machine = torch.cuda.get_device_name() if args.device == 'cuda' else f'{platform.machine()}, {args.threads} threads'
    print(f'torch {torch.__version__}, {machine}; {backends()}')
    print(f'{CHANNELS} channels, patch {PATCH}, dilation {STEP}, float32, levels {LEVELS}, best of {args.rounds}')
    totals = {name: [1e3 * sum(column) for column in zip(*levels)] for name, levels in best.items()}
    ours = sum(totals[next(iter(totals))])
    for name, (forward, backward) in totals.items():
        total = forward + backward
        print(f'{name:28s} forward {forward:8.1f} ms  backward {backward:8.1f} ms  together {total / ours:6.2f} x')
    share = share_of_bandwidth(ours / 1e3, args.device)
    print(f'{next(iter(totals))} takes {share:.0%} of its time for the memory traffic that no program could avoid')
    if args.json:
        args.json.write_text(json.dumps({'levels': LEVELS, 'seconds': best, 'share_of_bandwidth': share}, indent=1))


if __name__ == '__main__':
    main()

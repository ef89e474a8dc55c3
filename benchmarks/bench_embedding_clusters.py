"""Milliseconds per frame of clustering pixels into instances, against the published procedure as a plain loop.

    python benchmarks/bench_embedding_clusters.py --objects 20 --frames 4

Both get the same made-up network output: ellipses whose pixels vote for their centres, with noise. Both work on the
candidate pixels only; the loop takes one frame after the other and asks the device for every decision. Label maps are
compared. One thread on a CPU.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mmdet.models import EmbeddingClusterer
from mmdet.models.embedding_maps import EmbeddingMaps, coordinate_map, split_prediction

SIZE = (375, 1242)
clock = time.process_time if not torch.cuda.is_available() else time.perf_counter  # busy machines: own time only
THRESHOLD, MIN_PIXELS = 0.94, 160


def scene(frames: int, objects: int, device: torch.device, seed: int = 0) -> EmbeddingMaps:
    """Maps of a trained network, made up."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    prediction = np.zeros((frames, 5, *SIZE), np.float32)
    prediction[:, 2:4], prediction[:, 4] = 1, -8
    for frame in prediction:
        for _ in range(objects):
            y, x = rng.uniform(120, SIZE[0] - 40), rng.uniform(40, SIZE[1] - 40)
            high, wide = rng.uniform(12, 60), rng.uniform(18, 90)
            distance = ((rows - y) / high) ** 2 + ((columns - x) / wide) ** 2
            inside = distance < 1
            count = int(inside.sum())
            offsets = np.stack([x - columns[inside], y - rows[inside]]) / 1024 * 0.9
            frame[:2, inside] = offsets + rng.normal(0, 0.001, (2, count))
            reach = np.log(np.log(2) / (np.array([wide, high]) / 1024 * 0.6) ** 2) / 10
            frame[2:4, inside] = reach[:, None] + rng.normal(0, 0.002, (2, count))
            near = np.exp(-np.log(2) * distance[inside] * 0.2).clip(0.501, 0.999)
            frame[4, inside] = np.log(near / (1 - near))
    grid = coordinate_map(*SIZE, device=device)
    return split_prediction(torch.from_numpy(prediction).to(device), 2, grid)


def plain_loop(maps: EmbeddingMaps, threshold: float, min_pixels: int) -> Tensor:
    """Label maps (T, H, W), frame by frame and object by object."""
    result = torch.zeros_like(maps.seeds[:, 0], dtype=torch.int64)
    for ids, votes, sigmas, seed in zip(result, maps.votes, maps.sigmas, maps.seeds[:, 0].sigmoid()):
        candidate = seed > 0.5
        votes, sigmas, seed = votes[:, candidate], sigmas[:, candidate], seed[candidate]
        free, own, count = torch.ones_like(seed, dtype=torch.bool), torch.zeros_like(seed, dtype=torch.int64), 0
        while free.sum() > min_pixels:
            best = int((seed * free).argmax())
            if seed[best] < threshold:
                break
            free[best] = False
            scale = (10 * sigmas[:, best : best + 1]).exp()
            near = (-((votes - votes[:, best : best + 1]).square() * scale).sum(0)).exp() > 0.5
            if near.sum() > min_pixels and free[near].sum() / near.sum() > 0.5:
                count += 1
                own[near] = count
            free[near] = False
        ids[candidate] = own
    return result


def best_time(call: Callable[[], Tensor], device: torch.device, repeats: int = 5) -> tuple[float, Tensor]:
    """Seconds of the fastest of some calls, after one to warm up, and the result."""
    result, times = call(), []
    for _ in range(repeats):
        if device.type == 'cuda':
            torch.cuda.synchronize()
        start = clock()
        result = call()
        if device.type == 'cuda':
            torch.cuda.synchronize()
        times.append(clock() - start)
    return min(times), result


def main() -> None:
    """Print one line per way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--frames', type=int, default=4)
    parser.add_argument('--objects', type=int, default=20, help='per frame')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(1)
    maps = scene(arguments.frames, arguments.objects, device)
    clusterers = {mode: EmbeddingClusterer(mode, THRESHOLD, MIN_PIXELS) for mode in ('compat', 'default')}

    def ours(mode: str) -> Callable[[], Tensor]:
        return lambda: clusterers[mode].label_maps(maps.votes, maps.sigmas, maps.seeds[:, 0].sigmoid())

    slow, expected = best_time(lambda: plain_loop(maps, THRESHOLD, MIN_PIXELS), device)
    found = {mode: best_time(ours(mode), device) for mode in clusterers}
    share = float((maps.seeds > 0).float().mean())
    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else platform.processor() or platform.machine()
    print(f'torch {torch.__version__}, {name}: {arguments.frames} frames of {SIZE[1]} x {SIZE[0]}, '
          f'{share:.0%} candidate pixels, {expected.amax((1, 2)).float().mean():.1f} objects found per frame')
    print(f'{"plain loop":12} {slow / arguments.frames * 1e3:8.2f} ms per frame')
    for mode, (seconds, result) in found.items():
        same = f', same maps: {torch.equal(result, expected)}' if mode == 'compat' else ''
        print(f'{mode:12} {seconds / arguments.frames * 1e3:8.2f} ms per frame, {slow / seconds:.1f} x{same}')


if __name__ == '__main__':
    main()

"""Frames per second of SiamMask with several objects: all in one batch, against the tracker run once per object.

    python benchmarks/bench_siammask.py configs/siammask_sharp_r50_davis.py --objects 1 4 8 --frames 12

Random weights; the frames are in memory, and everything from frame to masks counts. Both ways run in turn on the same
frames, and a warm-up frame of each is left out.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from typing import Any

import cv2
import numpy as np
import torch

from mmdet.apis import init_model
from mmdet.structures import FrameSample, InstanceData


def scene(frames: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    """Smooth random pictures (T, 3, H, W) uint8 that drift to the right."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.integers(0, 255, (height // 16, width // 8, 3), dtype=np.uint8), (2 * width, height))
    shots = np.stack([picture[:, 2 * t : 2 * t + width] for t in range(frames)])
    return torch.from_numpy(np.ascontiguousarray(shots.transpose(0, 3, 1, 2)))


def boxes_of(objects: int, height: int, width: int) -> torch.Tensor:
    """(N, 4) boxes spread over the frame."""
    rng = np.random.default_rng(1)
    size = rng.uniform(0.1, 0.25, (objects, 2)) * (width, height)
    corner = rng.uniform(0, 1, (objects, 2)) * ((width, height) - size)
    return torch.from_numpy(np.concatenate([corner, corner + size], 1))


def seconds(model: Any, frames: torch.Tensor, boxes: torch.Tensor) -> float:
    """Time of all frames after the first two: the objects are marked in the first, and the second warms up."""
    session, started = model.start_video(), 0.0
    size = tuple(frames.shape[-2:])
    for index, frame in enumerate(frames):
        sample = FrameSample(metainfo=dict(video_id=1, frame_id=index, ori_shape=size, img_shape=size))
        if index == 0:
            sample.prompts = InstanceData(bboxes=boxes, instance_ids=torch.arange(len(boxes)))
        if index == 2:
            started = time.perf_counter()
        session.step(frame[None], [sample])
    return time.perf_counter() - started


def main() -> None:
    """Print one line per number of objects."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('config')
    parser.add_argument('--objects', type=int, nargs='+', default=[1, 4, 8])
    parser.add_argument('--frames', type=int, default=12)
    parser.add_argument('--size', type=int, nargs=2, default=[480, 854], metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--device', default='auto')
    parser.add_argument('--threads', type=int, help="CPU threads (default: PyTorch's)")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = init_model(options.config, device=options.device)
    device = next(model.parameters()).device
    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else platform.processor() or platform.machine()
    print(f'{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, PyTorch {torch.__version__}')
    frames = scene(options.frames + 2, *options.size)
    seconds(model, frames[:4], boxes_of(max(options.objects), *options.size))
    for count in options.objects:
        boxes = boxes_of(count, *options.size)
        together = seconds(model, frames, boxes)
        apart = sum(seconds(model, frames, box[None]) for box in boxes)
        print(
            f'{count} objects: {options.frames / together:7.2f} frames/s in one batch, {options.frames / apart:7.2f} '
            f'one after the other: {apart / together:.2f} times as fast'
        )


if __name__ == '__main__':
    main()

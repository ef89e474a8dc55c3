"""Time of PointTrack's association per frame, against the same computed instance by instance.

    python benchmarks/bench_pointtrack.py --instances 20 --frames 4
    python benchmarks/bench_pointtrack.py --device cuda

Sampling of points, their embedding and the matching with the tracks, on masks of 375 x 1242 pixels whose areas are
spread as in crowded KITTI frames (quartiles 370, 800 and 2,200 pixels). Both sides use the same weights and draw the
same points; the largest difference of their embeddings is printed. CPU time of one thread, or seconds on a GPU; the
detector is not part of it.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional

from mmdet.geometry import BoxConvention
from mmdet.models import Clip, PointTrackHead
from mmdet.models.track_heads.point_track_head import frame_generator
from mmdet.models.track_heads.points.network import ONE_HOT, SLOPE, PointLayers
from mmdet.models.track_heads.points.position import encode_positions
from mmdet.models.track_heads.points.sampling import DRAWS
from mmdet.ops.rle import encode
from mmdet.structures import BitmapMasks, FrameSample, InstanceData
from mmdet.trackers import PointTrackTracker

HEIGHT, WIDTH = 375, 1242
MEDIAN_AREA, SPREAD = 800, 1.3  # log-normal


class Scene:
    """Ellipses that drift over noise, T frames."""

    def __init__(self, instances: int, frames: int, seed: int = 0, device: str = 'cpu') -> None:
        rng = np.random.default_rng(seed)
        centre = rng.uniform((40, 60), (WIDTH - 40, HEIGHT - 60), (instances, 2))
        radius = np.sqrt(np.exp(rng.normal(np.log(MEDIAN_AREA), SPREAD, instances)).clip(30, 20000) / np.pi)
        self.clips, self.detections = [], []
        for frame in range(frames):
            centre = centre + rng.normal(0, 2, centre.shape)
            masks = np.zeros((instances, HEIGHT, WIDTH), np.uint8)
            for mask, place, size in zip(masks, centre, radius):
                axes = (int(size * 1.4), int(size / 1.4))
                cv2.ellipse(mask, tuple(place.astype(int).tolist()), axes, 0, 0, 360, 1, -1)
            image = torch.from_numpy(rng.integers(0, 256, (1, 3, HEIGHT, WIDTH), dtype=np.uint8))
            self.clips.append(Clip(image.float().to(device), [_sample(frame, frames)], (), BoxConvention(), image))
            self.detections.append(_detections(masks.astype(bool), device))


def _sample(frame: int, frames: int) -> FrameSample:
    shape = (HEIGHT, WIDTH)
    meta = dict(video_id=1, frame_id=frame, video_length=frames, ori_shape=shape, img_shape=shape, sample_seed=0)
    return FrameSample(metainfo=dict(**meta, scale_factor=(1.0, 1.0), flip=False))


def _detections(masks: np.ndarray, device: str) -> InstanceData:
    found = InstanceData()
    boxes = coco_mask.toBbox([encode(mask) for mask in masks])
    found.bboxes = torch.from_numpy(np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)).float()
    found.labels, found.scores = torch.arange(len(masks)) % 2, torch.ones(len(masks))
    found.masks = BitmapMasks(torch.from_numpy(masks).to(device), (HEIGHT, WIDTH))
    return found


class PlainNetwork:
    """The head's network as one-point convolutions with batch norms of their own, on one instance at a time."""

    def __init__(self, head: PointTrackHead) -> None:
        network = head.network
        self.own, self.around = network.foreground, network.context
        self.attention, self.hidden, self.output = network.foreground.attention, network.hidden, network.output

    def __call__(self, points: Tensor, around: Tensor, shape: Tensor) -> Tensor:
        """(1, 5, P) points, (1, 8, C) points around and (1, 4) box to a vector (1, D)."""
        own, context = self.own, self.around
        features = torch.cat([_run(own.offsets, points[:, 3:5]), _run(own.colours, points[:, :3])], 1)
        mean, maximum = _run(own.mean_path, features), _run(own.max_path, features)
        joined = torch.cat([mean, maximum], 1)
        weights = functional.conv1d(joined, self.attention.weight[..., None], self.attention.bias).softmax(2)
        parts = [_run(context.offsets, around[:, 3:5]), _run(context.colours, around[:, :3])]
        fused = _run(context.fuse, torch.cat([*parts, _run(context.kinds, around[:, 5:])], 1))
        pooled = [mean.mean(2), maximum.amax(2), (features * weights).sum(2), fused.amax(2), encode_positions(shape)]
        return self.output(functional.leaky_relu(self.hidden(torch.cat(pooled, 1)), SLOPE))


def _run(layers: PointLayers, x: Tensor) -> Tensor:
    for layer in layers:
        x = functional.conv1d(x, layer.linear.weight[..., None], layer.linear.bias)
        norm: nn.BatchNorm1d | None = layer.norm
        x = functional.leaky_relu(norm(x) if norm is not None else x, SLOPE)
    return x


def plain_points(
    masks: np.ndarray, labels: np.ndarray, image: np.ndarray, row: int, draws: np.ndarray, split: int
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Points of one instance, those around it and its box, drawn from arrays of the size of its window."""
    rows, columns = np.nonzero(masks[row])
    y1, y2, x1, x2 = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    grow_y, grow_x = int((y2 - y1) * 0.2), int((x2 - x1) * 0.2)
    window = slice(max(y1 - grow_y, 0), y2 + grow_y), slice(max(x1 - grow_x, 0), x2 + grow_x)
    kinds = np.zeros(masks[row][window].shape, np.int64)
    for other in range(len(masks)):
        if other != row:
            kind = 2 if labels[other] == labels[row] else 1
            kinds[masks[other][window]] = np.maximum(kinds, kind)[masks[other][window]]
    own = np.stack([rows, columns], 1)
    around = np.stack(np.nonzero(~masks[row][window]), 1)
    mean = own.mean(0)
    picked = own[draws[:split] % len(own)]
    outside = around[draws[split:] % len(around)]
    categories = np.array(ONE_HOT)[kinds[outside[:, 0], outside[:, 1]]]
    outside = outside + (window[0].start, window[1].start)
    points = np.concatenate([image[picked[:, 0], picked[:, 1]] / 255, (picked - mean) / 128], 1)
    context = np.concatenate([image[outside[:, 0], outside[:, 1]] / 255, (outside - mean) / 128, categories], 1)
    return points, context, [x1 / WIDTH, y1 / HEIGHT, x2 / WIDTH, y2 / HEIGHT]


def plain_sets(head: PointTrackHead, clip: Clip, detections: InstanceData) -> list[tuple]:
    """Points of every instance, one after the other."""
    masks, labels = detections.masks.to_dense().cpu().numpy(), detections.labels.numpy()
    image = np.ascontiguousarray(clip.frames[0].permute(1, 2, 0).numpy())  # type: ignore[index]
    split, total = head.sampler.num_foreground, head.sampler.num_foreground + head.sampler.num_context
    draws = torch.randint(DRAWS, (len(masks), total), generator=frame_generator(clip.samples[0])).numpy()
    return [plain_points(masks, labels, image, row, draws[row], split) for row in range(len(masks))]


def plain_embed(network: PlainNetwork, sets: list[tuple], device: str) -> Tensor:
    """Embeddings (N, D), one instance after the other."""
    vectors = []
    for points, context, (x1, y1, x2, y2) in sets:
        shape = torch.tensor([[(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]]).float().to(device)
        both = (torch.from_numpy(part.T[None]).float().to(device) for part in (points, context))
        vectors.append(network(*both, shape))
    return torch.cat(vectors)


def plain_match(
    vectors: np.ndarray, masks: list, tracks: tuple[np.ndarray, list], tracker: PointTrackTracker
) -> np.ndarray:
    """Pairs of detections and tracks, every score computed on its own."""
    scale, offset, limit, weight = tracker.factors(np.zeros(1, np.int64))[:, 0]
    scores = np.zeros((len(vectors), len(tracks[0])))
    for i, vector in enumerate(vectors):
        for j, other in enumerate(tracks[0]):
            overlap = coco_mask.iou([masks[i]], [tracks[1][j]], [0])[0, 0]
            scores[i, j] = scale * (offset - np.linalg.norm(vector - other)) + weight * overlap
    return np.stack(linear_sum_assignment(np.where(scores > limit, scores.max() - scores, 1e9)))


def timed(work: Callable[[], Any], device: str) -> tuple[float, Any]:
    """Milliseconds of CPU time, or of the clock where a GPU works, and the result."""
    clock = time.process_time if device == 'cpu' else time.perf_counter
    start = clock()
    result = work()
    if device != 'cpu':
        torch.cuda.synchronize()
    return (clock() - start) * 1e3, result


@torch.no_grad()
def compare(head: PointTrackHead, scene: Scene, device: str) -> None:
    """Print both sides' time per frame, the median of all frames but the first, and how far their results are apart."""
    network, tracker = PlainNetwork(head), PointTrackTracker()
    tracks: tuple[np.ndarray, list] | None = None
    times, apart = [], 0.0
    for clip, detections in zip(scene.clips, scene.detections):
        rles = detections.masks.with_tensors(detections.masks.bitmaps.cpu()).to_rle()
        draw, _ = timed(partial(head.points_of, clip, 0, detections), device)
        both, (vectors,) = timed(partial(head.embed, clip, [detections]), device)
        plain_draw, sets = timed(partial(plain_sets, head, clip, detections), device)
        plain_net, others = timed(partial(plain_embed, network, sets, device), device)
        apart = max(apart, (vectors - others).abs().max().item())
        tracked = detections.new()
        for name, value in detections.items():
            setattr(tracked, name, value)
        tracked.masks, tracked.embeddings = rles, vectors.cpu()
        match, _ = timed(partial(tracker.update, tracked, clip.samples[0]), device)
        state = tracks or (others.cpu().numpy(), rles)
        plain_pairs, _ = timed(partial(plain_match, others.cpu().numpy(), rles, state, tracker), device)
        tracks = (others.cpu().numpy(), rles)
        times.append([draw, both - draw, match, plain_draw, plain_net, plain_pairs])
    report(np.median(times[1:], 0), apart)


def report(median: np.ndarray, apart: float) -> None:
    """Print a table of (6,) milliseconds: points, vectors and matching of ours, then of the other side."""
    ours, plain = median[:3], median[3:]
    print(f'{"ms per frame":22s} {"points":>8s} {"vectors":>8s} {"matching":>8s} {"sum":>8s}')
    for name, row in (('instance by instance', plain), ('all together', ours)):
        print(f'{name:22s} ' + ' '.join(f'{value:8.1f}' for value in (*row, row.sum())))
    ratios = (*(plain / ours), plain.sum() / ours.sum())
    print(f'{"times as fast":22s} ' + ' '.join(f'{ratio:8.1f}' for ratio in ratios))
    print(f'embeddings differ by {apart:.1e} at most')


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--instances', type=int, default=20)
    parser.add_argument('--frames', type=int, default=4)
    parser.add_argument('--seed', type=int, default=0, help='of the scene')
    parser.add_argument('--foreground', type=int, default=1000, help='points on an instance')
    parser.add_argument('--context', type=int, default=500, help='points around it')
    parser.add_argument('--base-channels', type=int, default=64, help='width of the network')
    parser.add_argument('--dtype', default='float32', help='what our side computes in: float32, bfloat16 or float16')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    head = PointTrackHead(options.foreground, options.context, options.base_channels, dtype=options.dtype)
    head = head.eval().to(options.device)
    print(
        f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, '
        f'{options.device} {options.dtype}; {options.instances} instances in {HEIGHT} x {WIDTH}'
    )
    compare(head, Scene(options.instances, max(options.frames, 2), options.seed, options.device), options.device)


if __name__ == '__main__':
    main()

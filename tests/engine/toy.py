"""A model and data set small enough to train in milliseconds, which still draw random numbers everywhere.

Imported by conftest.py, and run as a script by tests that need processes of their own:

    python toy.py WORK_DIR [--gpus N] [--resume] [--steps N] [--sleep S] [--bad-rank R] [--die-rank R]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.structures import InstanceData
from torch import nn
from torch.utils.data import DataLoader

from mmdet.datasets.base import ChunkIndex, TrainIndex
from mmdet.datasets.loader import collate_clips
from mmdet.datasets.samplers import ChunkSampler, ClipBatchSampler
from mmdet.engine.cli import EXIT_STOPPED, run
from mmdet.engine.distributed import join_processes
from mmdet.engine.launch import launch, must_launch
from mmdet.engine.random_state import seed_everything
from mmdet.engine.train_log import set_up_logging
from mmdet.engine.trainer import Trainer
from mmdet.registry import DATASETS, HOOKS, METRICS, MODELS
from mmdet.structures import FrameSample


@DATASETS.register_module(force=True)
class ToyData(torch.utils.data.Dataset):
    """Clips of one frame whose pixels are a pure function of seed, epoch and index."""

    classes = ('thing',)
    category_ids = (1,)
    ann_file = 'toy.json'

    def __init__(self, length: int = 12, test_mode: bool = False, has_annotations: bool = True) -> None:
        self.length, self.test_mode, self.has_annotations = length, test_mode, has_annotations
        self.key_sizes = np.ones((length, 2), dtype=int)
        self.videos = [SimpleNamespace(id=10 + i, length=2 + i, height=4, width=6) for i in range(3)]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index):
        if isinstance(index, ChunkIndex):
            video = self.videos[index.video]
            frames = range(index.start, index.stop)
            samples = [self.sample(video.id, t, video.length) for t in frames]
            return {'inputs': torch.zeros(len(frames), 3, 4, 6, dtype=torch.uint8), 'data_samples': samples}
        assert isinstance(index, TrainIndex)
        rng = np.random.default_rng([index.seed, index.epoch, index.index])
        image = torch.from_numpy(rng.integers(0, 255, (1, 3, 4, 6), dtype=np.uint8))
        return {'inputs': image, 'data_samples': [self.sample(7, index.index, self.length)]}

    @staticmethod
    def sample(video_id, frame_id, length) -> FrameSample:
        meta = {'video_id': video_id, 'frame_id': frame_id, 'video_length': length, 'ori_shape': (4, 6)}
        return FrameSample(metainfo={**meta, 'img_path': f'toy/{video_id}/{frame_id}.jpg'})


@MODELS.register_module(force=True)
class ToyModel(nn.Module):
    """Two layers; draws from python's, numpy's and torch's generators in every step."""

    def __init__(self, noise: bool = True) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.3 if noise else 0.0), nn.Linear(8, 2))
        self.noise, self.steps = noise, 0
        self.losses = None  # a test may put a function here: (step, losses) -> losses

    def forward(self, inputs, data_samples, mode='loss'):
        self.steps += 1
        if mode == 'predict':
            return [predicted(sample) for sample in data_samples[0]]
        pixels = torch.cat([clip.float().mean((-1, -2)) for clip in inputs]) / 255
        out = self.layers(pixels)
        scale = random.random() + np.random.rand() if self.noise else 1.0
        losses = {'loss_a': (out**2).mean() * scale, 'loss_b': [out.abs().mean()], 'acc': out.detach().mean()}
        return self.losses(self.steps, losses) if self.losses else losses


def predicted(sample: FrameSample) -> FrameSample:
    """One detection, which is also a track, per frame."""
    found = InstanceData()
    found.bboxes = torch.tensor([[0.0, 0.0, 2.0, 2.0]]) + sample.frame_id
    found.labels, found.scores = torch.tensor([0]), torch.tensor([0.5])
    found.masks = [{'size': [4, 6], 'counts': '0220`0'}]  # rows 0 and 1 of columns 0 and 1
    found.embeddings = torch.full((1, 3), float(sample.frame_id))
    result = FrameSample(metainfo=sample.metainfo)
    result.pred_instances = found
    tracks = found.clone()
    tracks.instance_ids = torch.tensor([3])
    result.pred_tracks = tracks
    return result


@METRICS.register_module(force=True)
class ToyMetric:
    """Counts what it is given."""

    def evaluate(self, results, dataset):
        lengths = [result.length for result in results]
        return {'videos': float(len(lengths)), 'frames': float(sum(lengths))}

    def export(self, results, dataset, path):
        Path(path).write_text(json.dumps([result.video_id for result in results]))
        return path


@HOOKS.register_module(force=True)
class SignalAt(Hook):
    """Sends this process a signal after an iteration."""

    def __init__(self, iteration: int, number: int) -> None:
        self.iteration, self.number = iteration, number

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration:
            os.kill(os.getpid(), self.number)


def toy_config(work_dir, **changes) -> Config:
    """A run of 10 iterations in epochs of 4."""
    config = {
        'work_dir': str(work_dir),
        'seed': 3,
        'train_cfg': {'max_iters': 10},
        'optim_wrapper': {
            'type': 'OptimWrapper',
            'optimizer': {'type': 'AdamW', 'lr': 0.01},
            'clip_grad': {'max_norm': 1.0},
        },
        'param_scheduler': [
            {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'begin': 0, 'end': 6},
            {'type': 'MultiStepLR', 'by_epoch': True, 'milestones': [1, 2], 'gamma': 0.5},
        ],
        'log_cfg': {'interval': 1, 'tensorboard': False},
        'model': {},
    }
    return Config({**config, **changes})


def train_loader(process, batch_size=3, length=12, workers=0, seed=3) -> DataLoader:
    """Loader with the project's own sampler."""
    data = ToyData(length)
    sampler = ClipBatchSampler(data, batch_size, seed, rank=process.rank, world_size=process.world_size)
    return DataLoader(data, batch_sampler=sampler, collate_fn=collate_clips, num_workers=workers)


def test_loader(process, chunk_size=2) -> DataLoader:
    """Loader of three videos of 2, 3 and 4 frames."""
    data = ToyData()
    sampler = ChunkSampler(data, chunk_size, process.rank, process.world_size)
    return DataLoader(data, batch_sampler=sampler, collate_fn=collate_clips)


def make_trainer(config, process, loader=None, hooks=(), validator=None, noise=True) -> Trainer:
    """Seed and build as the real builder does."""
    seed_everything(config.seed)
    model = ToyModel(noise)
    seed_everything(config.seed + process.rank)
    return Trainer(config, process, model, loader or train_loader(process), validator, hooks)


def main(argv=None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument('work_dir')
    parser.add_argument('--gpus', type=int, default=1)
    parser.add_argument('--steps', type=int, default=10)
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--sleep', type=float, default=0.0)
    parser.add_argument('--resume', action='store_true')
    parser.add_argument('--bad-rank', type=int)
    parser.add_argument('--die-rank', type=int)
    args = parser.parse_args(argv)
    if must_launch(args.gpus):
        return launch(args.gpus, sys.argv)
    process = join_processes(timeout=60)
    config = toy_config(args.work_dir, train_cfg={'max_iters': args.steps})
    set_up_logging(process, Path(args.work_dir))
    trainer = make_trainer(config, process, train_loader(process, args.batch // process.world_size), noise=False)

    def losses(step, values):
        time.sleep(args.sleep)
        if step == 3 and args.die_rank == process.rank:
            os._exit(9)
        if step == 3 and args.bad_rank == process.rank:
            values['loss_a'] = values['loss_a'] * float('nan')
        return values

    trainer.state.model.losses = losses
    done = trainer.train(Path(args.work_dir) if args.resume else None)
    return 0 if done else EXIT_STOPPED


if __name__ == '__main__':
    given = globals().get('GIVEN')  # from conftest.py, which starts ranks without a command line
    if given:
        os.environ.update(given['environment'])
        for stream in (1, 2):
            os.dup2(os.open(given['output'], os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        sys.argv = ['toy.py', *given['arguments']]
    run(main)

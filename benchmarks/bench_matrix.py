"""Every detector with every track head and every tracker: what runs is scored, what cannot run says why.

    python benchmarks/bench_matrix.py configs/masktrack_rcnn_r18_fpn_shapes.py CHECKPOINT --out matrix.md

The config's test set needs ground truth. AP ranks mask tracks by their score; HOTA, of masks too, takes every track as
it is, so it says more of who is confused with whom. Detector and track head of the config take their weights from the
checkpoint; detections are stored once, with embeddings, for the detector that reads them from files. An appearance
network is added with `--reid-config` and `--reid-checkpoint`. Rows that share detections differ in nothing but the
tracker.
"""

from __future__ import annotations

import argparse
import copy
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmdet.checkpoints import load_file
from mmdet.checkpoints.state import state_dict_of
from mmdet.datasets.loader import build_test_loader
from mmdet.engine.build import CHUNK_SIZE, build_metrics
from mmdet.engine.config import load_config
from mmdet.engine.detection_dump import DetectionDump
from mmdet.engine.distributed import Process
from mmdet.engine.video_test import VideoTester, require_annotations
from mmdet.errors import ConfigError, IncompatibleSlotsError
from mmdet.files import write_text
from mmdet.registry import MODELS, register_all

TRACKERS: dict[str, dict[str, Any] | None] = {
    'MaskTrack': None,  # the config's own
    'DeepSORT': dict(type='DeepSORTTracker', n_init=1, max_age=20, min_confidence=0.05, nms_max_overlap=1.0),
    'ByteTrack': dict(type='ByteTracker', high_threshold=0.3, low_threshold=0.05, new_threshold=0.4, max_age=10),
    'OC-SORT': dict(type='OCSORTTracker', min_confidence=0.1, min_hits=0, max_age=10),
    'SORT': dict(type='SORTTracker', min_hits=0, max_age=10),
    'IoU': dict(type='IoUTracker'),
    'IoU of masks': dict(type='IoUTracker', overlap='mask'),
}
COLUMNS = ('AP', 'AP50', 'HOTA')


@dataclass
class Row:
    """One combination: numbers, or the reason why there are none."""

    detector: str
    head: str
    tracker: str
    numbers: dict[str, float] | None = None
    remark: str = ''

    def line(self) -> str:
        """The row as markdown."""
        cells = [f'{self.numbers[name]:.4f}' for name in COLUMNS] if self.numbers else [''] * len(COLUMNS)
        return '| ' + ' | '.join([self.detector, self.head, self.tracker, *cells, self.remark]) + ' |'


def heads(config: Config, reid_config: str | None) -> dict[str, dict | None]:
    """Track heads by name; None for an empty slot."""
    found: dict[str, dict | None] = {'none': None, config.model.track_head.type: config.model.track_head.to_dict()}
    embedder = load_config(reid_config).model.embedder.to_dict() if reid_config else {}
    found['ReIDTrackHead'] = {'type': 'ReIDTrackHead', 'embedder': embedder}
    return found


def detectors(config: Config, stored: Path) -> dict[str, dict]:
    """Detectors by name."""
    files = {'type': 'PrecomputedDetector', 'path': str(stored)}
    return {
        config.model.detector.type: config.model.detector.to_dict(),
        'PrecomputedDetector': {**files, 'use_embeddings': False},
        'PrecomputedDetector, embeddings stored': files,
    }


class Weights:
    """Fills the slots of a model that have weights."""

    def __init__(self, checkpoint: str, reid_checkpoint: str | None) -> None:
        self.state = state_dict_of(load_file(checkpoint), checkpoint)
        self.reid = state_dict_of(load_file(reid_checkpoint), reid_checkpoint) if reid_checkpoint else None

    def fill(self, model: torch.nn.Module) -> list[str]:
        """Load what fits; names of tensors that stay random."""
        own = model.state_dict()
        fitting = {k: v for k, v in self.state.items() if k in own and v.shape == own[k].shape}
        head: Any = model.track_head
        if self.reid is not None and hasattr(head, 'own_state'):
            fitting.update({f'track_head.{key}': value for key, value in head.own_state(self.reid).items()})
        model.load_state_dict(fitting, strict=False)
        return [key for key in own if key not in fitting and not key.endswith('num_batches_tracked')]


def run(model: torch.nn.Module, config: Config, dump: DetectionDump | None = None) -> dict[str, float]:
    """Numbers of one model on the config's test set."""
    loader = build_test_loader(config.test_dataloader, (config.get('test_cfg') or {}).get('chunk_size', CHUNK_SIZE))
    require_annotations(loader.dataset)
    process = Process()
    with tempfile.TemporaryDirectory() as folder:
        metrics = build_metrics(config.test_evaluator) + build_metrics(dict(type='MOTMetric', overlap='masks'))
        tester = VideoTester(model.to(process.device), loader, process, Path(folder), metrics, dump)
        return tester.run() or {}


def store_detections(config: Config, weights: Weights, folder: Path) -> None:
    """Write the detections of the config's own model, with embeddings."""
    model = MODELS.build(config.model)
    random = weights.fill(model)
    if random:
        raise ConfigError(f'the checkpoint does not fill the model of the config: {", ".join(random[:5])}, ...')
    run(model, config, DetectionDump(folder, config.model.track_head.type))


def rows(config: Config, weights: Weights, stored: Path, reid_config: str | None) -> Iterator[Row]:
    """All combinations, one after the other."""
    for detector, detector_config in detectors(config, stored).items():
        for head, head_config in heads(config, reid_config).items():
            for tracker, tracker_config in TRACKERS.items():
                slots = dict(detector=detector_config, track_head=head_config, tracker=tracker_config)
                yield _row(Row(detector, head, tracker), config, slots, weights)


def _row(row: Row, config: Config, slots: dict[str, Any], weights: Weights) -> Row:
    head = slots['track_head']
    if head and head['type'] not in MODELS.module_dict:
        row.remark = f'skipped: there is no {head["type"]} in this version'
        return row
    if head and head.get('embedder') == {}:
        row.remark = 'skipped: needs --reid-config'
        return row
    slots = {name: copy.deepcopy(value) for name, value in slots.items()}
    slots['tracker'] = slots['tracker'] or config.model.tracker.to_dict()
    try:
        model = MODELS.build({**config.model.to_dict(), **slots})
    except IncompatibleSlotsError as error:
        row.remark = f'impossible: {error}'
        return row
    random = weights.fill(model)
    row.numbers = run(model, config)
    row.remark = f'{len(random)} tensors are random, such as {random[0]}' if random else ''
    return row


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('config', help='config with a detector, a track head and MaskTrackTracker')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--reid-config', metavar='CONFIG', help='config of an appearance network for ReIDTrackHead')
    parser.add_argument('--reid-checkpoint', metavar='FILE', help='its weights')
    parser.add_argument('--detections', metavar='DIR', help='stored detections; made in a temporary folder without')
    parser.add_argument('--out', metavar='FILE', help='write the table here too')
    args = parser.parse_args()
    config = load_config(args.config)
    register_all()
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    weights = Weights(args.checkpoint, args.reid_checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(args.detections or folder)
        if not args.detections:
            store_detections(config, weights, stored)
        heads_of_columns = ['detector', 'track head', 'tracker', *COLUMNS, 'remark']
        lines = ['| ' + ' | '.join(heads_of_columns) + ' |', '|' + ' --- |' * len(heads_of_columns)]
        print('\n'.join(lines))
        for row in rows(config, weights, stored, args.reid_config):
            lines.append(row.line())
            print(lines[-1], flush=True)
    if args.out:
        write_text(args.out, '\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()

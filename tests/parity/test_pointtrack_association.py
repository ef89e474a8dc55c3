"""PointTrack's association against the original: same similarities, identities and result lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.ops.rle import encode
from mmdet.structures import FrameSample, InstanceData, empty_instances
from mmdet.trackers import PointTrackTracker
from mmdet.trackers.observation import observe


@pytest.fixture(scope='module')
def folder(parity_dir: Path) -> Path:
    return parity_dir / 'pointtrack_association'


@pytest.fixture(scope='module')
def data(folder: Path) -> dict[str, Any]:
    return dict(
        meta=json.loads((folder / 'meta.json').read_text()),
        inputs=dict(np.load(folder / 'inputs.npz')),
        expected=json.loads((folder / 'expected.json').read_text()),
        similarity=dict(np.load(folder / 'expected_similarity.npz')),
    )


def _tracker(settings: dict) -> PointTrackTracker:
    return PointTrackTracker(
        distance_scale=settings['distance_scale'],
        distance_offset=settings['distance_offset'],
        threshold=settings['association_threshold'],
        overlap_weight=settings['mask_overlap_weight'],
        keep_alive=settings['keep_alive_frames'],
        stale_overlap=True,
    )


def _detections(embeddings: np.ndarray, masks: np.ndarray) -> InstanceData:
    if not len(masks):
        return empty_instances()
    found = InstanceData()
    rows, columns = masks.any(2), masks.any(1)
    found.bboxes = torch.tensor(
        [[c.argmax(), r.argmax(), len(c) - c[::-1].argmax(), len(r) - r[::-1].argmax()] for r, c in zip(rows, columns)]
    ).float()
    found.labels, found.scores = torch.zeros(len(masks), dtype=torch.int64), torch.ones(len(masks))
    found.embeddings = torch.from_numpy(embeddings)
    found.masks = [encode(mask) for mask in masks]
    return found


def _run(data: dict[str, Any], name: str) -> tuple[list[list[int]], dict[str, str], float]:
    """Identities per frame, result lines per video, and the largest difference of a similarity."""
    inputs, settings = data['inputs'], data['meta']['scenarios'][name]['settings']
    tracker = _tracker(settings)
    stops = np.cumsum(inputs[f'{name}/count'])
    ids, lines, worst, video = [], {}, 0.0, None
    for t, (number, of, stop) in enumerate(zip(inputs[f'{name}/frame_number'], inputs[f'{name}/video'], stops)):
        if of != video:
            tracker.reset()
            video, seen = of, set()
        rows = slice(stop - inputs[f'{name}/count'][t], stop)
        found = _detections(inputs[f'{name}/embeddings'][rows], inputs[f'{name}/masks'][rows])
        sample = FrameSample(metainfo=dict(video_id=int(of), frame_id=int(number)))
        expected = data['similarity'].get(f'{name}/similarity_{t}')
        if expected is not None:
            tracker._forget(int(number))
            scores = tracker.scores(observe(found, sample, tracker.requires), int(number))
            assert scores.shape == expected.shape
            worst = max(worst, float(np.abs(scores - expected).max(initial=0)))
        tracks = tracker.update(found, sample)
        ids.append(tracks.instance_ids.tolist())
        order = sorted(range(len(ids[-1])), key=lambda row: ids[-1][row] not in seen)  # matched ones first
        seen |= set(ids[-1])
        for row in order:
            mask = tracks.masks[row]
            place = f'{number} {ids[-1][row]} {settings["class_id"]}'
            line = f'{place} {mask["size"][0]} {mask["size"][1]} {mask["counts"]}'
            lines.setdefault(int(of), []).append(line)
    return ids, {k: '\n'.join(v) for k, v in lines.items()}, worst


def test_scenarios(data: dict[str, Any]) -> None:
    assert data['meta']['scenarios'].keys() == data['expected'].keys()
    for name, expected in data['expected'].items():
        ids, lines, worst = _run(data, name)
        assert ids == expected['track_ids_per_frame'], name
        assert worst <= 1e-5, name
        texts = {int(file.removesuffix('.txt')): text.strip() for file, text in expected['exported_text'].items()}
        theirs = [texts[video] for video in sorted(texts) if texts[video]]
        assert [lines[video] for video in sorted(lines)] == theirs, name

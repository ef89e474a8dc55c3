"""MaskTrack R-CNN against mmdetection 3: same weights through the converter, same detections and identities."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from mmdet.checkpoints import convert, load_weights
from mmdet.datasets import YouTubeVISDataset
from mmdet.datasets.base import ChunkIndex
from mmdet.engine.config import load_config
from mmdet.registry import MODELS, register_all

BOX_TOLERANCE, SCORE_TOLERANCE, IOU_TOLERANCE = 0.05, 1e-4, 0.995


def _stand_in_checkpoint(folder: Path, meta: dict, parity_dir: Path) -> dict:
    spec = importlib.util.spec_from_file_location('stand_in_weights', parity_dir / 'stand_in_weights.py')
    module: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    keys = [row[:2] for row in json.loads((folder / 'keys.json').read_text())]
    weights = module.checkpoint(keys, meta['seed'], meta['gains'], meta['centred'])
    if (folder / 'overrides.npz').exists():
        weights.update(np.load(folder / 'overrides.npz'))
    return {key: torch.from_numpy(np.asarray(value)) for key, value in weights.items()}


def _dataset(folder: Path, meta: dict, work: Path, pipeline: list) -> YouTubeVISDataset:
    import cv2

    height, width = cv2.imread(str(folder / 'frames' / meta['frames'][0])).shape[:2]
    video = dict(id=1, width=width, height=height, length=len(meta['frames']), file_names=meta['frames'])
    categories = [dict(id=i + 1, name=f'class {i}') for i in range(40)]
    annotations = dict(videos=[video], categories=categories, annotations=None)
    (work / 'video.json').write_text(json.dumps(annotations))
    return YouTubeVISDataset(
        ann_file=str(work / 'video.json'), img_prefix=str(folder / 'frames'), pipeline=pipeline, test_mode=True
    )


@pytest.fixture(scope='module')
def run(parity_dir: Path, repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Our detections and tracks of every frame, and what is expected of them."""
    folder, work = parity_dir / 'mmdet3_masktrack', tmp_path_factory.mktemp('mmdet3')
    meta = json.loads((folder / 'meta.json').read_text())
    config = load_config(repo_root / 'configs/masktrack_rcnn_r50_fpn_12e_youtubevis2019.py')
    torch.save({'state_dict': _stand_in_checkpoint(folder, meta, parity_dir), 'meta': {}}, work / 'mmdet3.pth')
    convert(work / 'mmdet3.pth', work / 'ours.safetensors')
    register_all()
    model = MODELS.build(config.model).eval()
    load_weights(model, work / 'ours.safetensors', require_complete=True)
    dataset = _dataset(folder, meta, work, config.test_dataloader.dataset.pipeline)
    first = dataset[ChunkIndex(0, 0, 1)]
    frames, images = [], model.data_preprocessor([first['inputs']])[0]
    with torch.no_grad():
        pyramid = model.detector.extract_feat(images)
        rpn = model.detector.rpn_head(pyramid)
        for start in range(0, len(meta['frames']), 2):
            clip = dataset[ChunkIndex(0, start, min(start + 2, len(meta['frames'])))]
            frames += model([clip['inputs']], [clip['data_samples']], mode='predict')
    expected = dict(np.load(folder / 'expected.npz'))
    masks = json.loads((folder / 'expected_masks.json').read_text())
    inner = dict(images=images, pyramid=pyramid, rpn=rpn)
    return dict(frames=frames, expected=expected, masks=masks, meta=meta, inner=inner)


def _matches(expected: dict, prefix: str, found: Any) -> np.ndarray:
    """For every expected row the row of ours with the same label within the box tolerance, or -1."""
    distance = np.abs(expected[f'{prefix}.bboxes'][:, None] - found.bboxes.numpy()[None]).max(-1)
    distance[expected[f'{prefix}.labels'][:, None] != found.labels.numpy()[None]] = np.inf
    return np.where(distance.min(1) <= BOX_TOLERANCE, distance.argmin(1), -1)


def test_input_and_pyramid(run: dict) -> None:
    inner, expected = run['inner'], run['expected']
    np.testing.assert_allclose(inner['images'][0, :, ::8, ::8].numpy(), expected['0.input'].squeeze(), atol=1e-5)
    for level, feature in enumerate(inner['pyramid']):
        part = feature[0, ::16, ::4, ::4].numpy()
        limit = 1e-4 * float(expected[f'0.fpn{level}.std'])
        np.testing.assert_allclose(part, expected[f'0.fpn{level}'].squeeze(), atol=limit)
    scale = np.abs(expected['0.rpn_cls3']).max()
    np.testing.assert_allclose(inner['rpn'][0][3].numpy(), expected['0.rpn_cls3'].reshape(inner['rpn'][0][3].shape),
                               atol=1e-4 * scale)


def test_detections(run: dict) -> None:
    for index, sample in enumerate(run['frames']):
        rows = _matches(run['expected'], f'{index}.det', sample.pred_instances)
        assert (rows >= 0).mean() >= 0.99
        found = rows >= 0
        scores = sample.pred_instances.scores.numpy()[rows[found]]
        assert np.abs(scores - run['expected'][f'{index}.det.scores'][found]).max() < SCORE_TOLERANCE


def test_identities_and_masks(run: dict) -> None:
    for index, sample in enumerate(run['frames']):
        holder = run['expected'][f'{index}.track.holder']
        rows = _matches(run['expected'], f'{index}.track', sample.pred_tracks)[holder]
        assert (rows >= 0).mean() >= 0.99
        ids = run['expected'][f'{index}.track.ids'][holder]
        assert sample.pred_tracks.instance_ids.numpy()[rows[rows >= 0]].tolist() == ids[rows >= 0].tolist()
        assert len(sample.pred_tracks.instance_ids) == len(holder)
        for row, expected_row in zip(rows, holder):
            (height, width), counts = run['masks'][index][expected_row]
            theirs = {'size': [height, width], 'counts': counts}
            assert row < 0 or coco_mask.iou([sample.pred_tracks.masks[row]], [theirs], [0])[0, 0] > IOU_TOLERANCE

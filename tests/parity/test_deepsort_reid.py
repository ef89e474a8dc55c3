"""DeepSORT's appearance network against deep_sort_pytorch: its checkpoint through the converter, the same vectors."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.checkpoints import convert, load_parts, load_weights
from mmdet.models import Clip, Detector
from mmdet.registry import MODELS, register_all
from mmdet.structures import FrameSample, InstanceData

FEATURE_TOLERANCE, INPUT_TOLERANCE, LOGIT_TOLERANCE = 2e-5, 2e-5, 1e-3


def _stand_in_checkpoint(folder: Path, meta: dict, parity_dir: Path) -> dict[str, torch.Tensor]:
    spec = importlib.util.spec_from_file_location('stand_in_weights', parity_dir / 'stand_in_weights.py')
    module: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    keys = [row[:2] for row in json.loads((folder / 'keys.json').read_text())]
    weights = module.checkpoint(keys, meta['weights']['seed'], meta['weights']['gains'])
    if (folder / 'overrides.npz').exists():
        weights.update(np.load(folder / 'overrides.npz'))
    return {key: torch.from_numpy(np.asarray(value)) for key, value in weights.items()}


@pytest.fixture(scope='module')
def run(parity_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The network with converted weights, the crops, and what is expected."""
    folder, work = parity_dir / 'deepsort_reid', tmp_path_factory.mktemp('deepsort')
    meta = json.loads((folder / 'meta.json').read_text())
    torch.save({'net_dict': _stand_in_checkpoint(folder, meta, parity_dir), 'acc': 0.9, 'epoch': 40}, work / 'ckpt.t7')
    report = convert(work / 'ckpt.t7', work / 'ours.safetensors')
    register_all()
    size = (meta['config']['input_width'], meta['config']['input_height'])
    embedder = dict(type='ReIDEmbedder', size=size, backbone=dict(type='DeepSORTNet'))
    net = dict(type='ReIDNet', embedder=embedder, loss_softmax=dict(type='CrossEntropyLoss'))
    model = MODELS.build({**net, 'num_identities': meta['config']['num_classes']}).eval()
    load_weights(model, work / 'ours.safetensors', require_complete=True)
    head = MODELS.build(dict(type='ReIDTrackHead', embedder=embedder, weights=str(work / 'ours.safetensors')))
    load_parts(head)
    inputs = np.load(folder / 'inputs.npz')
    crops = [torch.from_numpy(inputs[name]).permute(2, 0, 1)[None] for name in sorted(inputs.files)]
    return dict(model=model, head=head, crops=crops, report=report, expected=dict(np.load(folder / 'expected.npz')))


def test_every_tensor_is_taken(run: dict[str, Any]) -> None:
    assert run['report'].family == 'deepsort'
    assert not run['report'].dropped


@torch.no_grad()
def test_network_input(run: dict[str, Any]) -> None:
    found = run['model'].embedder.images(run['crops']).numpy()
    np.testing.assert_allclose(found, run['expected']['preprocessed'], atol=INPUT_TOLERANCE)


@torch.no_grad()
def test_vectors_and_logits(run: dict[str, Any]) -> None:
    model, expected = run['model'], run['expected']
    raw = model.embedder(model.embedder.images(run['crops']))
    np.testing.assert_allclose(raw.numpy(), expected['pooled_eval'], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.classifier(raw).numpy(), expected['logits_eval'], atol=LOGIT_TOLERANCE)
    vectors = model(run['crops'], [], mode='tensor').numpy()
    np.testing.assert_allclose(vectors, expected['features_eval'], atol=FEATURE_TOLERANCE)
    np.testing.assert_allclose(1 - vectors @ vectors.T, expected['cosine_distance_eval'], atol=1e-5)


@torch.no_grad()
def test_vectors_of_the_track_head(run: dict[str, Any]) -> None:
    """All crops lie side by side in one frame and are detections of it."""
    crops = [crop[0] for crop in run['crops']]
    height, width = max(c.shape[1] for c in crops), sum(c.shape[2] for c in crops)
    frame, boxes, x = torch.zeros(1, 3, height, width, dtype=torch.uint8), [], 0
    for crop in crops:
        _, h, w = crop.shape
        frame[0, :, :h, x : x + w] = crop
        boxes.append([x, 0, x + w, h])
        x += w
    sample = FrameSample(metainfo=dict(scale_factor=(1.0, 1.0)))
    detections = InstanceData(bboxes=torch.tensor(boxes, dtype=torch.float32))
    (found,) = run['head'].embed(Clip(frame.float(), [sample], (), Detector.convention, frame), [detections])
    np.testing.assert_allclose(found.numpy(), run['expected']['features_eval'], atol=FEATURE_TOLERANCE)


@torch.no_grad()
def test_what_the_original_computes_with_batch_statistics(run: dict[str, Any]) -> None:
    """It never leaves training mode, so its vectors depend on the batch; ours do only in that mode."""
    embedder = run['model'].embedder
    inputs = embedder.images(run['crops'])
    state = {key: value.clone() for key, value in embedder.state_dict().items()}
    try:
        for name in [key for key in run['expected'] if key.startswith('features_batchstat_')]:
            embedder.train()
            expected = run['expected'][name]  # of the first crops, as many as it has rows
            vectors = torch.nn.functional.normalize(embedder(inputs[: len(expected)]), dim=1).numpy()
            np.testing.assert_allclose(vectors, expected, atol=FEATURE_TOLERANCE)
    finally:
        embedder.load_state_dict(state)
        embedder.eval()

"""SpatialEmbedding against the original: same weights through the converter, same maps, same clusters."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.checkpoints import convert, load_weights
from mmdet.models import EmbeddingClusterer
from mmdet.models.embedding_maps import coordinate_map, split_prediction
from mmdet.registry import MODELS, register_all

OURS = {'initial_block': 'stem'}  # their part of a name -> ours, where it differs


def _checkpoint(folder: Path, meta: dict) -> dict[str, torch.Tensor]:
    spec = importlib.util.spec_from_file_location('stand_in_weights', folder.parent / 'stand_in_weights.py')
    module: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    keys = [row[:2] for row in json.loads((folder / 'keys.json').read_text())]
    weights = module.checkpoint(keys, meta['seed'], meta['gains'])
    return {key: torch.from_numpy(np.asarray(value)) for key, value in weights.items()}


@pytest.fixture(scope='module')
def run(parity_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Our network's answers on the folder's image, with the values of every block."""
    folder, work = parity_dir / 'spatial_embedding', tmp_path_factory.mktemp('spatial_embedding')
    meta = json.loads((folder / 'meta.json').read_text())
    torch.save({'epoch': 1, 'model_state_dict': _checkpoint(folder, meta)}, work / 'theirs.pth')
    report = convert(work / 'theirs.pth', work / 'ours.safetensors')
    register_all()
    height, width = meta['config']['pad_size_here']
    preprocessor = dict(
        type='VideoDataPreprocessor', mean=(0, 0, 0), std=(255, 255, 255), pad_size_divisor=8, pad_mode='edge'
    )
    detector = dict(
        type='SpatialEmbedding',
        backbone=dict(type='BranchedERFNet'),
        num_classes=1,
        num_sigmas=meta['config']['n_sigma'],
        coordinates='compat',
    )
    model = MODELS.build(dict(type='VideoInstanceSegmenter', data_preprocessor=preprocessor, detector=detector)).eval()
    load_weights(model, work / 'ours.safetensors', require_complete=True)
    taps: dict[str, torch.Tensor] = {}
    for name, module in model.detector.backbone.named_modules():
        module.register_forward_hook(lambda _m, _i, out, name=name: taps.__setitem__(name, out))
    inputs, expected = np.load(folder / 'inputs.npz'), np.load(folder / 'expected.npz')
    image = torch.from_numpy(inputs['image']).permute(2, 0, 1)[None]
    with torch.no_grad():
        images = model.data_preprocessor([image])[0]
        output = model.detector.extract_feat(images)[0]
    assert images.shape[2:] == (height, width)
    return dict(meta=meta, report=report, images=images, output=output, taps=taps, inputs=inputs, expected=expected)


def test_only_the_unused_layer_is_dropped(run: dict) -> None:
    dropped = sorted(entry.key for entry in run['report'].dropped)
    assert dropped == ['encoder.output_conv.bias', 'encoder.output_conv.weight']


def test_input_and_output(run: dict) -> None:
    np.testing.assert_allclose(run['images'].numpy(), run['inputs']['net_input'], atol=1e-6)
    np.testing.assert_allclose(run['output'].numpy(), run['expected']['output'], atol=1e-4)


def _ours(name: str) -> str:
    parts = [OURS.get(part, part) for part in name.split('.')]
    return '.'.join(['branches', *parts[1:]] if parts[0] == 'decoders' else parts)


STEPS = {'encoder.initial_block': (2, 4, 4), 'encoder.layers.6': (4, 2, 2), 'decoders': (4, 4, 4)}


def test_intermediate_maps(run: dict) -> None:
    names = [key for key in run['expected'].files if key.startswith('tap/')]
    assert names
    for key in names:
        name = key.removeprefix('tap/')
        step = STEPS.get(name) or STEPS.get(name.split('.')[0], (2, 4, 4))
        found = run['taps'][_ours(name)][:, :: step[0], :: step[1], :: step[2]].numpy()
        expected = run['expected'][key].reshape(found.shape)
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max(), err_msg=name)
    encoded = run['taps']['encoder'][:, ::2].numpy()
    expected = run['expected']['encoder_out'].reshape(encoded.shape)
    np.testing.assert_allclose(encoded, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize('source', ['net', 'hand'])
@pytest.mark.parametrize('settings', ['car', 'loose'])
@pytest.mark.parametrize('own_output', [True, False])
def test_clusters(run: dict, source: str, settings: str, own_output: bool) -> None:
    name = f'cluster_{source}_{settings}'
    facts, expected = run['meta']['clustering'][name], run['expected'][name]
    if source == 'hand':
        prediction = torch.from_numpy(run['inputs']['cluster_hand_prediction'])[None]
    else:
        prediction = run['output'] if own_output else torch.from_numpy(run['expected']['output'])
    height, width = expected.shape
    maps = split_prediction(
        prediction[..., :height, :width], facts['n_sigma'], coordinate_map(height, width, 'compat')
    )
    clusterer = EmbeddingClusterer(
        'compat', seed_threshold=facts['threshold'], min_pixels=facts['min_pixel'], max_seeds=None
    )
    found = clusterer.label_maps(maps.votes, maps.sigmas, maps.seeds[:, 0].sigmoid())[0]
    np.testing.assert_array_equal(found.numpy(), expected)

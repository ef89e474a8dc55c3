"""Small checkpoints with the names of real ones."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

StateDict = dict[str, Tensor]


def _layer(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def _ours(classes: int, track: bool, calibration: bool) -> dict[str, tuple[int, ...]]:
    box, mask = 'detector.roi_head.bbox_head', 'detector.roi_head.mask_head'
    shapes = {
        'detector.backbone.conv1.weight': (4, 3, 7, 7),
        'detector.backbone.bn1.weight': (4,),
        'detector.backbone.bn1.num_batches_tracked': (),
        **_layer('detector.neck.lateral_convs.0.conv', 8, 4, 1, 1),
        **_layer('detector.rpn_head.rpn_conv', 8, 8, 3, 3),
        **_layer('detector.rpn_head.rpn_cls', 3, 8, 1, 1),
        **_layer('detector.rpn_head.rpn_reg', 12, 8, 1, 1),
        **_layer(f'{box}.shared_fcs.0', 6, 8),
        **_layer(f'{box}.fc_cls', classes + 1, 6),
        **_layer(f'{box}.fc_reg', 4 * classes, 6),
        **_layer(f'{mask}.convs.0.conv', 8, 8, 3, 3),
        **_layer(f'{mask}.upsample', 8, 8, 2, 2),
        **_layer(f'{mask}.conv_logits', classes, 8, 1, 1),
    }
    if track:
        shapes |= {**_layer('track_head.fcs.0', 6, 8), **_layer('track_head.fcs.1', 6, 6)}
    if calibration:
        shapes |= {f'calibration_head.offset_convs.{i}.conv.weight': (8, 8, 3, 3) for i in range(3)}
        shapes |= {f'calibration_head.offset_convs.{i}.conv.bias': (8,) for i in range(3)}
        shapes |= _layer('calibration_head.conv_offset', 18, 8, 3, 3)
        shapes['calibration_head.deform_conv.weight'] = (8, 8, 3, 3)
    return shapes


def _random(shapes: dict[str, tuple[int, ...]]) -> StateDict:
    generator = torch.Generator().manual_seed(0)
    return {
        key: torch.zeros(shape, dtype=torch.int64)
        if key.endswith('num_batches_tracked')
        else torch.randn(shape, generator=generator)
        for key, shape in shapes.items()
    }


@pytest.fixture
def our_state() -> Callable[..., StateDict]:
    """Weights of a tiny model under our names: ``our_state(classes=3, track=True, calibration=False)``."""

    def make(classes: int = 3, track: bool = True, calibration: bool = False) -> StateDict:
        return _random(_ours(classes, track, calibration))

    return make


@pytest.fixture
def toy_model() -> Callable[[StateDict], nn.Module]:
    """A module whose state dict has the names and shapes of the given one, with other values."""

    def make(state: StateDict) -> nn.Module:
        root = nn.Module()
        for key, tensor in state.items():
            *path, last = key.split('.')
            module = root
            for name in path:
                if name not in module._modules:
                    module.add_module(name, nn.Module())
                module = module.get_submodule(name)
            if tensor.is_floating_point():
                module.register_parameter(last, nn.Parameter(torch.full_like(tensor, 0.5)))
            else:
                module.register_buffer(last, torch.zeros_like(tensor))
        return root

    return make


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def mmdet3_state(parity_dir: Path) -> StateDict:
    """Full-size stand-in weights of mmdetection 3's MaskTrack R-CNN under its own names."""
    folder = parity_dir / 'mmdet3_masktrack'
    keys = [(key, shape) for key, shape, _ in json.loads((folder / 'keys.json').read_text())]
    arrays = _module(parity_dir / 'stand_in_weights.py').checkpoint(keys)
    return {key: torch.from_numpy(array) for key, array in arrays.items()}


@pytest.fixture(scope='session')
def tool(repo_root: Path) -> ModuleType:
    """``tools/convert_checkpoint.py`` as a module."""
    return _module(repo_root / 'tools' / 'convert_checkpoint.py')

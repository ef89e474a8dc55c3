"""Values and gradients of the original spatial correlation sampler, case by case."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmdet.models import CorrelationCalibrationHead
from mmdet.ops import _native
from mmdet.ops.correlation import correlation

OPTIONS = ('kernel_size', 'patch_size', 'stride', 'padding', 'dilation', 'dilation_patch')
Reference = tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray]]


@pytest.fixture(scope='module')
def reference(parity_dir: Path) -> Reference:
    folder = parity_dir / 'correlation'
    meta = json.loads((folder / 'meta.json').read_text())
    inputs, expected = (dict(np.load(folder / name)) for name in ('inputs.npz', 'expected.npz'))
    return meta['cases'], inputs, expected


@pytest.fixture(params=['torch', 'cpp'])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == 'cpp' and not _native.cpu_library().loaded:
        reason = f'C++ kernels: {_native.cpu_library().note}'
        pytest.fail(reason) if os.environ.get('CI') == 'true' else pytest.skip(reason)
    return request.param


def run_case(name: str, reference: Reference, dtype: torch.dtype, backend: str) -> tuple[Tensor, Tensor, Tensor]:
    cases, inputs, _ = reference
    options = {key: cases[name][key] for key in OPTIONS}
    arrays = (inputs[f'{name}/{key}'] for key in ('input1', 'input2', 'grad_output'))
    first, second, grad = (torch.from_numpy(array).to(dtype) for array in arrays)
    out = correlation(first.requires_grad_(), second.requires_grad_(), **options, backend=backend)
    return out.detach(), *torch.autograd.grad(out, (first, second), grad)


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_values_and_gradients(dtype: torch.dtype, reference: Reference, backend: str) -> None:
    for name, case in reference[0].items():
        found = run_case(name, reference, dtype, backend)
        assert list(found[0].shape) == case['output_shape'], name
        for key, tensor in zip(('out', 'grad1', 'grad2'), found):
            wanted = torch.from_numpy(reference[2][f'{name}/{key}_f64'])
            worst = float((tensor.double() - wanted).abs().max())
            limit = 1e-10 if dtype == torch.float64 else 1e-4 * max(1.0, float(wanted.abs().max()))
            assert worst <= limit, f'{name} {key}: differs by {worst}, allowed {limit}'


def test_input_of_the_offset_convolutions(reference: Reference) -> None:
    with_head = [name for name in reference[0] if f'{name}/headinput_f64' in reference[2]]
    assert with_head
    for name in with_head:
        case = reference[0][name]
        patch, step = (np.unique(case[key]).item() for key in ('patch_size', 'dilation_patch'))
        head = CorrelationCalibrationHead(case['input_shape'][1], patch, step)
        first, second = (torch.from_numpy(reference[1][f'{name}/{key}']).double() for key in ('input1', 'input2'))
        found = head.similarities(first, second).flatten(1, 2)
        wanted = torch.from_numpy(reference[2][f'{name}/headinput_f64'])
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)

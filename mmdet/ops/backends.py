"""Which back end each operator runs on this machine, for ``tools/doctor.py`` and for benchmarks."""

from __future__ import annotations

import torch
import torchvision

from mmdet.ops import _native


def backends() -> dict[str, str]:
    """A sentence for each operator and device, such as ``{'correlation (CPU)': 'C++ (avx2)'}``."""
    cpu, cuda = _native.cpu_library(), _native.cuda_library()
    vision = f'torchvision {torchvision.__version__}'
    return {
        'correlation (CPU)': f'C++ ({cpu.note})' if cpu.loaded else f'plain PyTorch ({cpu.note})',
        'correlation (GPU)': _gpu_sentence(cuda),
        'nms, roi_align': vision,
        'deform_conv2d (CPU)': f'PyTorch {torch.__version__}',
        'deform_conv2d (GPU)': vision,
        'mask paste, RLE': f'NumPy and PyTorch {torch.__version__}',
    }


def _gpu_sentence(library: _native.Library) -> str:
    if not torch.cuda.is_available():
        return 'no CUDA device'
    return 'CUDA C++' if library.loaded else f'plain PyTorch ({library.note})'

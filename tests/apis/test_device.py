"""Where nobody asks for a device, a model takes a GPU if there is one; and its config may name any class of ours."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmdet.apis import VideoInferencer, init_model

init_model_module = sys.modules['mmdet.apis.init_model']


@pytest.mark.parametrize(('gpus', 'expected'), [(0, 'cpu'), (1, 'cuda:0'), (4, 'cuda:0')])
def test_auto(monkeypatch: pytest.MonkeyPatch, gpus: int, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: gpus)
    assert str(init_model_module._device('auto')) == expected


@pytest.mark.parametrize('function', [init_model, VideoInferencer])
def test_auto_is_the_default(function: object) -> None:
    assert inspect.signature(function).parameters['device'].default == 'auto'


def test_a_fresh_program_knows_all_classes(tmp_path: Path) -> None:
    """Registering is left to init_model: nothing else is imported here."""
    (tmp_path / 'c.py').write_text("model = dict(type='VideoInstanceSegmentor', detector=dict())\n")
    program = (
        'import sys\nfrom mmdet.apis import init_model\n'
        f'try:\n    init_model({str(tmp_path / "c.py")!r}, device="cpu")\n'
        'except Exception as error:\n    print(error)\n'
        'from mmdet.registry import ROOMS\nprint([room for room in ROOMS if room not in sys.modules])\n'
    )
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    *message, missing = done.stdout.splitlines()
    assert 'Did you mean VideoInstanceSegmenter' in message[0]
    assert missing == '[]'

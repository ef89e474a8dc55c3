"""From a file of another program to weights that load, through the command that users type."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from mmengine.config import Config
from torch import Tensor

from mmdet.checkpoints import convert, load_file, load_weights, read_metadata, save_atomic
from mmdet.checkpoints.families.masktrack import CMASKTRACK, MASKTRACK
from mmdet.errors import CheckpointError

StateDict = dict[str, Tensor]


def _old(state: StateDict) -> StateDict:
    return MASKTRACK.invert(state)[0]


def _calibrated(state: StateDict) -> StateDict:
    return CMASKTRACK.invert(state)[0]


def _mmdet3(state: StateDict) -> StateDict:
    return {key.replace('track_head.fcs', 'track_head.embed_head.fcs'): value for key, value in state.items()}


FAMILIES = {'masktrack': _old, 'cmasktrack': _calibrated, 'mmdet3': _mmdet3, 'own': dict}


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('chosen', ['auto', 'by name'])
def test_converted_weights_load_completely(
    tmp_path: Path, our_state: Callable, toy_model: Callable, family: str, chosen: str
) -> None:
    ours = our_state(calibration=family == 'cmasktrack')
    src, dst = tmp_path / 'latest.pth', tmp_path / 'sub' / 'weights.safetensors'
    save_atomic({'meta': {'epoch': 12, 'CLASSES': ('a', 'b', 'c')}, 'state_dict': FAMILIES[family](ours)}, src)
    report = convert(src, dst, 'auto' if chosen == 'auto' else family)
    assert report.family == family
    model = toy_model(ours)
    load_weights(model, dst, require_complete=True, classes=('a', 'b', 'c'))
    assert all(torch.equal(value, ours[key]) for key, value in model.state_dict().items())
    metadata = read_metadata(dst)
    assert metadata == report.metadata
    assert metadata['source_sha256'] == hashlib.sha256(src.read_bytes()).hexdigest()
    assert (metadata['source'], metadata['family'], metadata['num_classes']) == ('latest.pth', family, 3)
    assert metadata['classes'] == ['a', 'b', 'c']


STATED = 'mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True'


@pytest.mark.parametrize(('text', 'channel_order'), [('', 'bgr'), (STATED, 'rgb')], ids=['config tells', 'file tells'])
def test_a_config_tells_what_the_file_does_not(
    tmp_path: Path, our_state: Callable, text: str, channel_order: str
) -> None:
    preprocessor = {'mean': [1.0, 2.0, 3.0], 'std': [4.0, 5.0, 6.0], 'channel_order': 'bgr'}
    model = {'classes': ['dog', 'cat', 'fox'], 'detector': {'convention': 'modern'}, 'data_preprocessor': preprocessor}
    save_atomic({'meta': {'config': text}, 'state_dict': _old(our_state())}, tmp_path / 'in.pth')
    report = convert(tmp_path / 'in.pth', tmp_path / 'out.safetensors', config=Config({'model': model}))
    assert report.metadata['classes'] == ['dog', 'cat', 'fox']
    assert report.metadata['normalisation']['channel_order'] == channel_order
    assert "detector.convention is 'modern' and the weights need 'legacy'" in report.table()
    assert ('data_preprocessor.mean' in report.table()) == bool(text)


def test_the_tool_stores_config_name_and_class_names(
    tmp_path: Path, our_state: Callable, tool: ModuleType, repo_root: Path, capsys: pytest.CaptureFixture
) -> None:
    src, dst, annotations = tmp_path / 'latest.pth', tmp_path / 'weights.safetensors', tmp_path / 'train.json'
    save_atomic({'state_dict': _old(our_state())}, src)
    annotations.write_text('{"categories": [{"id": 3, "name": "dog"}, {"id": 1, "name": "ape"}, {"name": "x"}]}')
    config = repo_root / 'configs' / 'masktrack_rcnn_r50_fpn_1x_youtubevis.py'
    arguments = [str(src), str(dst), '--config', str(config), '--annotations', str(annotations)]
    assert tool.main(arguments) == 0
    metadata = read_metadata(dst)
    assert (metadata['config'], metadata['classes']) == (config.stem, ['dog', 'ape', 'x'])
    printed = capsys.readouterr().out
    assert 'background row moved from first to last' in printed
    assert 'note' not in printed  # the config is made for these weights
    assert f'written to {dst}' in printed


def test_without_a_config_the_family_tells_the_normalisation(tmp_path: Path, our_state: Callable) -> None:
    save_atomic({'state_dict': _old(our_state())}, tmp_path / 'a.pth')
    convert(tmp_path / 'a.pth', tmp_path / 'a.safetensors')
    metadata = read_metadata(tmp_path / 'a.safetensors')
    assert metadata['normalisation']['mean'] == [123.675, 116.28, 103.53]
    assert metadata['convention'] == 'legacy'
    assert 'classes' not in metadata


def test_converting_twice_keeps_the_facts(tmp_path: Path, our_state: Callable) -> None:
    save_atomic({'meta': {'CLASSES': ('a', 'b', 'c')}, 'state_dict': _old(our_state())}, tmp_path / 'a.pth')
    first = convert(tmp_path / 'a.pth', tmp_path / 'a.safetensors').metadata
    second = convert(tmp_path / 'a.safetensors', tmp_path / 'b.safetensors').metadata
    kept = ('convention', 'normalisation', 'track_head', 'classes', 'num_classes')
    assert {key: second[key] for key in kept} == {key: first[key] for key in kept}


def test_what_a_trained_checkpoint_tells_travels_with_its_weights(tmp_path: Path, our_state: Callable) -> None:
    told = {
        'calibration_head': {'window': 'cuda', 'dilation_patch': 2},
        'embedding': {'num_sigmas': 2, 'coordinates': 'compat'},
        'track_head': {'last_relu': True},
    }
    save_atomic({'meta': told, 'state_dict': our_state(calibration=True)}, tmp_path / 'iter_9.pth')
    metadata = convert(tmp_path / 'iter_9.pth', tmp_path / 'out.safetensors').metadata
    assert {key: metadata[key] for key in told} == told


def test_full_size_through_the_tool(tmp_path: Path, mmdet3_state: StateDict, tool: ModuleType) -> None:
    torch.save({'meta': {'mmtrack_version': '0.14.0'}, 'state_dict': mmdet3_state}, tmp_path / 'm.pth')
    assert tool.main([str(tmp_path / 'm.pth'), str(tmp_path / 'm.safetensors')]) == 0
    loaded = load_file(tmp_path / 'm.safetensors')
    assert loaded['meta']['family'] == 'mmtracking'
    assert loaded['meta']['num_classes'] == 40
    for key, tensor in mmdet3_state.items():
        assert torch.equal(loaded['state_dict'][key.replace('embed_head.', '')], tensor)


def _wrong(our_state: Callable, tmp_path: Path, case: str) -> tuple[list[str], str]:
    src, dst = tmp_path / 'in.pth', tmp_path / 'out.safetensors'
    save_atomic({'state_dict': _old(our_state())}, src)
    if case == 'other family':
        return [str(src), str(dst), '--family', 'mmdet3'], 'is not of the family mmdet3'
    if case == 'output suffix':
        return [str(src), str(tmp_path / 'out.pth')], r'call the output out\.safetensors'
    if case == 'same file':
        src.rename(dst)
        return [str(dst), str(dst)], 'is input and output'
    if case == 'class count':
        (tmp_path / 'train.json').write_text('{"categories": [{"name": "a"}, {"name": "b"}]}')
        return [str(src), str(dst), '--annotations', str(tmp_path / 'train.json')], 'for 3 classes, and 2 class names'
    if case == 'class names':
        save_atomic({'meta': {'CLASSES': ('a', 'b', 'c')}, 'state_dict': _old(our_state())}, src)
        (tmp_path / 'train.json').write_text('{"categories": [{"name": "a"}, {"name": "c"}, {"name": "b"}]}')
        return [str(src), str(dst), '--annotations', str(tmp_path / 'train.json')], "label 1 is 'c' instead of 'b'"
    return [str(tmp_path / 'im.pth'), str(dst)], r'similar names there: in\.pth'


WRONG = ['other family', 'output suffix', 'same file', 'class count', 'class names', 'missing']


@pytest.mark.parametrize('case', WRONG)
def test_wrong_use(tmp_path: Path, our_state: Callable, tool: ModuleType, case: str) -> None:
    arguments, message = _wrong(our_state, tmp_path, case)
    files = sorted(tmp_path.iterdir())
    with pytest.raises(CheckpointError, match=message):
        tool.main(arguments)
    assert sorted(tmp_path.iterdir()) == files  # nothing written


class Evil:
    """Pickles as a shell command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


def test_a_dangerous_file_needs_the_word_of_the_user(
    tmp_path: Path, our_state: Callable, tool: ModuleType, repo_root: Path
) -> None:
    src, dst, mark = tmp_path / 'in.pth', tmp_path / 'out.safetensors', tmp_path / 'ran'
    torch.save({'state_dict': _old(our_state()), 'hook': Evil(f'touch {mark}')}, src)
    command = [sys.executable, str(repo_root / 'tools' / 'convert_checkpoint.py'), str(src), str(dst)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, mark.exists(), dst.exists()) == (1, False, False)
    assert 'system' in done.stderr
    assert '--trust-checkpoint' in done.stderr
    assert 'Traceback' not in done.stderr
    with pytest.warns(UserWarning, match='full trust'):
        tool.main([str(src), str(dst), '--trust_checkpoint'])
    assert mark.exists()
    assert dst.exists()

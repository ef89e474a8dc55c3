"""tools/test_video.py: what the config says of the environment counts, and a failure at the end loses nothing."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file

from mmdet.engine.distributed import Process
from mmdet.errors import CheckpointError, ConfigError, DataError, MMDetError
from mmdet.evaluation.tracking.metrics import result_folder
from mmdet.formats import read_boxes
from mmdet.registry import METRICS, MODELS

CONFIG = """
model = dict(type='ToyModel')
test_dataloader = dict(num_workers=0, dataset=dict(type='ToyData', test_mode=True))
test_evaluator = dict(type='ToyMetric')
env_cfg = dict(timeout=77, deterministic=True)
"""


@pytest.fixture
def tool(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool as a module, with config.py and w.pth in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('RANK', raising=False)
    toy = _module('engine_toy', repo_root / 'tests/engine/toy.py')
    (tmp_path / 'config.py').write_text(CONFIG)
    torch.save({'state_dict': toy.ToyModel().state_dict()}, 'w.pth')
    yield _module('tools_test_video', repo_root / 'tools/test_video.py')
    torch.use_deterministic_algorithms(False)


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_environment_of_the_config(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def join(launcher: str, timeout: float) -> Process:
        asked.append(timeout)
        return Process()

    monkeypatch.setattr(tool, 'join_processes', join)
    assert tool.main(['config.py', 'w.pth', '--work-dir', 'w']) == 0
    assert asked == [77]
    assert torch.are_deterministic_algorithms_enabled()


def test_several_outputs(tool: ModuleType) -> None:
    argv = ['config.py', 'w.pth', '--out', 'a.json', '--out', 'b.json', '--json', 'new/m.json', '--work-dir', 'w']
    assert tool.main(argv) == 0
    assert Path('a.json').read_bytes() == Path('b.json').read_bytes()
    assert json.loads(Path('new/m.json').read_text())['videos'] == 3


def test_a_place_that_results_cannot_have_is_refused_before_the_test(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = METRICS.module_dict['ToyMetric']
    monkeypatch.setattr(metric, 'check_out', lambda self, path: result_folder(path), raising=False)
    monkeypatch.setattr('mmdet.engine.video_test.VideoTester.infer', lambda *_: pytest.fail('hours were spent'))
    with pytest.raises(ConfigError, match=r'x\.zip: these results are a folder'):
        tool.main(['config.py', 'w.pth', '--out', 'x.zip', '--work-dir', 'w'])


FAILURES = {'an error of ours': DataError('no ground truth of video 7'), 'a defect': ZeroDivisionError('oh')}


@pytest.mark.parametrize('case', FAILURES)
def test_a_failing_evaluation_names_the_folder_of_the_results(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, case: str
) -> None:
    def fail(*_: object) -> None:
        raise FAILURES[case]

    monkeypatch.setattr('mmdet.engine.video_test.VideoTester.evaluate', fail)
    with pytest.raises(type(FAILURES[case])) as error:
        tool.main(['config.py', 'w.pth', '--work-dir', 'w'])
    text = str(error.value) if isinstance(error.value, MMDetError) else capsys.readouterr().out
    (folder,) = re.findall(r'kept in (w/test_\w+)', text)
    assert sorted(path.name for path in Path(folder).iterdir()) == [f'video_{i}.json' for i in (10, 11, 12)]
    assert str(FAILURES[case]) in str(error.value)


def test_numbers_that_cannot_be_written(tool: ModuleType) -> None:
    Path('file').touch()
    with pytest.raises(DataError, match=r'--json file/m\.json: cannot write.*kept in'):
        tool.main(['config.py', 'w.pth', '--json', 'file/m.json', '--work-dir', 'w'])


def test_a_model_without_weights_takes_no_checkpoint(
    tool: ModuleType, reduced_config: Callable, tmp_path: Path
) -> None:
    config = reduced_config('precomputed_bytetrack_youtubevis', tmp_path)
    Path('stored.py').write_text(config.pretty_text)
    for given in ([], ['none'], ['--checkpoint', 'none']):
        assert tool.main(['stored.py', *given, '--json', 'm.json', '--work-dir', 'w']) == 0
    assert json.loads(Path('m.json').read_text())['AP'] > 0.5
    with pytest.raises(CheckpointError, match=r'w\.pth has no use'):
        tool.main(['stored.py', 'w.pth', '--work-dir', 'w'])
    with pytest.raises(CheckpointError, match='give the checkpoint that fills them'):
        tool.main(['config.py', '--work-dir', 'w'])


def test_motchallenge_as_downloaded(tool: ModuleType, repo_root: Path, data_dir: Path) -> None:
    """SORT on the public detections of TUD-Campus scores as TrackEval says of the published program's tracks."""
    root = data_dir / 'real/mot/MOT15'
    overrides = [f'model.detector.path={root}/train', f'test_dataloader.dataset.data_root={root}']
    overrides.append("test_dataloader.dataset.sequences=['TUD-Campus']")
    argv = [str(repo_root / 'configs/precomputed_sort_motchallenge.py'), '--out', 'tracks', '--json', 'm.json']
    assert tool.main([*argv, '--work-dir', 'w', '--cfg-options', *overrides]) == 0
    expected = json.loads((root / 'expected_scores.json').read_text())['trackeval']['sort']['TUD-Campus']
    numbers = json.loads(Path('m.json').read_text())
    names = ('HOTA', 'DetA', 'AssA', 'MOTA', 'MOTP', 'IDSW', 'Frag', 'CLR_FP', 'CLR_FN')
    assert {name: numbers[name] for name in names} == pytest.approx({name: expected[name] for name in names}, abs=2e-4)
    assert read_boxes('tracks/TUD-Campus.txt', 'result', 71).ids.min() > 0


def test_a_network_with_weights_of_its_own_needs_no_checkpoint(
    tool: ModuleType, reduced_config: Callable, tmp_path: Path
) -> None:
    config = reduced_config('precomputed_bytetrack_youtubevis', tmp_path)
    embedder = dict(type='ReIDEmbedder', size=(8, 16), backbone=dict(type='DeepSORTNet', base_channels=2))
    head = MODELS.build(dict(type='ReIDTrackHead', embedder=embedder))
    save_file(head.state_dict(), 'reid.safetensors')  # the names of ReIDNet, which trains it, are the same
    config.model.track_head = dict(type='ReIDTrackHead', embedder=embedder, weights='reid.safetensors')
    config.model.tracker = dict(type='DeepSORTTracker')
    for step in config.test_dataloader.dataset.pipeline:
        if step.type == 'BlankFrames':
            step.type = 'LoadFrames'
    Path('reid.py').write_text(config.pretty_text)
    assert tool.main(['reid.py', '--json', 'm.json', '--work-dir', 'w']) == 0
    assert json.loads(Path('m.json').read_text())['AP'] > 0  # a random network tells little apart
    config.model.track_head.weights = None
    Path('reid.py').write_text(config.pretty_text)
    with pytest.raises(CheckpointError, match='give the checkpoint that fills them'):
        tool.main(['reid.py', '--work-dir', 'w'])


def test_a_range_of_checkpoints(tool: ModuleType, capsys: pytest.CaptureFixture) -> None:
    for epoch in (1, 2):
        Path(f'epoch_{epoch}.pth').write_bytes(Path('w.pth').read_bytes())
    assert tool.main(['config.py', '--checkpoints', 'epoch_{1..2}.pth', '--work-dir', 'w']) == 0
    numbers = json.loads(Path('w/checkpoints.json').read_text())
    assert list(numbers) == ['epoch_1.pth', 'epoch_2.pth'] and numbers['epoch_1.pth'] == numbers['epoch_2.pth']
    assert Path('w/checkpoints.png').stat().st_size > 1000
    assert not list(Path('w').glob('test_*'))  # intermediate results are gone
    with pytest.raises(SystemExit):
        tool.main(['config.py', '--checkpoints', 'epoch_{1..2}.pth', '--out', 'a.json'])
    with pytest.raises(MMDetError, match=r'epoch_3\.pth not there'):
        tool.main(['config.py', '--checkpoints', 'epoch_{1..3}.pth', '--work-dir', 'w'])

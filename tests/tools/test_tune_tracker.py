"""tools/tune_tracker.py finds what is best, goes on where it stopped, and gives the same in one process or several."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mmdet.engine.build import build_tester
from mmdet.engine.config import load_config
from mmdet.engine.distributed import join_processes
from mmdet.engine.tuning.runner import TrialRunner
from mmdet.errors import ConfigError, IncompatibleSlotsError


@pytest.fixture
def tool(repo_root: Path) -> ModuleType:
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location('tools_tune_tracker', repo_root / 'tools/tune_tracker.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def command(reduced_config: Callable, tiny_detections: dict[str, Path], tmp_path: Path) -> list[str]:
    """Arguments that tune ByteTrack on the true objects of three videos; scores are 0.9."""
    config = reduced_config('precomputed_bytetrack_youtubevis', tmp_path)
    config.model.tracker.new_threshold = 0.95  # no track ever begins
    (tmp_path / 'config.py').write_text(config.pretty_text)
    detections = str(tiny_detections['dump'])
    return [str(tmp_path / 'config.py'), '--detections', detections, '--out', str(tmp_path / 'out')]


SPACE = ['--param', 'model.tracker.new_threshold=0.2,0.5,0.95', '--param', 'model.tracker.max_age=1,2']


def rows(out: Path) -> list[dict]:
    """Trials of a search, without the time they took, in the order of their parameters."""
    lines = [json.loads(line) for line in (out / 'trials.jsonl').read_text().splitlines()[1:]]
    return sorted(({**line, 'seconds': 0} for line in lines), key=str)


def test_the_best_config_is_written(tool: ModuleType, command: list[str], tmp_path: Path) -> None:
    assert tool.main([*command, *SPACE]) == 0
    found = rows(tmp_path / 'out')
    assert len(found) == 7 and sum('must not fall' in trial['problem'] for trial in found) == 2
    as_it_is = next(trial for trial in found if not trial['params'])
    assert as_it_is['numbers']['AP'] == 0
    config = load_config(tmp_path / 'out/best.py')
    assert config.model.tracker.new_threshold == 0.5
    assert config.model.tracker.type == 'ByteTracker' and config.model.tracker.high_threshold == 0.3
    best = max(trial['numbers'].get('AP', -1) for trial in found)
    assert build_tester(config, join_processes('none'), None).run()['AP'] == best > 0.5
    table = (tmp_path / 'out/trials.md').read_text().splitlines()
    assert table[0] == '| AP | AP50 | AP75 | AR10 | new_threshold | max_age |'
    assert table[2].startswith(f'| {best:.4f} |') and table[2].endswith('| 0.5 | 1 |')
    assert '| 0.0000 | 0.0000 | 0.0000 | 0.0000 | as in the config |  |' in table


def test_a_stopped_search_goes_on(
    tool: ModuleType, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, asked = TrialRunner.run, []

    def stop_at_the_fourth(self: TrialRunner, params: dict) -> object:
        asked.append(params)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return run(self, params)

    monkeypatch.setattr(TrialRunner, 'run', stop_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        tool.main([*command, *SPACE])
    assert tool.main([*command, *SPACE]) == 0
    assert len(asked) == 4 + 4  # three were kept
    assert tool.main([*command, *SPACE]) == 0
    assert len(asked) == 8
    whole = [*command[:-1], str(tmp_path / 'whole')]
    assert tool.main([*whole, *SPACE]) == 0
    assert rows(tmp_path / 'whole') == rows(tmp_path / 'out')


@pytest.mark.parametrize(('metric', 'key'), [('hota', 'HOTA'), ('idf1', 'IDF1')])
def test_metrics_over_time(tool: ModuleType, command: list[str], tmp_path: Path, metric: str, key: str) -> None:
    assert tool.main([*command, '--metric', metric, '--param', 'new_threshold=0.5,0.95']) == 0
    assert load_config(tmp_path / 'out/best.py').model.tracker.new_threshold == 0.5
    scores = {trial['params'].get('new_threshold'): trial['numbers'][key] for trial in rows(tmp_path / 'out')}
    assert scores[0.5] > 0.5 and scores[0.95] == scores[None] == 0
    assert (tmp_path / 'out/trials.md').read_text().startswith(f'| {key} |')


def test_masks_of_one_class_of_a_mots_set(
    tool: ModuleType, reduced_config: Callable, tiny_mots: Path, tmp_path: Path
) -> None:
    config = reduced_config('spatial_embedding_erfnet_kitti_mots_pedestrian', tmp_path)
    (tmp_path / 'config.py').write_text(config.pretty_text)
    detections = str(tiny_mots / 'instances_txt')  # the truth, of cars and regions too
    argv = [str(tmp_path / 'config.py'), '--detections', detections, '--out', str(tmp_path / 'out')]
    assert tool.main([*argv, '--param', 'min_iou=0.1,0.99']) == 0  # looks for sMOTSA, as the config's evaluator
    assert (tmp_path / 'out/trials.md').read_text().startswith('| sMOTSA |')
    found = {trial['params'].get('min_iou'): trial['numbers'] for trial in rows(tmp_path / 'out')}
    assert found[0.1]['CLR_Re'] == found[0.1]['CLR_Pr'] == found[0.1]['MOTSP'] == 1  # all pedestrians and nothing else
    assert found[0.99]['sMOTSA'] < found[0.1]['sMOTSA']


def test_the_metric_is_that_of_the_config(
    tool: ModuleType, reduced_config: Callable, tiny_mots: Path, tmp_path: Path
) -> None:
    config = reduced_config('spatial_embedding_erfnet_kitti_mots_pedestrian', tmp_path)
    config.test_evaluator = dict(type='MOTSMetric', protocol='mots_tools')
    (tmp_path / 'config.py').write_text(config.pretty_text)
    detections = str(tiny_mots / 'instances_txt')
    argv = [str(tmp_path / 'config.py'), '--detections', detections, '--out', str(tmp_path / 'out')]
    assert tool.main([*argv, '--param', 'min_iou=0.1']) == 0
    for trial in rows(tmp_path / 'out'):
        assert 'sMOTSA' in trial['numbers'] and 'HOTA' not in trial['numbers']  # that program has none


@pytest.mark.slow
def test_several_processes_and_a_random_search(tool: ModuleType, command: list[str], tmp_path: Path) -> None:
    options = ['--search', 'random', '--trials', '3', '--seed', '4', *SPACE]
    assert tool.main([*command, *options]) == 0
    several = [*command[:-1], str(tmp_path / 'several')]
    assert tool.main([*several, *options, '--workers', '2']) == 0
    assert rows(tmp_path / 'several') == rows(tmp_path / 'out')
    assert len(rows(tmp_path / 'out')) == 4
    for name in ('trials.md', 'best.py'):
        assert (tmp_path / 'several' / name).read_text() == (tmp_path / 'out' / name).read_text()


def test_another_search_in_the_same_folder(tool: ModuleType, command: list[str]) -> None:
    assert tool.main([*command, *SPACE]) == 0
    with pytest.raises(ConfigError, match='holds trials of another search'):
        tool.main([*command, *SPACE, '--cfg-options', 'model.tracker.min_iou=0.5'])


def test_a_tracker_that_needs_more_than_the_detections_have(tool: ModuleType, command: list[str]) -> None:
    options = ['--cfg-options', "model.tracker={'type': 'MaskTrackTracker'}"]
    with pytest.raises(IncompatibleSlotsError, match='MaskTrackTracker needs one embedding per detection'):
        tool.main([*command, *options])


@pytest.fixture
def embeddings_of(tiny_detections: dict[str, Path], tmp_path: Path) -> Callable[[str | None], str]:
    """``embeddings_of(head)``: the detections with embeddings that the track head, or one unknown, computed."""

    def make(head: str | None) -> str:
        folder = tmp_path / 'with_embeddings'
        folder.mkdir()
        for path in tiny_detections['dump'].iterdir():
            arrays = dict(np.load(path))
            arrays['embeddings'] = np.eye(6, dtype=np.float32)[arrays['labels']]
            np.savez(folder / path.name, **arrays, **({'track_head': np.asarray(head)} if head else {}))
        return str(folder)

    return make


OWN = ['--cfg-options', "model.track_head={'type': 'ReIDTrackHead', 'embedder': {}}"]
DEEPSORT = "model.tracker={'type': 'DeepSORTTracker', 'n_init': 1}"


def test_embeddings_of_another_track_head(tool: ModuleType, command: list[str], embeddings_of: Callable) -> None:
    stored = [*command[:2], embeddings_of('MaskTrackHead'), *command[3:]]
    with pytest.raises(ConfigError, match='has embeddings of MaskTrackHead, but the config has ReIDTrackHead'):
        tool.main([*stored, *OWN, DEEPSORT])
    assert tool.main([*stored, '--param', 'max_age=1', *OWN]) == 0  # ByteTrack does not look at them


def test_embeddings_of_an_unknown_track_head(
    tool: ModuleType, command: list[str], embeddings_of: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    stored = [*command[:2], embeddings_of(None), *command[3:]]
    assert tool.main([*stored, '--param', 'max_age=1', *OWN, DEEPSORT]) == 0
    assert 'does not say which track head computed its embeddings; is it ReIDTrackHead?' in caplog.text


def test_embeddings_of_the_track_head_of_the_config(
    tool: ModuleType, command: list[str], embeddings_of: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    stored = [*command[:2], embeddings_of('ReIDTrackHead'), *command[3:]]
    assert tool.main([*stored, '--param', 'max_age=1', *OWN, DEEPSORT]) == 0
    assert 'track head' not in caplog.text

"""The command line of evaluation: numbers on the screen and in the file, errors in a sentence."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mmdet.datasets.shapes import ShapesConfig, YouTubeVOSWriter, make_shapes
from mmdet.errors import MMDetError
from mmdet.holdout import holdout_ids
from mmdet.sequences import read_label_map, write_label_map
from mmdet.sequences.davis import read_names
from mmdet.sequences.youtube_vos import read_meta

MASK = {'size': [4, 6], 'counts': [0, 8, 16]}


def load_tool(repo_root: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, repo_root / 'tools' / f'{name}.py')
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def evaluate(repo_root: Path) -> Callable[..., int]:
    return load_tool(repo_root, 'evaluate').main


@pytest.fixture
def check(repo_root: Path) -> Callable[..., int]:
    return load_tool(repo_root, 'check_submission').main


def truth() -> dict[str, Any]:
    annotation = {'id': 1, 'video_id': 7, 'category_id': 3, 'segmentations': [MASK, None]}
    annotation |= {'occlusion': ['slight_occlusion', None]}
    video = {'id': 7, 'height': 4, 'width': 6, 'length': 2}
    return {'videos': [video], 'categories': [{'id': 3, 'name': 'cat'}], 'annotations': [annotation]}


def results(**changes: Any) -> list[dict[str, Any]]:
    return [{'video_id': 7, 'category_id': 3, 'score': 0.5, 'segmentations': [MASK, None], **changes}]


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[str]]:
    """Write a result and an annotation file; gives the arguments that name them."""

    def write(results: Any, truth: Any) -> list[str]:
        (tmp_path / 'r.json').write_text(json.dumps(results))
        (tmp_path / 'gt.json').write_text(json.dumps(truth))
        return [str(tmp_path / 'r.json'), '--annotations', str(tmp_path / 'gt.json')]

    return write


@pytest.mark.parametrize(('benchmark', 'count'), [('ytvis', 12), ('ovis', 18)])
def test_tracks(evaluate, files, tmp_path: Path, capsys, benchmark: str, count: int) -> None:
    out = tmp_path / 'new' / 'numbers.json'
    assert evaluate([benchmark, *files(results(), truth()), '--json', str(out)]) == 0
    shown = capsys.readouterr().out
    assert ['AP', '1.0000'] in [line.split() for line in shown.splitlines()]
    assert 'cat (3)' in shown
    numbers = json.loads(out.read_bytes())
    assert numbers['benchmark'] == benchmark
    assert len(numbers['summary']) == len(numbers['per_category']['3']) - 1 == count
    assert numbers['summary']['AP'] == pytest.approx(1)
    assert numbers['counts'] == {'videos': 1, 'annotations': 1, 'detections': 1}
    assert not numbers['official']


def test_official_lets_short_lists_pass(evaluate, files, capsys) -> None:
    arguments = ['ytvis', *files(results(segmentations=[MASK]), truth())]
    with pytest.raises(MMDetError, match='1 entries, but the video has 2 frames'):
        evaluate(arguments)
    assert evaluate([*arguments, '--official']) == 0
    assert 'AP         1.0000' in capsys.readouterr().out


def test_underscore_spelling(evaluate, files, capsys) -> None:
    other = {**truth(), 'categories': [{'id': 3, 'name': 'cat'}, {'id': 4, 'name': 'dog'}]}
    assert evaluate(['ytvis', *files(results(category_id=4), other), '--class_agnostic']) == 0
    assert 'AP         1.0000' in capsys.readouterr().out


def two_videos() -> dict[str, Any]:
    """Videos 7 and 8 with one annotation each; of the two, version 1 of the rule holds out one with fraction 0.3."""
    one = truth()
    videos = [one['videos'][0], {**one['videos'][0], 'id': 8}]
    annotations = [one['annotations'][0], {**one['annotations'][0], 'id': 2, 'video_id': 8}]
    return {**one, 'videos': videos, 'annotations': annotations}


@pytest.mark.parametrize('benchmark', ['ytvis', 'ovis'])
def test_results_of_a_split_are_scored_on_it_alone(evaluate, check, files, tmp_path: Path, capsys, benchmark) -> None:
    (held_out,) = holdout_ids([7, 8], 0.3)
    arguments = files(results(video_id=held_out), two_videos())
    assert evaluate([benchmark, *arguments]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith('results cover 1 of 2 videos of ') and 'give --split holdout' in shown
    assert ['AP', '0.5050'] in [line.split() for line in shown.splitlines()]
    split = ['--split', 'holdout', '--holdout_fraction', '0.3']
    assert evaluate([benchmark, *arguments, *split, '--json', str(tmp_path / 'n.json')]) == 0
    shown = capsys.readouterr().out
    assert 'cover' not in shown and ['AP', '1.0000'] in [line.split() for line in shown.splitlines()]
    numbers = json.loads((tmp_path / 'n.json').read_bytes())
    assert (numbers['split'], numbers['holdout_fraction'], numbers['counts']['videos']) == ('holdout', 0.3, 1)
    with pytest.raises(MMDetError, match=rf"{held_out} is not in .*gt.json \(split 'train-holdout' of 0.3\)"):
        evaluate([benchmark, *arguments, '--split', 'train-holdout', '--holdout-fraction', '0.3'])
    assert check([*arguments, *split]) == 0
    assert check([*arguments, '--split', 'train-holdout', '--holdout-fraction', '0.3']) == 1


def test_coco_on_published_results(evaluate, data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / 'real' / 'coco_eval'
    arguments = [str(folder / 'instances_val2014_fakebbox100_results.json'), '--metrics', 'bbox']
    out = tmp_path / 'n.json'
    assert evaluate(
        ['coco', *arguments, '--annotations', str(folder / 'instances_val2014_100.json'), '--json', str(out)]
    ) == 0
    assert json.loads(out.read_bytes())['bbox']['summary']['AP'] == pytest.approx(0.505, abs=5e-4)


def test_numbers_of_the_parity_files(evaluate, parity_dir: Path, tmp_path: Path) -> None:
    folder, out = parity_dir / 'ytvis_eval', tmp_path / 'n.json'
    arguments = ['ytvis', str(folder / 'results.json'), '--annotations', str(folder / 'gt.json'), '--json', str(out)]
    assert evaluate(arguments) == 0
    expected = json.loads((folder / 'expected.json').read_bytes())
    numbers = json.loads(out.read_bytes())
    assert numbers['summary'] == pytest.approx(expected['summary'], abs=1e-9)


def test_wrong_usage(evaluate, capsys) -> None:
    for arguments in ([], ['nonsense'], ['ytvis', 'r.json']):
        with pytest.raises(SystemExit) as stopped:
            evaluate(arguments)
        assert stopped.value.code == 2
    capsys.readouterr()


def test_errors_are_one_sentence_and_code_1(repo_root: Path, files) -> None:
    arguments = files(results(), {**truth(), 'annotations': None})
    command = [sys.executable, str(repo_root / 'tools' / 'evaluate.py'), 'ytvis', *arguments]
    environment = {key: value for key, value in os.environ.items() if key != 'MMDET_TRACEBACK'}
    finished = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert finished.returncode == 1
    assert finished.stderr.startswith('AnnotationsMissingError: ')
    assert 'Traceback' not in finished.stderr
    assert finished.stdout == ''


def test_check_submission(check, files, capsys) -> None:
    assert check(files(results(), truth())) == 0
    assert '0 problems, 0 warnings: ready to upload' in capsys.readouterr().out
    assert check([*files(results(score=3, category_id=9), truth()), '--max', '1']) == 1
    shown = capsys.readouterr().out
    assert 'r.json: result 0, video 7: category_id 9' in shown
    assert '... and 1 more problems' in shown


def test_davis_with_plots(evaluate: Callable[..., int], data_dir: Path, tmp_path: Path) -> None:
    root = data_dir / 'real' / 'davis'
    (tmp_path / 'one.txt').write_text('libby\n')
    argv = ['davis', str(root / 'results/osvos'), '--annotations', str(root), '--sequences', str(tmp_path / 'one.txt')]
    assert evaluate([*argv, '--plot', str(tmp_path / 'plots'), '--json', str(tmp_path / 'n.json')]) == 0
    assert [path.name for path in (tmp_path / 'plots').iterdir()] == ['libby.png']
    numbers = json.loads((tmp_path / 'n.json').read_text())
    assert numbers['per_object']['libby_1']['J-Mean'] == pytest.approx(0.623027, abs=1e-6)


def test_davis_2016_with_masks_of_0_and_255(evaluate: Callable[..., int], data_dir: Path, tmp_path: Path) -> None:
    """The truth drawn white, against maps with object numbers; sequences are those of the root's list of 2016."""
    root = data_dir / 'real' / 'davis'
    names = read_names(root / 'ImageSets/2016/val.txt')
    for name in names:
        for path in (root / 'Annotations/480p' / name).glob('*.png'):
            labels = read_label_map(path)
            write_label_map(tmp_path / 'results' / name / path.name, np.where(labels > 0, 255, 0).astype(np.uint8))
    argv = ['davis', str(tmp_path / 'results'), '--annotations', str(root), '--merge-objects']
    assert evaluate([*argv, '--json', str(tmp_path / 'n.json')]) == 0
    numbers = json.loads((tmp_path / 'n.json').read_text())
    assert list(numbers['per_object']) == [f'{name}_1' for name in sorted(names)] and numbers['J&F-Mean'] == 1


def test_vot(evaluate: Callable[..., int], data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """A run that answers with the truth, on real frames."""
    bag = data_dir / 'real' / 'sot' / 'bag'
    for name in ('bag', 'other'):
        (tmp_path / 'vot' / name).mkdir(parents=True)
        (tmp_path / 'vot' / name / 'color').symlink_to(bag / 'img')
        (tmp_path / 'vot' / name / 'groundtruth.txt').symlink_to(bag / 'groundtruth.txt')
    (tmp_path / 'vot/list.txt').write_text('bag\nother\n')
    (tmp_path / 'vot/bag/occlusion.tag').write_text('0\n' * 30 + '1\n' * 5)
    (tmp_path / 'r/baseline/bag').mkdir(parents=True)
    lines = (bag / 'groundtruth.txt').read_text().splitlines()
    (tmp_path / 'r/baseline/bag/bag_001.txt').write_text('\n'.join(['1', *lines[1:]]) + '\n')
    argv = ['vot', str(tmp_path / 'r'), '--annotations', str(tmp_path / 'vot'), '--interval', '20', '60']
    assert evaluate([*argv, '--json', str(tmp_path / 'n.json'), '--plot', str(tmp_path / 'plots')]) == 0
    assert [path.name for path in (tmp_path / 'plots').iterdir()] == ['bag.png']
    numbers = json.loads((tmp_path / 'n.json').read_text())
    assert (numbers['accuracy'], numbers['robustness'], numbers['EAO']) == pytest.approx((1, 0, 1))
    assert numbers['sequences_without_results'] == ['other']
    assert numbers['per_attribute'] == {'occlusion': {'accuracy': pytest.approx(1), 'lost': 0, 'frames': 5}}
    assert 'without 1 sequences' in capsys.readouterr().out


def test_youtube_vos_with_plots(evaluate: Callable[..., int], tmp_path: Path) -> None:
    """The truth as a result, one plot per video with an object that is scored."""
    config = ShapesConfig(size=(96, 64), num_frames=5, enter_probability=0.9)
    root = make_shapes(tmp_path / 'set', config, {'valid': 2}, YouTubeVOSWriter(step=2), progress=False)
    videos = [video for video in read_meta(root / 'valid/meta.json') if any(o.frames[1:] for o in video.objects)]
    argv = ['vos', str(root / 'valid'), '--annotations', str(root / 'valid'), '--plot', str(tmp_path / 'plots')]
    assert evaluate([*argv, '--json', str(tmp_path / 'n.json')]) == 0
    assert sorted(path.stem for path in (tmp_path / 'plots').iterdir()) == sorted(video.name for video in videos)
    assert json.loads((tmp_path / 'n.json').read_text())['overall'] == 1

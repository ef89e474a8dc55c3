"""``tools/evaluate.py mot`` and ``mots``: numbers on the screen and in the file, errors in a sentence."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmdet.errors import ConfigError, DataError
from mmdet.formats import MaskTable, read_masks, write_mask_pngs, write_masks
from mmdet.ops.rle import encode


@pytest.fixture
def evaluate(repo_root: Path) -> Callable[..., int]:
    spec = importlib.util.spec_from_file_location('evaluate', repo_root / 'tools' / 'evaluate.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def square(left: int) -> dict:
    mask = np.zeros((20, 40), np.uint8)
    mask[2:12, left : left + 10] = 1
    return encode(mask)


@pytest.fixture
def mots(tmp_path: Path) -> Path:
    """Two cars over two frames; the results have one of them half a width aside."""
    for name, left in (('gt', 20), ('results', 23)):
        rows = [(t, i, m) for t in (0, 1) for i, m in ((1001, square(2)), (1002, square(left)))]
        frames, ids, masks = (list(column) for column in zip(*rows))
        write_masks(tmp_path / name / '0000.txt', MaskTable.of(name, frames, ids, [1] * 4, masks))
    (tmp_path / 'map').write_text('0000 empty 000000 000002\n')
    return tmp_path


def test_results_as_text_and_as_maps(evaluate, mots: Path) -> None:
    """Text counts where it is there, whatever lies in a folder of the same name; maps where there is none."""
    out, results = mots / 'numbers.json', mots / 'results'
    arguments = ['mots', str(results), '--annotations', str(mots / 'gt'), '--seqmap', str(mots / 'map')]

    def score() -> float:
        assert evaluate([*arguments, '--json', str(out)]) == 0
        return json.loads(out.read_bytes())['scores']['car']['all']['sMOTA']

    of_text = score()
    (results / '0000').mkdir()
    (results / '0000/overlay.jpg').write_bytes(b'')
    assert score() == of_text
    truth = read_masks(mots / 'gt/0000.txt')
    write_mask_pngs(results / '0000', truth, 2, (20, 40))
    assert score() == of_text < 1
    (results / '0000.txt').unlink()
    assert score() == 1


@pytest.mark.parametrize('protocol', ['trackeval', 'mots_tools'])
def test_motschallenge_counts_frames_from_one(evaluate, mots: Path, protocol: str) -> None:
    people = read_masks(mots / 'gt/0000.txt')
    table = MaskTable.of('gt', people.frames, people.ids + 1000, [2] * 4, people.masks.rles(), first_frame=1)
    for path in ('train/0002/gt/gt.txt', 'found/0002.txt'):
        write_masks(mots / path, table)
    assert (mots / 'found/0002.txt').read_text().startswith('1 2001 2 ')
    out = mots / 'numbers.json'
    arguments = ['mots', str(mots / 'found'), '--annotations', str(mots / 'train'), '--protocol', protocol]
    assert evaluate([*arguments, '--json', str(out)]) == 0
    name = 'sMOTA' if protocol == 'trackeval' else 'sMOTSA'
    assert json.loads(out.read_bytes())['scores']['pedestrian']['all'][name] == 1
    text = (mots / 'found/0002.txt').read_text()
    (mots / 'found/0002.txt').write_text(text.replace('2 2001', '3 2001'))  # a frame too late
    assert evaluate([*arguments, '--json', str(out)]) == 0
    assert json.loads(out.read_bytes())['scores']['pedestrian']['all'][name] < 1


@pytest.mark.parametrize(('protocol', 'name'), [('trackeval', 'sMOTA'), ('mots_tools', 'sMOTSA')])
def test_mots(evaluate, mots: Path, capsys, protocol: str, name: str) -> None:
    out = mots / 'numbers.json'
    files = [str(mots / 'results'), '--annotations', str(mots / 'gt'), '--seqmap', str(mots / 'map')]
    assert evaluate(['mots', *files, '--protocol', protocol, '--json', str(out)]) == 0
    assert f'car ({protocol})' in capsys.readouterr().out
    numbers = json.loads(out.read_bytes(), parse_constant=pytest.fail)  # no NaN, no Infinity
    assert numbers['protocol'] == protocol
    assert numbers['scores']['car']['all'][name] == pytest.approx((1 + 70 / 130) / 2)


def test_mots_errors(evaluate, mots: Path) -> None:
    files = [str(mots / 'results'), '--annotations', str(mots / 'gt')]
    with pytest.raises(DataError, match='no ground truth of sequence 0002'):
        evaluate(['mots', *files, '--part', 'kitti-val'])
    with pytest.raises(ConfigError, match='--part val: give benchmark and part, such as kitti-val'):
        evaluate(['mots', *files, '--part', 'val'])
    (mots / 'results' / '0000.txt').unlink()
    with pytest.raises(DataError, match='no results for sequence 0000'):
        evaluate(['mots', *files])


def test_mot(evaluate, tmp_path: Path, capsys) -> None:
    rows = '1,1,10,10,20,20,1,-1,-1,-1\n2,1,10,10,20,20,1,-1,-1,-1\n'
    for path in ('train/A/gt/gt.txt', 'results/A.txt'):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(rows)
    for truth, results in (('train', 'results'), ('train/A', 'results/A.txt'), ('train/A/gt/gt.txt', 'results')):
        assert evaluate(['mot', str(tmp_path / results), '--annotations', str(tmp_path / truth)]) == 0
        shown = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert ['A', '1.0000'] in [cells[:2] for cells in shown]


@pytest.mark.parametrize('overlap', ['masks', 'boxes'])
def test_youtube_vis_files(evaluate, tmp_path: Path, overlap: str) -> None:
    masks = [square(2), square(4), None]
    annotation = {'id': 1, 'video_id': 7, 'category_id': 3, 'segmentations': masks}
    truth = {
        'videos': [{'id': 7, 'height': 20, 'width': 40, 'length': 3}],
        'categories': [{'id': 3, 'name': 'cat'}, {'id': 4, 'name': 'dog'}],
        'annotations': [annotation],
    }
    result = {'video_id': 7, 'category_id': 3, 'score': 0.5, 'segmentations': masks}
    weak = {**result, 'score': 0.01, 'category_id': 4}
    (tmp_path / 'gt.json').write_text(json.dumps(truth))
    (tmp_path / 'r.json').write_text(json.dumps([result, weak]))
    out = tmp_path / 'numbers.json'
    files = [str(tmp_path / 'r.json'), '--annotations', str(tmp_path / 'gt.json'), '--json', str(out)]
    assert evaluate(['mot', *files, '--overlap', overlap, '--min-score', '0.1']) == 0
    scores = json.loads(out.read_bytes())['scores']
    assert scores['cat']['all']['HOTA'] == pytest.approx([1] * 19)
    assert scores['dog']['all']['Dets'] == 0
    assert evaluate(['mot', *files, '--overlap', overlap]) == 0
    assert json.loads(out.read_bytes())['scores']['dog']['all']['CLR_FP'] == 2


SEQUENCE = '1,1,10,10,20,20,1,-1,-1,-1\n2,1,10,10,20,20,1,-1,-1,-1\n'


@pytest.fixture
def two_sequences(tmp_path: Path) -> Path:
    """Sequences A and B that look the same; result files of A, of B and of nobody."""
    for path in ('train/A/gt/gt.txt', 'train/B/gt/gt.txt', 'results/A.txt', 'results/B.txt', 'results/other.txt'):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(SEQUENCE)
    (tmp_path / 'map').write_text('name\nA\nB\n')
    return tmp_path


def test_one_file_is_of_the_sequence_that_it_is_called_like(evaluate, two_sequences: Path, capsys) -> None:
    root = two_sequences
    truth = ['--annotations', str(root / 'train')]
    assert evaluate(['mot', str(root / 'results/B.txt'), *truth]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert 'B' in names and 'A' not in names
    with pytest.raises(DataError, match=r'other\.txt: one file of results for 2 sequences \(A, B\)'):
        evaluate(['mot', str(root / 'results/other.txt'), *truth])
    assert evaluate(['mot', str(root / 'results/other.txt'), '--annotations', str(root / 'train/A')]) == 0


def test_one_mots_file_is_of_the_sequence_that_it_is_called_like(evaluate, mots: Path, capsys) -> None:
    (mots / 'gt' / '0001.txt').write_text((mots / 'gt' / '0000.txt').read_text())
    truth = ['--annotations', str(mots / 'gt')]
    assert evaluate(['mots', str(mots / 'results' / '0000.txt'), *truth]) == 0
    assert '0001' not in capsys.readouterr().out
    (mots / 'results' / '0000.txt').rename(mots / 'other.txt')
    with pytest.raises(DataError, match='one file of results for 2 sequences'):
        evaluate(['mots', str(mots / 'other.txt'), *truth])


@pytest.mark.parametrize(
    ('truth', 'options'),
    [
        ('train/A', ['--seqmap', 'map']),
        ('train/A/gt/gt.txt', ['--seqmap', 'map']),
        ('gt.json', ['--seqmap', 'map']),
        ('gt.json', ['--distractors', '2']),
        ('gt.json', ['--distractors']),
        ('train', ['--overlap', 'boxes']),
        ('train', ['--min-score', '0.5']),
        ('train', ['--split', 'holdout']),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_options_without_effect_are_refused(
    evaluate, two_sequences: Path, truth: str, options: list[str], capsys
) -> None:
    arguments = ['mot', str(two_sequences / 'results'), '--annotations', str(two_sequences / truth)]
    with pytest.raises(SystemExit) as stopped:
        evaluate([*arguments, *options])
    assert stopped.value.code == 2
    assert options[0] in capsys.readouterr().err.splitlines()[-1]

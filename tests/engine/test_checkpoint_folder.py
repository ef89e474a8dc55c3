"""Which checkpoint is newest, what survives, and what a damaged folder does."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest
import torch

from mmdet.engine.checkpoint_folder import BestRule, CheckpointFolder, load_training, newest_of
from mmdet.errors import CheckpointError, ConfigError


def content(number):
    return {
        'state_dict': {'w': torch.full((2,), float(number))},
        'optimizer': {},
        'param_schedulers': [],
        'message': {'iter': number},
    }


@pytest.fixture
def folder(tmp_path):
    """Three checkpoints; iter_3 is the newest."""
    folder = CheckpointFolder(tmp_path, max_keep=0)
    for number in (1, 2, 3):
        folder.save(content(number), f'iter_{number}.pth')
        os.utime(tmp_path / f'iter_{number}.pth', (number, number))
    return folder


@pytest.mark.parametrize(
    ('case', 'expected'),
    [
        ('as saved', 'iter_3.pth'),
        ('pointer to an older one', 'iter_2.pth'),
        ('no pointer', 'iter_3.pth'),
        ('empty pointer', 'iter_3.pth'),
        ('pointer into the void', 'iter_3.pth'),
        ('newest cut off', 'iter_2.pth'),
        ('newest empty', 'iter_2.pth'),
        ('absolute pointer', 'iter_1.pth'),
    ],
)
def test_newest(folder, tmp_path, case, expected):
    pointer, newest = tmp_path / 'last_checkpoint', tmp_path / 'iter_3.pth'
    match case:
        case 'pointer to an older one':
            pointer.write_text('iter_2.pth\n')
        case 'no pointer':
            pointer.unlink()
        case 'empty pointer':
            pointer.write_text('')
        case 'pointer into the void':
            pointer.write_text('iter_9.pth')
        case 'newest cut off':
            newest.write_bytes(newest.read_bytes()[:500])
        case 'newest empty':
            newest.write_bytes(b'')
        case 'absolute pointer':
            pointer.write_text(str(tmp_path / 'iter_1.pth'))
    assert newest_of(tmp_path) == str(tmp_path / expected)


def test_all_damaged_is_an_error_and_none_is_none(folder, tmp_path):
    assert newest_of(tmp_path / 'nowhere') is None
    for path in tmp_path.glob('*.pth'):
        path.write_bytes(b'x')
    with pytest.raises(CheckpointError, match='none of its checkpoints') as error:
        newest_of(tmp_path)
    assert all(f'iter_{number}.pth' in str(error.value) for number in (1, 2, 3))


def test_weights_alone_do_not_resume(tmp_path):
    torch.save({'state_dict': {}}, tmp_path / 'w.pth')
    with pytest.raises(CheckpointError, match='no optimizer, param_schedulers, message'):
        load_training(tmp_path / 'w.pth')


def test_old_ones_go_after_the_new_one_is_there(tmp_path, monkeypatch):
    folder = CheckpointFolder(tmp_path, max_keep=2)
    (tmp_path / 'epoch_9.pth').touch()  # of another run
    for number in range(1, 5):
        folder.save(content(number), f'iter_{number}.pth')
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == ['epoch_9.pth', 'iter_3.pth', 'iter_4.pth']

    def fails(obj, path):
        raise CheckpointError('full')

    monkeypatch.setattr('mmdet.engine.checkpoint_folder.save_atomic', fails)
    with pytest.raises(CheckpointError, match='full'):
        folder.save(content(5), 'iter_5.pth')
    assert sorted(p.name for p in tmp_path.glob('iter*.pth')) == ['iter_3.pth', 'iter_4.pth']
    assert (tmp_path / 'last_checkpoint').read_text() == 'iter_4.pth\n'


def _save_for_ever(folder):
    keeper, number = CheckpointFolder(folder, max_keep=2), 0
    while True:
        number += 1
        keeper.save({**content(number), 'ballast': torch.ones(2_000_000)}, f'iter_{number}.pth')


def test_killed_while_writing(tmp_path):
    """SIGKILL at any moment: a checkpoint can be read, and it is not an old one."""
    for moment in (0.0, 0.004, 0.011, 0.017):
        folder = tmp_path / str(moment)
        writer = multiprocessing.get_context('fork').Process(target=_save_for_ever, args=(folder,))
        writer.start()
        while not (folder / 'iter_3.pth').exists() and writer.is_alive():
            time.sleep(0.001)
        time.sleep(moment)
        writer.kill()
        writer.join()
        assert writer.exitcode == -9
        found = load_training(newest_of(folder))
        assert found['message']['iter'] >= 2
        assert len(found['ballast']) == 2_000_000


@pytest.mark.parametrize('links', [True, False], ids=['link', 'copy'])
def test_best_outlives_its_source(folder, tmp_path, monkeypatch, links):
    if not links:

        def refuse(*paths):
            raise OSError(1, 'no links here')

        monkeypatch.setattr(os, 'link', refuse)
    for number in (1, 2):
        folder.keep_best(tmp_path / f'iter_{number}.pth', 'best_AP.pth')
        (tmp_path / f'iter_{number}.pth').unlink()
    assert load_training(tmp_path / 'best_AP.pth')['message']['iter'] == 2
    assert not [path for path in tmp_path.iterdir() if path.name.startswith('.')]


@pytest.mark.parametrize(
    ('rule', 'score', 'best', 'better'),
    [
        ('greater', 0.1, None, True),
        ('greater', 0.2, 0.1, True),
        ('greater', 0.1, 0.1, False),
        ('less', 0.1, 0.2, True),
        ('less', 0.2, 0.1, False),
        ('greater', float('nan'), None, False),
    ],
)
def test_best_rule(rule, score, best, better):
    assert BestRule('auto', rule).improves(score, best) == better


def test_best_rule_refuses():
    with pytest.raises(ConfigError, match="'greater' or 'less'"):
        BestRule('auto', 'more')
    assert BestRule(None).key({'AP': 1.0}) is None
    assert BestRule().key({'AP': 1.0, 'AR': 0.5}) == 'AP'

"""Loaders: what a model gets, with and without worker processes."""

import os

import pytest
import torch

from mmdet.datasets import build_test_loader, build_train_loader
from mmdet.datasets.loader import ClipLoader
from mmdet.errors import ConfigError, DataError

BOX = [4, 6, 10, 8]


@pytest.fixture
def paths(vis, make_set):
    """A set of two videos, one of them portrait."""
    videos = [vis.video(1, 5), vis.video(2, 3, size=(64, 48))]
    annotations = [vis.track(v['id'], v['id'], [BOX] * v['length'], size=(v['height'], v['width'])) for v in videos]
    return make_set(vis.document(videos, annotations))


def dataset_config(paths, pipeline, **more):
    """Config of the data set."""
    base = {'type': 'YouTubeVISDataset', 'ann_file': 'train.json', 'data_root': str(paths.root)}
    return {**base, 'img_prefix': 'JPEGImages', 'pipeline': pipeline, **more}


@pytest.mark.parametrize('workers', [0, 2])
def test_train_batches(paths, vis, workers):
    cfg = {'batch_size': 2, 'num_workers': workers, 'dataset': dataset_config(paths, vis.LOAD)}
    loader = build_train_loader(cfg, seed=0)
    assert isinstance(loader, ClipLoader) and len(loader) == 5
    seeds = []
    for epoch in range(2):  # persistent workers must see the new epoch
        batches = list(loader)
        assert len(batches) == 5
        for batch in batches:
            assert set(batch) == {'inputs', 'data_samples'}
            assert len(batch['inputs']) == len(batch['data_samples']) == 2
            assert {x.shape for x in batch['inputs']} in ({(2, 3, 48, 64)}, {(2, 3, 64, 48)})
            seeds += [samples[0].sample_seed for samples in batch['data_samples']]
        assert loader.batch_sampler.epoch == epoch + 1
    assert len(set(seeds)) == 16  # 8 key frames in 2 epochs; two batches per epoch are filled up with repeats


def test_workers_change_nothing(paths, vis):
    def everything(workers):
        cfg = {'batch_size': 2, 'num_workers': workers, 'dataset': dataset_config(paths, vis.LOAD)}
        batches = list(build_train_loader(cfg, seed=4))
        return [(b['inputs'], [s.metainfo for samples in b['data_samples'] for s in samples]) for b in batches]

    for (images1, meta1), (images2, meta2) in zip(everything(0), everything(2)):
        assert meta1 == meta2
        assert all(torch.equal(a, b) for a, b in zip(images1, images2))


def test_starting_an_epoch_leaves_the_global_random_state_alone(paths, vis):
    loader = build_train_loader({'num_workers': 0, 'dataset': dataset_config(paths, vis.LOAD)}, seed=0)
    before = torch.get_rng_state()
    next(iter(loader))
    assert torch.equal(before, torch.get_rng_state())


def test_test_chunks(paths, vis):
    dataset = dataset_config(paths, [vis.LOAD[0], vis.LOAD[2]], test_mode=True)
    loader = build_test_loader({'num_workers': 1, 'dataset': dataset}, chunk_size=2)
    seen = [(s.video_id, s.frame_id) for batch in loader for samples in batch['data_samples'] for s in samples]
    assert seen == [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1), (2, 2)]
    second = build_test_loader({'num_workers': 0, 'dataset': dataset}, chunk_size=8, rank=1, world_size=2)
    assert [batch['inputs'][0].shape for batch in second] == [(3, 3, 64, 48)]


@pytest.mark.parametrize('workers', [0, 1])
def test_errors_keep_their_type_and_message(paths, vis, workers):
    os.remove(paths.images / 'v1' / '00003.png')
    dataset = dataset_config(paths, [vis.LOAD[0], vis.LOAD[2]], test_mode=True)
    loader = build_test_loader({'num_workers': workers, 'dataset': dataset}, chunk_size=2)
    batches = iter(loader)
    assert next(batches)['data_samples'][0][0].frame_id == 0
    with pytest.raises(DataError) as error:
        next(batches)
    place = f'{paths.images}/v1/00003.png ({paths.ann_file}, video 1, frame 3)'
    assert str(error.value) == (
        f'{place}: the image does not exist (the folder exists); check data_root and img_prefix'
    )
    assert 'read_image' in str(error.value.__cause__)  # where it came from, for MMDET_TRACEBACK=1


WRONG = {
    'unknown key': ({'batchsize': 2}, 'does not take batchsize'),
    'unknown sampler key': ({'sampler': {'shufle': False}}, "did you mean 'shuffle'"),
    'data set in test mode': ({'test_mode': True}, 'training needs test_mode=False'),
}


@pytest.mark.parametrize(('change', 'message'), WRONG.values(), ids=WRONG)
def test_wrong_configs(paths, vis, change, message):
    dataset = dataset_config(paths, vis.LOAD, test_mode=change.pop('test_mode', False))
    with pytest.raises(ConfigError, match=message):
        build_train_loader({'dataset': dataset, **change}, seed=0)


def test_wrong_test_configs(paths, vis):
    with pytest.raises(ConfigError, match='batch_size must be 1, got 8'):
        build_test_loader({'dataset': {}, 'batch_size': 8}, chunk_size=1)
    with pytest.raises(ConfigError, match='testing needs test_mode=True'):
        build_test_loader({'dataset': dataset_config(paths, vis.LOAD)}, chunk_size=1)
    with pytest.raises(ConfigError, match="needs the key 'dataset'"):
        build_test_loader({}, chunk_size=1)

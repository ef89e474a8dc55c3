"""The toy model and data set of toy.py as fixtures."""

from __future__ import annotations

import importlib.util
import logging
import multiprocessing
import runpy
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from mmdet.engine.distributed import STORE_VARIABLE, Process

TOY = Path(__file__).with_name('toy.py')


@pytest.fixture(scope='session')
def toy():
    """The module toy.py."""
    spec = importlib.util.spec_from_file_location('engine_toy', TOY)
    module = importlib.util.module_from_spec(spec)
    sys.modules['engine_toy'] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def process():
    """The only process of a run, on the CPU."""
    return Process(device=torch.device('cpu'))


@pytest.fixture
def start_ranks(tmp_path):
    """Start toy.py in N processes that find each other; they fork from one that has imported everything already.

    Called with the number of processes, the work folder and options; gives the processes and the file they print to.
    """
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmdet.engine.trainer', 'mmdet.datasets.loader', 'cv2'])
    stores, started = [], []

    def start(count, folder, *options):
        store = dist.TCPStore('127.0.0.1', 0, is_master=True, wait_for_workers=False)
        stores.append(store)
        output = tmp_path / f'{Path(folder).name}_{len(stores)}.txt'
        shared = {'WORLD_SIZE': str(count), STORE_VARIABLE: f'127.0.0.1:{store.port}', 'GLOO_SOCKET_IFNAME': 'lo'}
        ranks = []
        for rank in range(count):
            given = {
                'environment': {**shared, 'RANK': str(rank), 'LOCAL_RANK': str(rank)},
                'output': str(output),
                'arguments': [str(folder), *options],
            }
            arguments = {'init_globals': {'GIVEN': given}, 'run_name': '__main__'}
            ranks.append(context.Process(target=runpy.run_path, args=(str(TOY),), kwargs=arguments))
            ranks[-1].start()
        started.extend(ranks)
        return ranks, output

    yield start
    for rank in started:
        rank.kill()


@pytest.fixture(autouse=True)
def _logs_to_pytest():
    """Let caplog see this package's logs, whatever a test does to them."""
    root = logging.getLogger('mmdet')
    root.setLevel(logging.INFO)
    root.propagate = True
    yield
    root.handlers.clear()
    root.propagate = True

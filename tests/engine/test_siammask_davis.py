"""A trained SiamMask follows the objects of a DAVIS set through the ordinary test loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmdet.datasets.shapes import ShapesConfig, make_shapes
from mmdet.engine.build import build_tester, build_trainer
from mmdet.engine.config import load_config
from mmdet.engine.distributed import join_processes
from mmdet.errors import ConfigError
from mmdet.sequences import object_numbers, read_label_map


@pytest.mark.parametrize('name', ['siammask_base_r18_shapes', 'siammask_sharp_r18_shapes', 's2iammask_r18_shapes'])
def test_train_and_test(reduced_config: Callable, repo_root: Path, tmp_path: Path, name: str) -> None:
    shapes = ShapesConfig(size=(96, 64), num_frames=4, enter_probability=0)
    make_shapes(tmp_path / 'davis', shapes, {'train': 1, 'valid': 2}, fmt='davis', progress=False)
    config, whole = reduced_config(name, tmp_path), load_config(repo_root / f'configs/{name}.py')
    config.test_dataloader, config.test_evaluator = whole.test_dataloader, whole.test_evaluator
    config.test_dataloader.dataset.data_root = str(tmp_path / 'davis')
    config.val_dataloader, config.val_evaluator = config.test_dataloader, config.test_evaluator
    process = join_processes('none')
    assert build_trainer(config, process).train()
    tester = build_tester(config, process, tmp_path / 'last.safetensors')
    numbers = tester.run()
    assert numbers is not None and 0 <= numbers['J-Mean'] <= 1
    results = Path(tester.export(tmp_path / 'results'))
    truth = tmp_path / 'davis/Annotations/480p'
    names = sorted(path.name for path in results.iterdir())
    assert len(names) == 2 and all(len(list((results / name).glob('*.png'))) == 4 for name in names)
    for name in names:  # what was marked is the result of its frame; later maps hold no other objects
        first = read_label_map(truth / name / '00000.png')
        np.testing.assert_array_equal(read_label_map(results / name / '00000.png'), first)
        numbers_of = [set(object_numbers(read_label_map(path, first.shape))) for path in (results / name).glob('*.png')]
        assert all(found <= set(object_numbers(first)) for found in numbers_of)


def test_a_set_that_marks_nothing_is_refused(reduced_config: Callable, tmp_path: Path) -> None:
    config = reduced_config('siammask_base_r18_shapes', tmp_path)
    other = reduced_config('masktrack_rcnn_r18_fpn_shapes', tmp_path)
    config.test_dataloader, config.test_evaluator = other.test_dataloader, other.test_evaluator
    with pytest.raises(ConfigError, match='SiamMask follows what is marked, and YouTubeVISDataset marks nothing'):
        build_tester(config, join_processes('none'), None)
    config.val_dataloader, config.val_evaluator = other.test_dataloader, other.test_evaluator
    with pytest.raises(ConfigError, match='marks nothing'):
        build_trainer(config, join_processes('none'))

"""Reading configs: inheritance, overrides, misspelt keys."""

from __future__ import annotations

import json

import pytest

from mmdet.engine.config import changed_keys, load_config, parse_overrides, to_json
from mmdet.errors import ConfigError
from mmdet.registry import register_all

BASE = """
_lr = 0.01
model = dict(type='ToyModel', detector=dict(depth=50, anchors=[dict(scale=1), dict(scale=2)]))
train_dataloader = dict(batch_size=2, dataset=dict(type='ToyData'))
train_cfg = dict(max_epochs=2)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=_lr))
load_from = None
"""


@pytest.fixture
def write(tmp_path):
    def write(text=BASE, name='config.py'):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_constants_are_used_and_left_out(write):
    config = load_config(write())
    assert config.optim_wrapper.optimizer.lr == 0.01
    assert '_lr' not in config


def test_one_level_of_inheritance(write):
    write(name='base.py')
    config = load_config(write("_base_ = 'base.py'\ntrain_cfg = dict(max_epochs=7)", 'child.py'))
    assert config.train_cfg.max_epochs == 7
    assert config.model.detector.depth == 50
    with pytest.raises(ConfigError, match='Only one level'):
        load_config(write("_base_ = ['child.py']", 'grandchild.py'))


@pytest.mark.parametrize(
    ('case', 'text', 'message'),
    [
        ('misspelt top key', 'modle = dict()', "no key 'modle'. Did you mean 'model'"),
        ('own constant without underscore', "my_root = 'data'", 'begin with an underscore'),
        ('key of another system', 'default_hooks = dict()', "checkpoints are 'checkpoint_cfg'"),
        ('misspelt key of a section', 'train_cfg = dict(max_epoch=2)', "no key 'max_epoch'. Did you mean"),
        ('section that is no dict', 'log_cfg = 3', 'log_cfg must be a dict'),
        ('no length', 'train_cfg = dict(val_interval=1)', 'max_epochs or max_iters; it gives neither'),
        ('two lengths', 'train_cfg = dict(max_epochs=1, max_iters=2)', 'max_epochs and max_iters'),
        ('not Python', 'model = dict(', 'not valid Python'),
        ('does not run', 'model = undefined', "name 'undefined' is not defined"),
        ('base that is not there', "_base_ = 'nowhere.py'", 'nowhere.py does not exist'),
        ('import that is not there', "custom_imports = dict(imports=['no_such_module_here'])", 'no_such_module_here'),
    ],
)
def test_bad_files(write, case, text, message):
    with pytest.raises(ConfigError, match=r'config\.py') as error:
        load_config(write(text))
    assert message in str(error.value), case


def test_all_unknown_keys_at_once(write):
    with pytest.raises(ConfigError) as error:
        load_config(write('modle = dict()\nsead = 1\nlog_cfg = dict(intervall=1)'))
    assert all(word in str(error.value) for word in ("'modle'", "'sead'", "'intervall'"))


def test_missing_file_names_its_neighbours(write):
    path = write()
    with pytest.raises(ConfigError, match=r'its folder has config\.py'):
        load_config(path.with_name('confg.py'))


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('a.b=1', 1),
        ('a.b=1e-3', 0.001),
        ('a.b=(640, 360)', (640, 360)),
        ("a.b=['cat', 'dog']", ['cat', 'dog']),
        ('a.b=[cat,dog]', ['cat', 'dog']),
        ('a.b=cat,dog', ['cat', 'dog']),
        ('a.b=true', True),
        ('a.b=False', False),
        ('a.b=None', None),
        ('a.b=data/my clips/x=y.json', 'data/my clips/x=y.json'),
        ("a.b={'type': 'IoUTracker'}", {'type': 'IoUTracker'}),
        ('a.b=__import__("os").getcwd()', '__import__("os").getcwd()'),  # text, not a call
    ],
)
def test_parse_overrides(text, value):
    assert parse_overrides([text]) == {'a.b': value}


@pytest.mark.parametrize('text', ['a.b', '=3', 'a.b=[1,(2]'])
def test_parse_overrides_refuses(text):
    with pytest.raises(ConfigError, match='--cfg-options'):
        parse_overrides([text])


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('model.detector.depth', 18),
        ('model.detector.anchors.1.scale', 5),
        ('train_dataloader.batch_size', 4),
        ('train_dataloader.num_workers', 0),  # optional, checked by the loader's builder
        ('optim_wrapper.clip_grad.max_norm', 3),  # optional part of a section
        ('log_cfg.interval', 5),  # optional section
        ('load_from', 'a.pth'),
        ('seed', 4),
    ],
)
def test_overrides(write, key, value):
    found = load_config(write(), {key: value}).to_dict()
    for part in key.split('.'):
        found = found[int(part)] if isinstance(found, list) else found[part]
    assert found == value


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('modle.detector.depth', "Did you mean 'model'"),
        ('model.detector.dept', "model.detector has no key 'dept'. Did you mean 'depth'"),
        ('model.detector.anchors.2.scale', 'list of 2, use 0 to 1'),
        ('model.detector.depth.x', 'which has no keys'),
        ('log_cfg.intervall', "Did you mean 'interval'"),
        ('optim_wrapper.clip_gradd', "Did you mean 'clip_grad'"),
    ],
)
def test_overrides_of_nothing(write, key, message):
    with pytest.raises(ConfigError) as error:
        load_config(write(), {key: 1})
    assert message in str(error.value)
    assert key.split('.')[0] in str(error.value)


def test_override_may_add_an_argument_of_a_registered_class(write, toy):
    path = write()
    assert load_config(path, {'model.noise': False}).model.noise is False
    with pytest.raises(ConfigError, match=r"no key 'noisy'\. Did you mean 'noise'"):
        load_config(path, {'model.noisy': False})


def test_json_and_changes(write):
    path = write()
    changes = {'model.detector.anchors.0.scale': 9, 'seed': 1}
    old, new = (json.loads(to_json(load_config(path, options))) for options in ({}, changes))
    assert changed_keys(old, old) == []
    assert changed_keys(old, new) == ['model.detector.anchors.0.scale', 'seed']


def test_every_config_of_the_project_is_valid(repo_root):
    paths = sorted((repo_root / 'configs').glob('*.py'))
    assert paths
    for path in paths:
        config = load_config(path)
        assert config.model.type
        assert json.loads(to_json(config))


SWAP = """
_base_ = 'base.py'
model = dict(detector=dict(type='Other', neck=dict(size=3)))
optim_wrapper = dict(optimizer=dict(lr=1))
"""


def test_dict_of_another_type_replaces_the_inherited_one(write):
    base = "model = dict(type='M', detector=dict(type='One', depth=50, neck=dict(size=1, deep=True)), x=1)"
    write(BASE.replace('model =', '_unused =') + base, 'base.py')
    config = load_config(write(SWAP, 'child.py')).to_dict()
    assert config['model'] == dict(type='M', detector=dict(type='Other', neck=dict(size=3)), x=1)
    assert config['optim_wrapper']['optimizer'] == dict(type='SGD', lr=1)


@pytest.mark.parametrize(
    ('case', 'written', 'expected'),
    [
        ('same type changes keys', "dict(type='One', depth=18)", dict(type='One', depth=18, neck=1)),
        ('no type changes keys', 'dict(depth=18)', dict(type='One', depth=18, neck=1)),
        ('other type', "dict(type='Two', depth=50)", dict(type='Two', depth=50)),  # the same value, but said again
        ('switched off', 'None', None),
        ('built from the base', "dict(type='Two', wide=_base_.model.detector.depth)", dict(type='Two', wide=50)),
    ],
)
def test_replacing_a_part(write, case, written, expected):
    write("model = dict(detector=dict(type='One', depth=50, neck=1))", 'base.py')
    config = load_config(write(f"_base_ = 'base.py'\nmodel = dict(detector={written})", 'child.py'))
    assert config.to_dict()['model']['detector'] == expected, case


@pytest.mark.parametrize(
    ('case', 'options', 'expected'),
    [
        ('another type', {'type': 'SORTTracker'}, dict(type='SORTTracker')),
        ('the same type', {'type': 'ByteTracker'}, dict(type='ByteTracker', max_age=3, low_threshold=0.1)),
        ('argument after', {'type': 'SORTTracker', 'min_iou': 0.4}, dict(type='SORTTracker', min_iou=0.4)),
        ('argument before', {'max_age': 7, 'type': 'SORTTracker'}, dict(type='SORTTracker', max_age=7)),
    ],
)
def test_override_of_a_type(write, case, options, expected):
    register_all()
    path = write("model = dict(tracker=dict(type='ByteTracker', max_age=3, low_threshold=0.1))")
    config = load_config(path, {f'model.tracker.{key}': value for key, value in options.items()})
    assert config.model.tracker == expected, case


def test_override_of_types_inside_each_other_and_in_a_list(write):
    path = write("model = dict(a=dict(type='A', x=1, b=dict(type='B', y=1)))\ncustom_hooks = [dict(type='H', z=1)]")
    options = {'model.a.b.type': 'D', 'model.a.type': 'C', 'custom_hooks.0.type': 'K'}
    config = load_config(path, options)
    assert config.model.a == dict(type='C', b=dict(type='D'))
    assert config.custom_hooks == [dict(type='K')]


def test_an_argument_that_the_new_class_does_not_take(write):
    register_all()
    path = write("model = dict(tracker=dict(type='ByteTracker', low_threshold=0.1))")
    with pytest.raises(ConfigError, match="no key 'low_threshold'"):
        load_config(path, {'model.tracker.type': 'SORTTracker', 'model.tracker.low_threshold': 0.2})


def test_override_by_a_dict_of_another_type(write):
    path = write("model = dict(detector=dict(type='One', depth=50))")
    assert load_config(path, {'model.detector': dict(type='Two', a=1)}).model.detector == dict(type='Two', a=1)
    assert load_config(path, {'model.detector': dict(a=1)}).model.detector == dict(type='One', depth=50, a=1)

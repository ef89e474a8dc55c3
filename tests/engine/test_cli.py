"""Option spellings and exit codes of the tools."""

from __future__ import annotations

import pytest

from mmdet.engine.cli import CommandParser, run
from mmdet.engine.environment import report, versions
from mmdet.errors import ConfigError, DataError


@pytest.fixture
def parser():
    parser = CommandParser('test')
    parser.add_argument('config', nargs='?')
    parser.add_argument('--work-dir')
    parser.add_argument('--load_from')
    parser.add_argument('--cfg-options', nargs='+')
    return parser


@pytest.mark.parametrize(
    'argv', [['--work-dir', 'a_b'], ['--work_dir', 'a_b'], ['--work_dir=a_b'], ['--work-dir=a_b']]
)
def test_underscores(parser, argv):
    assert parser.parse_args(argv).work_dir == 'a_b'


def test_what_is_no_option_stays(parser):
    args = parser.parse_args(['my_config.py', '--load_from', 'x', '--cfg-options', 'log_cfg.interval=1', 'a_b=c_d'])
    assert args.config == 'my_config.py'
    assert args.load_from == 'x'
    assert args.cfg_options == ['log_cfg.interval=1', 'a_b=c_d']


@pytest.mark.parametrize('argv', [['--work', 'a'], ['--unknown'], ['--work-dir']])
def test_wrong_usage(parser, argv, capsys):
    with pytest.raises(SystemExit) as error:
        parser.parse_args(argv)
    assert error.value.code == 2


def raising(error):
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize(
    ('main', 'code', 'message'),
    [
        (lambda argv: None, 0, ''),
        (lambda argv: 0, 0, ''),
        (lambda argv: 75, 75, ''),
        (raising(DataError('a.json: broken')), 1, 'DataError: a.json: broken\n'),
        (raising(KeyboardInterrupt()), 130, 'interrupted\n'),
    ],
)
def test_run(main, code, message, capsys, monkeypatch):
    monkeypatch.delenv('MMDET_TRACEBACK', raising=False)
    with pytest.raises(SystemExit) as error:
        run(main)
    assert error.value.code == code
    assert capsys.readouterr().err == message


def test_traceback_on_request_and_for_bugs(monkeypatch):
    monkeypatch.setenv('MMDET_TRACEBACK', '1')
    with pytest.raises(ConfigError):
        run(raising(ConfigError('x')))
    monkeypatch.delenv('MMDET_TRACEBACK')
    with pytest.raises(ZeroDivisionError):  # not ours: never hidden
        run(raising(ZeroDivisionError()))


def test_environment():
    found = report()
    assert found['packages']['torch'] == versions()['torch']
    assert all('missing' not in version for version in found['packages'].values())
    assert {'system', 'devices', 'operations'} <= found.keys()

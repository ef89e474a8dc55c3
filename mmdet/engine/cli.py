"""What every command line tool shares: option spellings, exit codes, and errors without a traceback.

Exit codes: 0 done, 1 failed, 2 wrong usage, 75 stopped by a signal after saving (``EX_TEMPFAIL``: run it again).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from mmdet.errors import MMDetError

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_STOPPED = 75


class CommandParser(argparse.ArgumentParser):
    """Argument parser that also takes the underscore spelling of every long option (``--work_dir``).

    Wrong usage ends the program with exit code 2, and option names must be written in full, so that a typing error
    is never taken for another option.
    """

    def __init__(self, description: str, *, epilog: str | None = None, prog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """As argparse, after rewriting ``--work_dir`` to ``--work-dir`` where only the latter is declared."""
        given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args([self._declared_spelling(argument) for argument in given], namespace)

    def _declared_spelling(self, argument: str) -> str:
        option, equals, value = argument.partition('=')
        hyphened = option.replace('_', '-')
        if option not in self._option_string_actions and hyphened in self._option_string_actions:
            return hyphened + equals + value
        return argument


def run(main: Callable[[Sequence[str] | None], int | None]) -> None:
    """Call ``main(argv)`` and leave the program with its exit code.

    ``main`` gets None (argparse then reads ``sys.argv``) and returns an exit code or None for success. An error of
    :mod:`mmdet.errors` prints its message and exits with 1; ``MMDET_TRACEBACK=1`` shows where it came from.
    """
    try:
        code = main(None)
    except MMDetError as error:
        if os.environ.get('MMDET_TRACEBACK') == '1':
            raise
        print(f'{type(error).__name__}: {error}', file=sys.stderr)
        code = EXIT_FAILED
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader of our output (head, less) went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_FAILED
    sys.exit(code or EXIT_DONE)

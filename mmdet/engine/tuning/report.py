"""What a search found: a table and the best parameters."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.engine.tuning.journal import Trial, key_of
from mmdet.engine.tuning.objectives import Objective
from mmdet.errors import ConfigError

__all__ = ['best_trial', 'ranked', 'trial_table']


def ranked(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    """Trials that ran, best first; of equal ones the config as it is, then in the order of their parameters.

    Raises:
        ConfigError: the metric does not have the number.
    """
    ran = [trial for trial in trials if trial.numbers]
    return sorted(ran, key=lambda t: (objective.rank(t.numbers), bool(t.params), key_of(t.params)))


def best_trial(trials: Sequence[Trial], objective: Objective) -> Trial:
    """The best one.

    Raises:
        ConfigError: all parameters were refused.
    """
    order = ranked(trials, objective)
    if not order:
        raise ConfigError(f'all parameters were refused; the first time: {trials[0].problem if trials else ""}')
    return order[0]


def trial_table(trials: Sequence[Trial], objective: Objective) -> str:
    """Markdown: one row per trial, best first, then those that were refused, with the reason."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    heads = [name.rsplit('.', 1)[-1] for name in names]
    order = ranked(trials, objective)
    numbers = objective.columns(order[0].numbers) if order else []
    lines = ['| ' + ' | '.join([*numbers, *heads]) + ' |', '|' + ' --- |' * (len(numbers) + len(names))]
    for trial in order:
        cells = [f'{trial.numbers[name]:.4f}' for name in numbers]
        lines.append('| ' + ' | '.join([*cells, *_values(trial, names)]) + ' |')
    refused = [trial for trial in trials if trial.problem]
    if refused:
        lines += ['', f'{len(refused)} combinations that were refused:', '']
        lines += [f'* {", ".join(f"{k}={v}" for k, v in trial.params.items())}: {trial.problem}' for trial in refused]
    return '\n'.join(lines) + '\n'


def _values(trial: Trial, names: Sequence[str]) -> list[str]:
    if not trial.params:
        return ['as in the config', *[''] * (len(names) - 1)] if names else []
    return [repr(trial.params[name]) if name in trial.params else '' for name in names]

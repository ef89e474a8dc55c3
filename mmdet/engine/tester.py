"""What every test has in common: run a model over a loader, keep what it finds in a folder, compute numbers from it."""

from __future__ import annotations

import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils.data import DataLoader

from mmdet.engine.distributed import Process
from mmdet.engine.stop_signal import DeafWorker, StopSignal
from mmdet.errors import ConfigError, MMDetError

log = logging.getLogger('mmdet.test')


class Tester(ABC):
    """Base of tests. Every process writes its share into one folder; rank 0 reads it and evaluates.

    Args:
        model: on its device.
        loader: the share of this process.
        process: this process.
        folder: where results go; what an earlier run left there is removed.
        metrics: each has ``evaluate(results, dataset)`` and ``export(results, dataset, path)``.
    """

    def __init__(
        self, model: nn.Module, loader: DataLoader, process: Process, folder: Path, metrics: Sequence[Any] = ()
    ) -> None:
        self.model, self.loader, self.process = model, loader, process
        self.dataset: Any = loader.dataset
        self.folder, self.metrics = Path(folder), list(metrics)
        loader.worker_init_fn = DeafWorker(loader.worker_init_fn)

    @abstractmethod
    def infer(self, stop: StopSignal | None = None) -> bool:
        """Fill the result folder; False where a stop was requested before the end.

        Raises:
            DataError: a sample is missing or damaged, or the model lost one.
        """

    @abstractmethod
    def results(self) -> Any:
        """Everything that was found, in the data set's order, in the form that its metrics take."""

    @abstractmethod
    def clear(self) -> None:
        """Delete what is in the result folder, and nothing else there."""

    @abstractmethod
    def draw(self, folder: str | Path, count: int | None = None) -> None:
        """Write pictures of the first ``count`` results (None: of all); the processes share the work."""

    def run(self, stop: StopSignal | None = None) -> dict[str, float] | None:
        """Test and evaluate.

        Args:
            stop: looked at between chunks.

        Returns:
            The numbers of all metrics, the same on every process; None where a stop was requested.
        """
        return self.evaluate() if self.infer(stop) else None

    def evaluate(self) -> dict[str, float]:
        """Numbers of all metrics over the results in the folder.

        Raises:
            AnnotationsMissingError: the data set has no ground truth.
        """

        def work() -> dict[str, float]:
            numbers: dict[str, float] = {}
            for metric in self.metrics:
                found = metric.evaluate(self.results(), self.dataset)
                numbers.update({key: float(value) for key, value in found.items()})
            return numbers

        return self.process.on_first(work, 'evaluating')

    def check_out(self, path: str | Path) -> None:
        """Refuse a place for results that :meth:`export` would refuse, as far as that is known before the test."""
        check = getattr(self.metrics[0] if self.metrics else None, 'check_out', None)
        if check is not None:
            check(path)

    def export(self, path: str | Path) -> str:
        """Write the result file that ``path`` asks for, by the first metric; its name, on every process."""
        if not self.metrics:
            raise ConfigError('--out needs test_evaluator in the config: the metric knows the format of its benchmark')
        work: Callable[[], str] = lambda: str(self.metrics[0].export(self.results(), self.dataset, path))  # noqa: E731
        return self.process.on_first(work, f'writing {path}')

    @contextlib.contextmanager
    def naming_results(self) -> Iterator[None]:
        """An error inside tells where the results so far lie: hours of work may be in them.

        Raises:
            MMDetError: of the same type, with the folder in its message.
        """
        kept = f'what was found until then is kept in {self.folder}'
        try:
            yield
        except MMDetError as error:
            raise type(error)(f'{error} ({kept})') from error
        except Exception:
            log.error('%s', kept)
            raise

    def remove_results(self) -> None:
        """Delete the folder of intermediate results, once everything that was wanted is made of them."""

        def work() -> None:
            self.clear()
            with contextlib.suppress(OSError):  # somebody else put something there
                self.folder.rmdir()

        self.process.on_first(work, 'removing intermediate results')

    def stopped_anywhere(self, stop: StopSignal | None) -> bool:
        """Whether any process was asked to stop; all processes must call it together."""
        requested = stop is not None and stop.requested
        return any(self.process.gather(requested, 'waiting for the other processes to end the test', patient=True))

"""The test of a re-identification network: a vector for every crop, then queries against the gallery."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from mmdet.engine.stop_signal import StopSignal
from mmdet.engine.tester import Tester
from mmdet.errors import ConfigError, DataError
from mmdet.files import write_bytes
from mmdet.progress import progress_bar

PATTERN = 'vectors_*.npz'


class RetrievalTester(Tester):
    """Runs a model over the crops of a loader, and metrics over their vectors.

    Every process writes one ``vectors_<rank>.npz`` with ``indices`` (N,) and ``vectors`` (N, D); the metrics get the
    vectors (N, D) of all crops. Crops are indexed by the numbers that the loader's batch sampler gives.
    """

    @torch.no_grad()
    def infer(self, stop: StopSignal | None = None) -> bool:
        """See :meth:`Tester.infer`."""
        self.process.on_first(self.clear, 'emptying the result folder')
        self.model.eval()
        found: list[np.ndarray] = []
        indices = [index for chunk in self.loader.batch_sampler or () for index in chunk]
        with self._progress_bar(len(indices)) as bar:
            for batch in self.loader:
                if stop is not None and stop.requested:
                    break
                samples = self.model(**batch, mode='predict')
                found += [sample.pred_instances.embeddings.numpy() for sample in samples]
                bar.update(len(samples))
            else:
                self._write(indices, found)
        return not self.stopped_anywhere(stop)

    def _progress_bar(self, count: int) -> tqdm:
        return progress_bar(count, 'crop', 'test', shown=self.process.first)

    def _write(self, indices: list[int], found: list[np.ndarray]) -> None:
        if len(found) != len(indices):
            raise DataError(f'{self.dataset.ann_file}: the model gave {len(found)} vectors for {len(indices)} crops')
        if not found:
            return  # more processes than crops
        path, buffer = self.folder / f'vectors_{self.process.rank}.npz', io.BytesIO()
        np.savez(buffer, indices=np.array(indices, np.int64), vectors=np.concatenate(found).astype(np.float32))
        try:
            write_bytes(path, buffer.getvalue())
        except OSError as error:
            raise DataError(f'{path}: cannot write: {error.strerror}') from error

    def results(self) -> np.ndarray:
        """Vectors (N, D) of all crops.

        Raises:
            DataError: a file is damaged, or crops are missing.
        """
        parts = [_read(path) for path in sorted(self.folder.glob(PATTERN))]
        indices = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.int64)
        if not np.array_equal(np.sort(indices), np.arange(len(self.dataset))):
            have = f'{len(indices)} of {len(self.dataset)}'
            raise DataError(f'{self.folder}: there are vectors of {have} crops; run the test again')
        vectors = np.concatenate([part[1] for part in parts])
        return vectors[np.argsort(indices)]

    def clear(self) -> None:
        """Delete the vectors of an earlier run."""
        for path in self.folder.glob(PATTERN):
            path.unlink(missing_ok=True)

    def draw(self, folder: str | Path, count: int | None = None) -> None:
        """There are no videos to draw.

        Raises:
            ConfigError: always.
        """
        raise ConfigError('--show-dir draws videos; a test of crops writes what is nearest to each query: --out r.json')


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return file['indices'], file['vectors']
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f'{path}: the vectors cannot be read: {error}') from error

"""What tracks looked like: the last few unit vectors of each, in one block of memory."""

from __future__ import annotations

import numpy as np


class Gallery:
    """The last ``budget`` appearance vectors of each of M tracks of one video.

    A new track's first vector fills all its slots; repeats do not change a nearest neighbour, so no slot needs to be
    marked empty.

    Args:
        budget: vectors kept per track; older ones are overwritten.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._vectors: np.ndarray | None = None  # (M, budget, D) float32, unit length
        self._counts = np.zeros(0, np.int64)  # (M,) vectors ever written

    @property
    def dim(self) -> int | None:
        """D, once a vector was seen."""
        return None if self._vectors is None else self._vectors.shape[2]

    def distances(self, embeddings: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Smallest cosine distance (M, N) of embeddings (N, D) to any vector of each track.

        Args:
            wanted: (M, N) bool; the other pairs, usually most, are not compared and ``inf``.
        """
        distances = np.full(wanted.shape, np.inf)
        most = int(wanted.sum(1).max(initial=0))
        if self._vectors is None or not most:
            return distances
        used = min(int(self._counts.max()), self.budget)
        # every track with as many embeddings as the one that wants most; the unwanted among them are passed over
        columns = np.argsort(~wanted, axis=1, kind='stable')[:, :most]  # (M, K)
        candidates = unit(embeddings)[columns].swapaxes(1, 2)  # (M, D, K)
        similarity = np.matmul(self._vectors[:, :used], candidates).max(1)  # (M, K)
        row, place = np.nonzero(np.take_along_axis(wanted, columns, 1))
        distances[row, columns[row, place]] = 1 - similarity[row, place].astype(np.float64)
        return distances

    def add(self, rows: np.ndarray, embeddings: np.ndarray) -> None:
        """Track ``rows[k]`` looked like ``embeddings[k]``; (K,) distinct rows, (K, D)."""
        if len(rows):
            self._vectors[rows, self._counts[rows] % self.budget] = unit(embeddings)  # type: ignore[index]
            self._counts[rows] += 1

    def append(self, embeddings: np.ndarray) -> None:
        """Start tracks that look like ``embeddings`` (K, D)."""
        if not len(embeddings):
            return
        new = np.repeat(unit(embeddings)[:, None], self.budget, 1)
        self._vectors = new if self._vectors is None else np.concatenate([self._vectors, new])
        self._counts = np.concatenate([self._counts, np.ones(len(embeddings), np.int64)])

    def keep(self, kept: np.ndarray) -> None:
        """Forget the tracks that are not in the mask (M,)."""
        if self._vectors is not None and not kept.all():
            self._vectors, self._counts = self._vectors[kept], self._counts[kept]


def unit(embeddings: np.ndarray) -> np.ndarray:
    """Rows (N, D) scaled to length 1; zero rows stay zero."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)

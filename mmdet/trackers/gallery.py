"""What tracks looked like: the last few unit vectors of each, in one block of memory."""

from __future__ import annotations

import numpy as np


class Gallery:
    """The last ``budget`` appearance vectors of each of M tracks of one video.

    Vectors lie slot by slot, (budget, M, D), so that the slots in use are one matrix for one product. A new track's
    first vector fills all its slots; repeats do not change a nearest neighbour, so no slot needs to be marked empty.

    Args:
        budget: vectors kept per track; older ones are overwritten.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._vectors: np.ndarray | None = None  # (budget, M, D) float32, unit length
        self._counts = np.zeros(0, np.int64)  # (M,) vectors ever written

    @property
    def dim(self) -> int | None:
        """D, once a vector was seen."""
        return None if self._vectors is None else self._vectors.shape[2]

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """Smallest cosine distance (M, N) of embeddings (N, D) to any vector of each track."""
        if self._vectors is None or not len(self._counts):
            return np.zeros((len(self._counts), len(embeddings)))
        used = min(int(self._counts.max()), self.budget)
        vectors = self._vectors[:used].reshape(-1, self._vectors.shape[2])  # (used * M, D)
        similarity = vectors @ unit(embeddings).T
        return 1 - similarity.reshape(used, len(self._counts), -1).max(0).astype(np.float64)

    def add(self, rows: np.ndarray, embeddings: np.ndarray) -> None:
        """Track ``rows[k]`` looked like ``embeddings[k]``; (K,) distinct rows, (K, D)."""
        if len(rows):
            self._vectors[self._counts[rows] % self.budget, rows] = unit(embeddings)  # type: ignore[index]
            self._counts[rows] += 1

    def append(self, embeddings: np.ndarray) -> None:
        """Start tracks that look like ``embeddings`` (K, D)."""
        if not len(embeddings):
            return
        new = np.broadcast_to(unit(embeddings), (self.budget, *embeddings.shape))
        self._vectors = new.copy() if self._vectors is None else np.concatenate([self._vectors, new], 1)
        self._counts = np.concatenate([self._counts, np.ones(len(embeddings), np.int64)])

    def keep(self, kept: np.ndarray) -> None:
        """Forget the tracks that are not in the mask (M,)."""
        if self._vectors is not None and not kept.all():
            # not [:, kept], which would lay the slots out in another order of memory
            self._vectors, self._counts = np.compress(kept, self._vectors, axis=1), self._counts[kept]


def unit(embeddings: np.ndarray) -> np.ndarray:
    """Rows (N, D) scaled to length 1; zero rows stay zero."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)

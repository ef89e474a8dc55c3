"""Re-identification as retrieval: for every query, the gallery sorted by distance (Market-1501, ICCV 2015).

Gallery crops of the query's own identity from its own camera are not looked at. A query to which nothing right is left
does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from mmengine.logging import print_log

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.average_precision import ABSENT
from mmdet.evaluation.tables import text_table
from mmdet.files import write_json
from mmdet.registry import METRICS

QUERIES_AT_ONCE = 256  # bounds memory: one row of distances per query


class CropRows(Protocol):
    """What is known of N crops, see ``mmdet.datasets.crops.CropTable``."""

    identities: np.ndarray
    cameras: np.ndarray
    query: np.ndarray
    gallery: np.ndarray


class RetrievalDataset(Protocol):
    """What the metric needs of a data set of crops."""

    table: Any
    ann_file: str

    def name(self, index: int) -> str:
        """File of a crop."""


@dataclass(frozen=True)
class Ranking:
    """One query's answer.

    Attributes:
        query: index of the crop.
        gallery: (G,) indices of crops, nearest first, those not to be looked at left out.
        right: (G,) bool, which of them show the query's identity.
        distances: (G,) 1 - cosine.
    """

    query: int
    gallery: np.ndarray
    right: np.ndarray
    distances: np.ndarray


def rankings(vectors: np.ndarray, table: CropRows) -> Iterator[Ranking]:
    """The sorted gallery of every query, in order; equal distances keep the gallery's order.

    Args:
        vectors: (N, D) of unit length, those of all crops.
        table: identity, camera and role of each crop.
    """
    queries, gallery = np.flatnonzero(table.query), np.flatnonzero(table.gallery)
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        block = queries[start : start + QUERIES_AT_ONCE]
        distances = 1 - vectors[block] @ vectors[gallery].T  # (Q, G)
        order = np.argsort(distances, axis=1, kind='stable')
        for query, row, sort in zip(block, distances, order):
            found = gallery[sort]
            right = table.identities[found] == table.identities[query]
            seen = ~(right & (table.cameras[found] == table.cameras[query]))
            yield Ranking(int(query), found[seen], right[seen], row[sort][seen])


def average_precision(right: np.ndarray) -> float:
    """Mean of the precisions at the right answers of a sorted list (G,) bool, which has at least one."""
    places = np.flatnonzero(right)
    return float(np.mean(np.arange(1, len(places) + 1) / (places + 1)))


def retrieval_numbers(answers: Iterable[Ranking], ranks: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
    """``mAP``, and ``rank1`` and so on: share of the queries with a right answer among the first 1, ... (CMC).

    -1 where no query has a right answer to be found.
    """
    precisions, first = [], []
    for answer in answers:
        if answer.right.any():
            precisions.append(average_precision(answer.right))
            first.append(int(np.argmax(answer.right)))
    if not precisions:
        return {'mAP': ABSENT, **{f'rank{rank}': ABSENT for rank in ranks}}
    hits = {f'rank{rank}': float(np.mean(np.array(first) < rank)) for rank in ranks}
    return {'mAP': float(np.mean(precisions)), **hits}


@METRICS.register_module()
class ReIDMetric:
    """Mean average precision and rank-1, 5, 10 of a re-identification network, each in [0, 1].

    Args:
        ranks: places of the sorted gallery up to which a right answer counts.
        export_places: gallery crops written per query by ``--out``.
    """

    def __init__(self, ranks: Sequence[int] = (1, 5, 10), export_places: int = 10) -> None:
        if not ranks or min(ranks) < 1 or export_places < 1:
            raise ConfigError(f'ranks and export_places are 1 or more, got {tuple(ranks)} and {export_places}')
        self.ranks, self.export_places = tuple(ranks), export_places

    def evaluate(self, vectors: np.ndarray, dataset: RetrievalDataset) -> dict[str, float]:
        """Score unit vectors (N, D) of all crops of ``dataset`` and log a table.

        Raises:
            DataError: there is not one finite vector per crop.
        """
        _check(vectors, dataset)
        numbers = retrieval_numbers(rankings(vectors, dataset.table), self.ranks)
        row: list[str | float | int] = [str(dataset.table.query.sum()), int(dataset.table.gallery.sum())]
        table = text_table(['queries', 'gallery', *numbers], [[*row, *numbers.values()]])
        print_log('\n' + table, logger='current')
        return numbers

    def export(self, vectors: np.ndarray, dataset: RetrievalDataset, path: str | Path) -> Path:
        """Write what is nearest to every query as JSON and give the file's path back.

        Raises:
            DataError: the vectors do not fit, or the file cannot be written.
            ConfigError: the name does not end with .json.
        """
        path = Path(path)
        if path.suffix != '.json':
            raise ConfigError(f'answers to queries are written as .json, not as {path.name}')
        _check(vectors, dataset)
        try:
            write_json(path, [self._entry(answer, dataset) for answer in rankings(vectors, dataset.table)])
        except OSError as error:
            raise DataError(f'{path}: cannot write: {error.strerror}') from error
        return path

    def _entry(self, answer: Ranking, dataset: RetrievalDataset) -> dict[str, Any]:
        most = slice(self.export_places)
        return {
            'query': dataset.name(answer.query),
            'gallery': [dataset.name(int(index)) for index in answer.gallery[most]],
            'right': answer.right[most].tolist(),
            'distances': [round(float(value), 6) for value in answer.distances[most]],
        }


def _check(vectors: np.ndarray, dataset: RetrievalDataset) -> None:
    count = len(dataset.table.identities)
    if vectors.ndim != 2 or len(vectors) != count:
        raise DataError(f'{dataset.ann_file}: vectors of shape {vectors.shape} for {count} crops')
    bad = np.flatnonzero(~np.isfinite(vectors).all(1))
    if len(bad):
        raise DataError(f'{dataset.name(int(bad[0]))}: its vector is not finite ({len(bad)} of {count} are not)')

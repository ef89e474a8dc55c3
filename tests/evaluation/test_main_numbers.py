"""The first number of every metric is the one that its benchmark ranks by: it chooses checkpoints and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mmdet.engine.checkpoint_folder import BestRule
from mmdet.engine.checkpoint_range import range_table
from mmdet.engine.tuning import Objective
from mmdet.evaluation.davis import DavisScores, SequenceScores
from mmdet.evaluation.video_result import FrameTracks, VideoResult
from mmdet.evaluation.youtube_vos import ObjectScore, VOSScores
from mmdet.ops.rle import encode
from mmdet.registry import METRICS, register_all

SIZE = (60, 80)
MASK = encode(np.pad(np.ones((20, 20), np.uint8), ((10, 30), (10, 50))))
BOX = [10.0, 10.0, 30.0, 30.0]
CORNERS = [[10.0, 10], [29, 10], [29, 29], [10, 29]]


def video_set(names: tuple[str, ...], frames: int) -> Any:
    """A data set of one object in one video, with what every video metric asks for."""
    truth = {
        'videos': [{'id': 1, 'height': SIZE[0], 'width': SIZE[1], 'length': frames}],
        'categories': [{'id': number, 'name': name} for number, name in enumerate(names, 1)],
        'annotations': [
            {
                'id': 1, 'video_id': 1, 'category_id': 1, 'iscrowd': 0, 'segmentations': [MASK] * frames,
                'bboxes': [[10, 10, 20, 20]] * frames, 'areas': [400] * frames, 'occlusion': ['no_occlusion'] * frames,
            }
        ],
    }  # fmt: skip
    return SimpleNamespace(
        videos=[SimpleNamespace(id=1, height=SIZE[0], width=SIZE[1], length=frames, file_names=['a/0.jpg'] * frames)],
        category_ids=list(range(1, len(names) + 1)),
        has_annotations=True,
        ann_file='a.json',
        classes=names,
        ground_truth=lambda: truth,
        sequence_name=lambda video: 'a',
        polygons=lambda video: np.array([CORNERS] * frames),
        attributes=lambda video: {},
    )


def of_video(frames: int = 3, names: tuple[str, ...] = ('car', 'pedestrian'), **config: Any) -> dict[str, float]:
    """Numbers of a metric for a perfect result."""
    frame = FrameTracks([1], [0], [0.9], [BOX], [MASK], [CORNERS], [False])
    result = VideoResult(1, *SIZE, frames, [''] * frames, [frame] * frames)
    if config['type'] == 'VOTMetric' and config['protocol'] != 'one-pass':
        result.states = ['started', *['tracked'] * (frames - 1)]
    return METRICS.build(config).evaluate([result], video_set(names, frames))


def of_davis() -> dict[str, float]:
    scores = np.ones((1, 4))
    return DavisScores([SequenceScores('a', (1,), (1, 2, 3, 4), scores, scores, (1,))]).numbers


def of_crops() -> dict[str, float]:
    table = SimpleNamespace(
        identities=np.array([1, 1, 2]), cameras=np.array([1, 2, 2]), query=np.array([True, False, False]),
        gallery=np.array([False, True, True]),
    )  # fmt: skip
    data = SimpleNamespace(table=table, ann_file='crops', name=str)
    return METRICS.build({'type': 'ReIDMetric'}).evaluate(np.eye(3), data)


VOT = {'type': 'VOTMetric', 'interval': (2, 10)}
CASES: dict[str, tuple[str, Callable[[], Mapping[str, float]]]] = {
    'YTVISMetric': ('AP', lambda: of_video(type='YTVISMetric')),
    'OVISMetric': ('AP', lambda: of_video(type='OVISMetric')),
    'COCOMetric': ('bbox_AP', lambda: of_video(1, type='COCOMetric')),
    'MOTMetric': ('HOTA', lambda: of_video(type='MOTMetric')),
    'MOTSMetric': ('sMOTSA', lambda: of_video(type='MOTSMetric')),
    'DAVISMetric': ('J&F-Mean', of_davis),
    'YouTubeVOSMetric': ('overall', lambda: VOSScores(None, [ObjectScore('a', 1, 'cat', 1, 1)]).numbers),
    'YouTubeVOSMetric, seen': ('overall', lambda: VOSScores({'cat'}, [ObjectScore('a', 1, 'cat', 1, 1)]).numbers),
    'VOTMetric': ('EAO', lambda: of_video(12, protocol='pysot', **VOT)),
    'VOTMetric, toolkit': ('EAO', lambda: of_video(12, protocol='toolkit', **VOT)),
    'VOTMetric, one-pass': ('success', lambda: of_video(12, protocol='one-pass', **VOT)),
    'ReIDMetric': ('mAP', of_crops),
}


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_all()


@pytest.mark.parametrize(('name', 'numbers'), CASES.values(), ids=CASES)
def test_the_main_number_leads(name: str, numbers: Callable[[], Mapping[str, float]]) -> None:
    assert next(iter(numbers())) == name


def test_every_metric_has_a_case() -> None:
    ours = {name for name, kind in METRICS.module_dict.items() if kind.__module__.startswith('mmdet.evaluation')}
    assert ours == {case.split(',')[0] for case in CASES}


BETTER = {'EAO': 0.4, 'accuracy': 0.5, 'robustness': 0.1, 'lost': 3.0}
WORSE = {'EAO': 0.2, 'accuracy': 0.9, 'robustness': 0.9, 'lost': 30.0}


def test_what_the_main_number_chooses() -> None:
    """A tracker that loses its target often has the higher accuracy: only easy frames are left."""
    assert BestRule().key(BETTER) == 'EAO'
    assert Objective().rank(BETTER) < Objective().rank(WORSE)
    assert range_table({'epoch_1.pth': WORSE, 'epoch_2.pth': BETTER}).endswith('best EAO: epoch_2.pth')

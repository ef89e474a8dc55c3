"""Memory does not grow with the length of a video."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mmdet.checkpoints import save_weights
from mmdet.engine.build import build_tester
from mmdet.engine.distributed import join_processes
from mmdet.registry import MODELS, register_all

FRAMES, WARM_UP, LIMIT = 3000, 300, 50 * 2**20


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * 4096


@pytest.mark.slow
def test_3000_frames_in_constant_memory(reduced_config: Callable, tiny_shapes: Path, tmp_path: Path) -> None:
    document = json.loads((tiny_shapes / 'annotations/valid.json').read_text())
    video = document['videos'][0]
    video.update(file_names=(video['file_names'] * FRAMES)[:FRAMES], length=FRAMES)
    long = dict(videos=[video], categories=document['categories'], annotations=None)
    (tmp_path / 'long.json').write_text(json.dumps(long))
    config = reduced_config('masktrack_rcnn_r18_fpn_shapes', tmp_path)
    config.test_dataloader.dataset.ann_file = str(tmp_path / 'long.json')
    config.model.detector.roi_head.bbox_head.score_threshold = 0.1
    register_all()
    save_weights(MODELS.build(config.model).state_dict(), tmp_path / 'w.safetensors', {})
    tester = build_tester(config, join_processes('none'), tmp_path / 'w.safetensors', evaluate=False)
    seen: list[int] = []
    take = tester._take

    def watched(*arguments: object) -> None:
        take(*arguments)  # type: ignore[arg-type]
        seen.append(resident())

    tester._take = watched  # type: ignore[method-assign]
    tester.infer()
    (result,) = tester.results()
    assert len(seen) == FRAMES
    assert sum(len(frame.instance_ids) for frame in result.frames) > FRAMES
    assert max(seen[WARM_UP:]) - seen[WARM_UP] < LIMIT

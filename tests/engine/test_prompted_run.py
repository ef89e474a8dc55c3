"""The ordinary test loop on sets that give the objects: prompts reach the model, its answers reach metric and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmdet.datasets import DAVISDataset, YouTubeVOSDataset
from mmdet.datasets.loader import build_test_loader
from mmdet.datasets.shapes import DAVISWriter, ShapesConfig, YouTubeVOSWriter, make_shapes
from mmdet.engine.distributed import Process
from mmdet.engine.video_test import VideoTester
from mmdet.evaluation import DAVISMetric, YouTubeVOSMetric
from mmdet.ops.rle import encode
from mmdet.sequences import object_numbers, read_label_map
from mmdet.structures import FrameSample, InstanceData

PIPELINE = [{'type': 'LoadFrames'}, {'type': 'PackClip'}]
CONFIG = {'size': (96, 64), 'num_frames': 6}


class Statue(nn.Module):
    """Takes every object for a statue: it stays where it was marked."""

    def __init__(self) -> None:
        super().__init__()
        self.marked: dict[int, tuple[Tensor, Tensor]] = {}

    def forward(self, inputs: Any, data_samples: Any, mode: str) -> list[FrameSample]:
        return [self.follow(sample) for sample in data_samples[0]]

    def follow(self, sample: FrameSample) -> FrameSample:
        if sample.frame_id == 0:
            self.marked.clear()
        if 'prompts' in sample:
            prompts = sample.prompts
            rows = zip(prompts.instance_ids.tolist(), prompts.bboxes, prompts.masks)
            self.marked.update({number: (box, mask) for number, box, mask in rows})
        count = len(self.marked)
        boxes = [box for box, _ in self.marked.values()]
        result = FrameSample(metainfo=sample.metainfo)
        result.pred_tracks = InstanceData(
            bboxes=torch.stack(boxes) if boxes else torch.zeros(0, 4),
            labels=torch.zeros(count, dtype=torch.int64),
            scores=torch.ones(count),
            instance_ids=torch.tensor(list(self.marked), dtype=torch.int64),
            masks=[encode(mask.numpy().astype(np.uint8)) for _, mask in self.marked.values()],
        )
        return result


def test_davis(tmp_path: Path) -> None:
    config = ShapesConfig(**CONFIG, enter_probability=0)
    root = make_shapes(tmp_path / 'set', config, {'valid': 2}, DAVISWriter(), progress=False)
    data = DAVISDataset(data_root=str(root), test_mode=True, pipeline=PIPELINE)
    loader = build_test_loader({'dataset': data, 'num_workers': 1}, 4, 0, 1)
    tester = VideoTester(Statue(), loader, Process(), tmp_path / 'w', [DAVISMetric()])
    numbers = tester.run()
    assert numbers is not None and 0 < numbers['J&F-Mean'] < 1
    tester.export(tmp_path / 'out')
    for video in data.videos:
        name = data.sequence_name(video)
        np.testing.assert_array_equal(read_label_map(tmp_path / 'out' / name / '00005.png'), data.label_map(video, 0))


@pytest.mark.parametrize('frames', ['listed', 'all'])
def test_youtube_vos(tmp_path: Path, frames: Any) -> None:
    config = ShapesConfig(**CONFIG, enter_probability=0.9)
    root = make_shapes(tmp_path / 'set', config, {'valid': 3}, YouTubeVOSWriter(step=2), progress=False)
    data = YouTubeVOSDataset(data_root=str(root), test_mode=True, pipeline=PIPELINE, frames=frames)
    loader = build_test_loader({'dataset': data, 'num_workers': 0}, 4, 0, 1)
    tester = VideoTester(Statue(), loader, Process(), tmp_path / 'w', [YouTubeVOSMetric()])
    numbers = tester.run()
    assert numbers is not None and 0 < numbers['overall'] < 1
    tester.export(tmp_path / 'out')
    for video in data.videos:
        folder = tmp_path / 'out/Annotations' / data.sequence_name(video)
        assert sorted(path.stem for path in folder.iterdir()) == ['00000', '00002', '00004']
        begun = {item.id for item in data.vos_video(video).objects if item.frames[0] <= '00002'}
        assert set(object_numbers(read_label_map(folder / '00002.png'))) <= begun

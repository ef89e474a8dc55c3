"""The test loop: every video of a data set once, on one process, its result in a file, then the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from mmdet.engine.detection_dump import DetectionDump
from mmdet.engine.distributed import Process
from mmdet.engine.stop_signal import StopSignal
from mmdet.engine.tester import Tester
from mmdet.errors import AnnotationsMissingError
from mmdet.evaluation import ResultStore, VideoResultCollector
from mmdet.progress import progress_bar


class VideoTester(Tester):
    """Runs a model over the videos of a loader, and metrics over what it found.

    Every process writes the results of its own videos into one folder; rank 0 reads them in the data set's order. So
    the numbers do not depend on how many processes there are.

    Args:
        model: ``model(inputs=..., data_samples=..., mode='predict')`` returns finished frames; on its device.
        loader: chunks of whole videos, in order, those of this process.
        process: this process.
        folder: where results go, one file per video; what an earlier run left there is removed.
        metrics: each has ``evaluate(results, dataset)``.
        dump: gets the detections of every frame, or None.
    """

    def __init__(
        self,
        model: nn.Module,
        loader: DataLoader,
        process: Process,
        folder: Path,
        metrics: Sequence[Any] = (),
        dump: DetectionDump | None = None,
    ) -> None:
        super().__init__(model, loader, process, folder, metrics)
        self.dump, self.store = dump, ResultStore(folder)

    @torch.no_grad()
    def infer(self, stop: StopSignal | None = None) -> bool:
        """Fill the result folder; False where a stop was requested before the end.

        Raises:
            DataError: a frame is missing or damaged, or the model lost one.
        """
        self.process.on_first(self.clear, 'emptying the result folder')
        self.model.eval()
        collector = VideoResultCollector()
        with self._progress_bar() as bar:
            for batch in self.loader:
                if stop is not None and stop.requested:
                    break
                for sample in self.model(**batch, mode='predict'):
                    self._take(sample, collector)
                bar.update(sum(len(clip) for clip in batch['data_samples']))
            else:
                collector.finish()
        return not self.stopped_anywhere(stop)

    def results(self) -> Any:
        """Results of all videos in the data set's order, one in memory at a time."""
        return self.store.read_all([video.id for video in self.dataset.videos])

    def clear(self) -> None:
        """Delete the results of an earlier run."""
        self.store.clear()

    def draw(self, folder: str | Path, count: int | None = None) -> None:
        """Write pictures of the first ``count`` videos (None: of all); the processes share the work.

        Raises:
            DataError: a frame cannot be read.
            VideoSourceError: a video cannot be written.
        """
        from mmdet.visualization import render_video_result  # its libraries are needed for nothing else

        videos = self.dataset.videos[:count][self.process.rank :: self.process.world_size]
        for video in tqdm(videos, desc='pictures', unit='video', disable=not self.process.first):
            render_video_result(self.dataset, self.store.read(video.id), folder)
        self.process.barrier('waiting for the other processes to draw')

    def _take(self, sample: Any, collector: VideoResultCollector) -> None:
        if self.dump is not None:
            self.dump.add(sample)
        result = collector.add(sample)
        if result is not None:
            self.store.write(result)
            if self.dump is not None:
                self.dump.finish()

    def _progress_bar(self) -> tqdm:
        chunks = [index for indices in self.loader.batch_sampler or () for index in indices]
        frames = sum(chunk.stop - chunk.start for chunk in chunks)
        share = f' (rank 0 of {self.process.world_size})' if self.process.world_size > 1 else ''
        return progress_bar(frames, 'frame', f'test{share}', shown=self.process.first)


def require_annotations(dataset: Any) -> None:
    """Refuse to evaluate on a data set without ground truth, before hours are spent on it.

    Raises:
        AnnotationsMissingError: in one sentence.
    """
    if not dataset.has_annotations:
        raise AnnotationsMissingError(
            f'{dataset.ann_file} has no annotations to evaluate with: leave out --eval and write a submission with '
            f"--out FILE, or validate on a part of the training file with split='holdout'."
        )

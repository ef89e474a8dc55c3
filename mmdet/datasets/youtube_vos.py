"""YouTube-VOS, read as downloaded: objects may appear later, and only every fifth frame is annotated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmdet.datasets.annotations import VideoInfo
from mmdet.datasets.image_file import find_image
from mmdet.datasets.prompted import OnError, PromptedVideoDataset, mask_track, read_in_threads, root_folder
from mmdet.errors import ConfigError, DataError
from mmdet.holdout import HOLDOUT_FRACTION, SplitName
from mmdet.registry import DATASETS
from mmdet.sequences.davis import frame_files, picture_size
from mmdet.sequences.label_maps import object_numbers, read_label_map
from mmdet.sequences.youtube_vos import VOSVideo, read_meta

__all__ = ['YouTubeVOSDataset', 'vos_document']

Frames = Literal['listed', 'all']


@DATASETS.register_module()
class YouTubeVOSDataset(PromptedVideoDataset):
    """``<split>/meta.json``, ``<split>/JPEGImages/<video>`` and ``<split>/Annotations/<video>``.

    An object is given in the first frame that the meta file lists for it, and no longer followed after the last. Of the
    public validation set only the maps of first frames exist: it can be run, not scored. The id of a video is its
    position in the file, from 1.

    Args:
        ann_file: the meta file.
        data_root: root of the set.
        img_prefix: folder of the frames, relative to the root.
        map_prefix: folder of the label maps, relative to the root.
        frames: ``listed`` reads the frames that an object lists (every fifth); ``all`` reads all in the folder, for
            downloads that have them (``valid_all_frames``). Exports hold the listed ones in both cases.
        pipeline, split, holdout_fraction, test_mode, num_ref_frames, max_ref_distance, filter_empty, classes: as in
            :class:`mmdet.datasets.base.VideoDataset`.
    """

    def __init__(
        self,
        ann_file: str = 'valid/meta.json',
        data_root: str = '',
        img_prefix: str = 'valid/JPEGImages',
        map_prefix: str = 'valid/Annotations',
        frames: Frames = 'listed',
        pipeline: Sequence[Any] = (),
        split: SplitName | None = None,
        holdout_fraction: float = HOLDOUT_FRACTION,
        test_mode: bool = False,
        num_ref_frames: int = 1,
        max_ref_distance: int | None = None,
        filter_empty: bool = True,
        classes: Sequence[str] | None = None,
    ) -> None:
        if frames not in ('listed', 'all'):
            raise ConfigError(f"YouTubeVOSDataset: frames is 'listed' or 'all', got {frames!r}")
        self.frames = frames
        self.map_prefix = str(root_folder(data_root, map_prefix))
        self._meta: dict[str, VOSVideo] = {}
        super().__init__(
            ann_file,
            data_root,
            img_prefix,
            pipeline,
            split,
            holdout_fraction,
            test_mode,
            num_ref_frames,
            max_ref_distance,
            filter_empty,
            classes,
        )

    def read_document(self) -> dict[str, Any]:
        """Meta file and all label maps as a YouTube-VIS document."""
        videos = read_meta(self.ann_file)
        self._meta = {video.name: video for video in videos}
        return vos_document(videos, Path(self.img_prefix), Path(self.map_prefix), self.frames)

    def vos_video(self, video: VideoInfo) -> VOSVideo:
        """Objects of a video and the frames in which they are scored."""
        return self._meta[self.sequence_name(video)]

    def ended_at(self, video: VideoInfo, frame: int) -> tuple[int, ...]:
        """Numbers of the objects whose last listed frame is the one before."""
        before = Path(video.file_names[frame - 1]).stem if frame else None
        return tuple(item.id for item in self.vos_video(video).objects if item.frames[-1] == before)

    def label_map(self, video: VideoInfo, frame: int) -> np.ndarray:
        """Object numbers (H, W) uint8 of a frame.

        Raises:
            DataError: there is no label map, or it is damaged.
        """
        path = self._map_path(self.sequence_name(video), self.frame_names(video)[frame])
        return read_label_map(path, (video.height, video.width), f'video {self.sequence_name(video)}, frame {frame}')

    def _map_path(self, name: str, frame: str) -> Path:
        return Path(self.map_prefix) / name / f'{frame}.png'

    def _load(self, document: dict[str, Any]) -> None:
        super()._load(document)
        if self.test_mode:
            names = [self.sequence_name(video) for video in self.videos]
            complete = all(self._map_path(name, f).is_file() for name in names for f in self._meta[name].frames)
            self.has_annotations = self.has_annotations and complete


def vos_document(
    videos: Sequence[VOSVideo], images: Path, maps: Path, frames: Frames = 'listed', on_error: OnError | None = None
) -> dict[str, Any]:
    """A YouTube-VIS document of a meta file and label maps; videos with an error are left out if ``on_error`` is given.

    Raises:
        DataError: a frame or the map of an object's first frame is missing, a map is damaged, of another size than the
            frame, without the object that begins there, or with one that the meta file does not list.
    """
    names = sorted({item.category for video in videos for item in video.objects})
    categories = {name: number for number, name in enumerate(names, 1)}

    def read(position: int, video: VOSVideo) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        stems = _frame_stems(video, images / video.name, frames)
        height, width = picture_size(find_image(images / video.name / stems[0]))
        files = [f'{video.name}/{stem}' for stem in stems]
        entry = {'id': position + 1, 'file_names': files, 'height': height, 'width': width, 'length': len(files)}
        return entry, _tracks(position, video, stems, maps / video.name, (height, width), categories)

    parts = list(read_in_threads(read, videos, on_error))
    return {
        'videos': [video for video, _ in parts],
        'categories': [{'id': number, 'name': name} for name, number in categories.items()],
        'annotations': [track for _, tracks in parts for track in tracks],
    }


def _frame_stems(video: VOSVideo, folder: Path, frames: Frames) -> list[str]:
    if frames == 'listed':
        return list(video.frames)
    stems = [Path(name).stem for name in frame_files(folder, f'video {video.name}')]
    missing = sorted(set(video.frames) - set(stems))
    if missing:
        raise DataError(f'{folder}: frame {missing[0]} is listed for video {video.name} but not there')
    return stems


def _tracks(
    position: int,
    video: VOSVideo,
    stems: list[str],
    maps: Path,
    size: tuple[int, int],
    categories: dict[str, int],
) -> list[dict[str, Any]]:
    known = {item.id: item for item in video.objects}
    begins = {item.frames[0] for item in video.objects}
    found: dict[int, list[tuple[int, np.ndarray]]] = {number: [] for number in known}
    for frame, stem in enumerate(stems):
        path = maps / f'{stem}.png'
        if stem not in begins and not path.is_file():
            continue
        labels = read_label_map(path, size, f'video {video.name}, frame {stem}')
        numbers = object_numbers(labels)
        _check_numbers(numbers, video, stem, path)
        for number in numbers:
            if stem >= known[number].frames[0]:
                found[number].append((frame, labels == number))
    return [
        mask_track(position, number, categories[known[number].category], len(stems), masks)
        for number, masks in found.items()
    ]


def _check_numbers(numbers: list[int], video: VOSVideo, stem: str, path: Path) -> None:
    known = {item.id for item in video.objects}
    unknown = [number for number in numbers if number not in known]
    if unknown:
        raise DataError(
            f'{path}: object {unknown[0]} is not listed for video {video.name}, which has '
            f'{", ".join(map(str, sorted(known)))}; meta file and maps are not of one version'
        )
    absent = [item.id for item in video.objects if item.frames[0] == stem and item.id not in numbers]
    if absent:
        raise DataError(
            f'{path}: object {absent[0]} of video {video.name} should begin in this frame, but the label map does not '
            f'have it{" (it is empty)" if not numbers else ""}'
        )

"""Trains a track head on an instance database: a clip is three crops of one track."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mmdet.datasets.base import TrainIndex, sample_seed
from mmdet.datasets.failure import WorkerFailure
from mmdet.datasets.instances.database import ALPHA, FORMAT, INDEX
from mmdet.datasets.schema import Problem
from mmdet.errors import ConfigError, DataError, MMDetError
from mmdet.registry import DATASETS
from mmdet.structures import FrameSample, InstanceData, VideoClip

_STREAM = 3  # keeps this random stream apart from those of other data sets and samplers
NOBODY = -1


@DATASETS.register_module()
class InstanceDatabase(torch.utils.data.Dataset):
    """Crops that ``tools/convert_dataset.py mots-instances`` wrote.

    Every crop is a key frame once per epoch; its references are the crops of its track ``gap`` places before and
    after it, with a gap drawn from 1 to ``max_gap`` and the track's ends where there are fewer. Only heads that look at
    annotated instances alone can train on it (``PointTrackHead`` behind a ``GroundTruthDetector``).

    Args:
        data_root: folder of the database.
        max_gap: largest distance between crops, in crops of the track.
        classes: take tracks of these classes only, in this order of labels; None takes all.

    Attributes:
        classes: names by label.
        ann_file: path of the index.

    Raises:
        DataError: the index is missing or damaged, or has no tracks.
        ConfigError: a class that the database does not have.
    """

    test_mode = False
    has_annotations = True

    def __init__(self, data_root: str, max_gap: int = 10, classes: Sequence[str] | None = None) -> None:
        if max_gap < 1:
            raise ConfigError(f'max_gap must be at least 1, got {max_gap}')
        self.root, self.max_gap = Path(data_root).expanduser(), max_gap
        self.ann_file = str(self.root / INDEX)
        document = self._read_index()
        self.classes = tuple(classes or document['classes'])
        unknown = [name for name in self.classes if name not in document['classes']]
        if unknown:
            raise ConfigError(f"{self.ann_file} has no class '{unknown[0]}'; it has {', '.join(document['classes'])}")
        self._labels = {document['classes'].index(name): label for label, name in enumerate(self.classes)}
        self.tracks = [track for track in document['tracks'] if track['label'] in self._labels]
        lengths = np.array([len(track['crops']) for track in self.tracks], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        if not self._starts[-1]:
            raise DataError(f'{self.ann_file}: there are no instances of {", ".join(self.classes)} to train on')

    def _read_index(self) -> dict[str, Any]:
        try:
            document = json.loads(Path(self.ann_file).read_text())
        except OSError as error:
            raise DataError(
                f'cannot read {self.ann_file}: {error.strerror}. tools/convert_dataset.py mots-instances writes it, as '
                'its last file; run it again if it was interrupted'
            ) from error
        except ValueError as error:
            raise DataError(f'{self.ann_file} is damaged: {error}') from error
        if not isinstance(document, dict) or document.get('format') != FORMAT:
            raise DataError(f'{self.ann_file} is no instance database of format {FORMAT}; write it anew')
        return document

    def __len__(self) -> int:
        """Number of crops."""
        return int(self._starts[-1])

    @property
    def key_videos(self) -> np.ndarray:
        """Position of each crop's track: (len,) int. ``balance='video'`` then takes every track equally often."""
        return np.searchsorted(self._starts, np.arange(len(self)), side='right') - 1

    @property
    def key_sizes(self) -> np.ndarray:
        """(height, width) of each crop's frame: (len, 2) int."""
        return np.array([crop['window'][3:1:-1] for track in self.tracks for crop in track['crops']])

    def __getitem__(self, index: TrainIndex) -> VideoClip:
        """A crop and two more of its track, padded right and bottom to one size.

        Raises:
            DataError: a crop is missing or damaged.
        """
        position = int(np.searchsorted(self._starts, index.index, side='right')) - 1
        middle, crops = index.index - int(self._starts[position]), self.tracks[position]['crops']
        rng = np.random.default_rng([index.seed, index.epoch, index.index, _STREAM])
        gap = int(rng.integers(1, self.max_gap, endpoint=True))
        chosen = [middle, max(middle - gap, 0), min(middle + gap, len(crops) - 1)]
        pictures = [self._picture(crops[place]) for place in chosen]
        height, width = np.max([picture.shape[:2] for picture in pictures], 0)
        images = np.zeros((len(chosen), 3, height, width), np.uint8)
        for image, picture in zip(images, pictures):
            image[:, : picture.shape[0], : picture.shape[1]] = picture[..., :3].transpose(2, 0, 1)
        seed = sample_seed(index.seed, index.epoch, index.index)
        samples = [self._sample(position, crops[place], p, seed) for place, p in zip(chosen, pictures)]
        return VideoClip(inputs=torch.from_numpy(images), data_samples=samples)

    def __getitems__(self, indices: Sequence[TrainIndex]) -> list[VideoClip] | WorkerFailure:
        """Several clips for a data loader; see :meth:`mmdet.datasets.base.VideoDataset.__getitems__`."""
        try:
            return [self[index] for index in indices]
        except MMDetError as error:
            return WorkerFailure.of(error)

    def problems(self, decode: bool = False) -> Iterator[Problem]:
        """Crops that are missing, or with ``decode`` also those that are damaged."""
        for crop in (crop for track in self.tracks for crop in track['crops']):
            try:
                if decode or not (self.root / crop['file']).is_file():
                    self._picture(crop)
            except DataError as error:
                yield Problem(self.ann_file, str(error))

    def _picture(self, crop: dict[str, Any]) -> np.ndarray:
        """(h, w, 4) uint8 RGB and ownership."""
        path = self.root / crop['file']
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.ndim != 3 or picture.shape[2] != 4 or not (picture[..., 3] == ALPHA['own']).any():
            state = 'is no crop of an instance' if path.exists() else 'is missing'
            again = 'delete it where it is, and run tools/convert_dataset.py mots-instances again'
            raise DataError(f'{path} {state}; {again}')
        return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)

    def _sample(self, position: int, crop: dict[str, Any], picture: np.ndarray, seed: int) -> FrameSample:
        x, y, width, height = crop['window']
        sample = FrameSample(
            metainfo={
                'video_id': position,
                'frame_id': crop['frame'],
                'video_length': -1,
                'img_path': str(self.root / crop['file']),
                'ori_shape': (height, width),
                'img_shape': picture.shape[:2],
                'scale_factor': (1.0, 1.0),
                'flip': False,
                'sample_seed': seed,
                'frame_window': (x, y, width, height),
            }
        )
        sample.gt_instances = self._instances(position, picture[..., 3])
        return sample

    def _instances(self, position: int, owner: np.ndarray) -> InstanceData:
        """The instance, and its surroundings as two more that are nobody to follow."""
        label = self._labels[self.tracks[position]['label']]
        masks = np.stack([owner == ALPHA[name] for name in ('own', 'same class', 'other class')])
        rows, columns = np.flatnonzero(masks[0].any(1)), np.flatnonzero(masks[0].any(0))
        box = torch.tensor([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=torch.float32)
        found = InstanceData()
        found.bboxes = box.expand(3, 4).clone()
        found.labels = torch.tensor([label, label, label + len(self.classes)])  # the last: any class but this one
        found.instance_ids = torch.tensor([position, NOBODY, NOBODY])
        found.masks = torch.from_numpy(masks.astype(np.uint8))
        return found

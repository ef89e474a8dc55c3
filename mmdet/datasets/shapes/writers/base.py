"""What a layout on disk has to provide, and how pictures are written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdet.datasets.shapes.config import ShapesConfig
from mmdet.datasets.shapes.video import ShapesVideo
from mmdet.errors import DataError

SPLITS = ('train', 'valid', 'test')


@dataclass(frozen=True)
class ShapesWriter(ABC):
    """A data set layout. Videos are written one by one, in any order and process; then each split is closed."""

    name: ClassVar[str]
    folders: ClassVar[tuple[str, ...]]  # everything that the layout makes below the root of the set

    def default_config(self) -> ShapesConfig:
        """The scenes that fit this layout when the user asks for nothing else."""
        return ShapesConfig()

    def check(self, config: ShapesConfig, splits: dict[str, int]) -> None:  # noqa: B027 most layouts take anything
        """Raise ConfigError where the layout cannot hold such a set."""

    @abstractmethod
    def write_video(self, root: Path, video: ShapesVideo) -> dict[str, Any]:
        """Write everything that belongs to one video alone; return what the split's index needs, as JSON types."""

    @abstractmethod
    def write_index(self, root: Path, split: str, config: ShapesConfig, records: list[dict[str, Any]]) -> None:
        """Write the files that list all videos of a split; ``records`` are in the order of the videos."""


def write_image(path: Path, image: NDArray[np.uint8], jpeg_quality: int) -> None:
    """Write an RGB picture (H, W, 3) as JPEG or PNG, by the suffix of ``path``."""
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if path.suffix == '.jpg' else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    write_encoded(path, np.ascontiguousarray(image[..., ::-1]), options)


def write_encoded(path: Path, picture: NDArray[Any], options: list[int]) -> None:
    """Encode a picture in OpenCV's channel order and write it; errors of the disk are raised, not swallowed."""
    done, data = cv2.imencode(path.suffix, picture, options)
    if not done:
        raise DataError(f'{path}: OpenCV cannot encode a {picture.dtype} picture of shape {picture.shape}')
    path.write_bytes(data.tobytes())

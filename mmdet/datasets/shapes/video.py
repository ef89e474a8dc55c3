"""One procedural video: a pure function of config, seed, split and index."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from mmdet.datasets.shapes.config import ShapesConfig
from mmdet.datasets.shapes.render import Frame, render_frame, visible_objects
from mmdet.datasets.shapes.scene import ShapesScene, draw_scene
from mmdet.errors import ConfigError

ATTEMPTS = 100
NUM_VIDEO_IDS = 99_991  # a prime, so that multiplying the index modulo it gives every id once


class ShapesVideo:
    """One procedural video; frames are rendered when asked for, in any order.

    Args:
        config: what videos look like.
        seed: of the whole set; not negative.
        split: name of the part of the set; equal indices in different splits are different videos.
        index: number of the video in its split, from 0.

    Raises:
        ConfigError: a negative seed, an index outside 0..99990, or objects too small to be seen.
    """

    def __init__(self, config: ShapesConfig, seed: int = 0, split: str = 'train', index: int = 0) -> None:
        if seed < 0:
            raise ConfigError(f'the seed of a shapes set is {seed}; it cannot be negative')
        if not 0 <= index < NUM_VIDEO_IDS:
            raise ConfigError(f'shapes video {index} does not exist; a split has videos 0 to {NUM_VIDEO_IDS - 1}')
        self.config = config
        self.split = split
        self.index = index
        self._entropy = (seed, zlib.crc32(split.encode()), index)
        self.scene = self._draw()

    @property
    def video_id(self) -> int:
        """Identity in annotation files: at least 1, unique in the split, and unrelated to the position in the list."""
        return (7919 * self.index + self._entropy[1]) % NUM_VIDEO_IDS + 1

    @property
    def name(self) -> str:
        """Name of the video's folder."""
        return f'{self.split}_{self.index:05d}'

    @property
    def categories(self) -> list[str]:
        """Class name of each object, (N,)."""
        return self.scene.categories

    def __len__(self) -> int:
        return self.config.num_frames

    def __iter__(self) -> Iterator[Frame]:
        return (self.render(t) for t in range(len(self)))

    def render(self, t: int) -> Frame:
        """Frame ``t``, from 0."""
        return render_frame(self.scene, self.config, t, np.random.default_rng([*self._entropy, 1, t]))

    def _draw(self) -> ShapesScene:
        """The first scene of a random series in which at least one object can be seen at the start."""
        for attempt in range(ATTEMPTS):
            scene = draw_scene(np.random.default_rng([*self._entropy, 0, attempt]), self.config)
            ids, _ = visible_objects(scene, self.config, 0)
            if np.bincount(ids.ravel(), minlength=2)[1:].max() >= self.config.min_area:
                return scene
        raise ConfigError(
            f'no object is ever seen at the start of {self.split} video {self.index} in {ATTEMPTS} attempts; '
            'make objects larger or min_area smaller'
        )

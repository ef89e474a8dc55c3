"""What a procedural video can be: the one dataclass that every number of the ``shapes`` data set comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mmdet.errors import ConfigError

RENDERER_VERSION = 1  # raise it with every change that alters a picture: finished sets are recognised by it

# Ids are neither sorted nor 1..N, as in many files that people bring: code that takes an id for a position fails here.
CATEGORY_IDS = {'disc': 7, 'square': 3, 'triangle': 12, 'star': 5, 'ring': 21, 'cross': 9}
CLASSES = tuple(CATEGORY_IDS)
OCCLUSION_SETTINGS = ('normal', 'heavy')
MAX_OBJECTS = 50


@dataclass(frozen=True)
class ShapesConfig:
    """How the videos of a ``shapes`` set look.

    The class of an object is decided by its outline alone; colours and texture are drawn per object, so identity is
    outline plus texture. Lengths are relative, so a larger ``size`` gives the same kind of scene with more pixels.

    Attributes:
        size: (width, height) of the frames in pixels.
        num_frames: frames per video.
        classes: outlines that may appear, a subset of :data:`CLASSES`; their order is that of the annotation file.
        objects: fewest and most objects of a video.
        object_size: smallest and largest diameter of an object at the first frame, as a share of the frame's height.
        speed: slowest and fastest motion per frame, as a share of the frame's width.
        scale_change: an object's size changes by at most this factor up or down within a video.
        occlusion: ``normal`` (objects cross by chance) or ``heavy``: objects circle each other or cross, and unlabelled
            pillars and bushes stand or sweep in front of them.
        enter_probability: chance that an object other than the first starts outside the frame and comes in.
        leave_probability: chance that an object leaves the frame.
        lookalike_probability: chance that an object has the outline and nearly the texture of an earlier one.
        camera: strength of pan, zoom and shake; 0 is a camera on a tripod.
        brightness_change: largest relative change of exposure within a video.
        motion_blur: share of the frame interval during which the shutter is open; 0 switches blur off.
        noise: largest standard deviation of the sensor noise in grey levels; every video draws its own.
        shadows: whether objects throw shadows.
        jpeg_quality: quality of JPEG frames, 1 to 100.
        min_area: an object with fewer visible pixels is not annotated in that frame.
    """

    size: tuple[int, int] = (256, 144)
    num_frames: int = 16
    classes: tuple[str, ...] = CLASSES
    objects: tuple[int, int] = (2, 5)
    object_size: tuple[float, float] = (0.26, 0.6)
    speed: tuple[float, float] = (0.006, 0.026)
    scale_change: float = 1.35
    occlusion: Literal['normal', 'heavy'] = 'normal'
    enter_probability: float = 0.25
    leave_probability: float = 0.2
    lookalike_probability: float = 0.25
    camera: float = 1.0
    brightness_change: float = 0.25
    motion_blur: float = 0.4
    noise: float = 5.0
    shadows: bool = True
    jpeg_quality: int = 92
    min_area: int = 16

    def __post_init__(self) -> None:
        for name in ('size', 'classes', 'objects', 'object_size', 'speed'):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise ConfigError(f'ShapesConfig.{name} has to be a tuple, got {value!r}')
            object.__setattr__(self, name, tuple(value))
        _check_classes(self.classes)
        _check_integers(self)
        _check_ranges(self)
        if self.occlusion not in OCCLUSION_SETTINGS:
            raise ConfigError(f'ShapesConfig.occlusion is {self.occlusion!r}; use one of {OCCLUSION_SETTINGS}')

    @property
    def width(self) -> int:
        """Frame width in pixels."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Frame height in pixels."""
        return self.size[1]

    def as_dict(self) -> dict[str, Any]:
        """Every field by name, in types that JSON has."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}


def _check_classes(classes: tuple[str, ...]) -> None:
    unknown = [c for c in classes if c not in CATEGORY_IDS]
    if unknown or not classes or len(set(classes)) != len(classes):
        raise ConfigError(f'ShapesConfig.classes is {classes}; name each class once, out of {", ".join(CLASSES)}')


def _check_integers(config: ShapesConfig) -> None:
    """Whole numbers and their limits. A frame below 32 pixels has no room for objects that can be told apart."""
    limits = {
        'size': (2, 32, 8192),
        'objects': (2, 1, MAX_OBJECTS),
        'num_frames': (0, 1, 1_000_000),
        'jpeg_quality': (0, 1, 100),
        'min_area': (0, 1, 1_000_000),
    }
    for name, (length, low, high) in limits.items():
        value = getattr(config, name)
        numbers = value if length else (value,)
        whole = all(isinstance(n, int) and not isinstance(n, bool) and low <= n <= high for n in numbers)
        if not whole or (length and len(numbers) != length):
            kind = f'{length} whole numbers' if length else 'a whole number'
            raise ConfigError(f'ShapesConfig.{name} is {value!r}; it has to be {kind} from {low} to {high}')
    if config.objects[0] > config.objects[1]:
        raise ConfigError(f'ShapesConfig.objects is {config.objects}; the fewest cannot exceed the most')


def _check_ranges(config: ShapesConfig) -> None:
    limits = {
        'enter_probability': (0, 1),
        'leave_probability': (0, 1),
        'lookalike_probability': (0, 1),
        'camera': (0, 5),
        'brightness_change': (0, 0.9),
        'motion_blur': (0, 1),
        'noise': (0, 100),
        'scale_change': (1, 4),
    }
    for name, (low, high) in limits.items():
        value = getattr(config, name)
        if not isinstance(value, (int, float)) or not low <= value <= high:
            raise ConfigError(f'ShapesConfig.{name} is {value!r}; it has to lie between {low} and {high}')
    for name, lowest, highest in (('object_size', 0.05, 1.5), ('speed', 0.0, 0.5)):
        value = getattr(config, name)
        if len(value) != 2 or not lowest <= value[0] <= value[1] <= highest:
            raise ConfigError(f'ShapesConfig.{name} is {value}; use (low, high) between {lowest} and {highest}')

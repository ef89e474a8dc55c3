"""How template and search image of a pair are varied (SiamMask's data augmentation)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdet.datasets.siam.crop_space import CENTRE, CROP_SIZE, CropView, Image, Window, box_in_window
from mmdet.errors import ConfigError
from mmdet.registry import TRANSFORMS

# Shifts of R, G and B by three independent normal numbers: grey levels along the principal colours of photographs.
COLOUR_SHIFT = np.array(
    [
        [-0.55919361, 0.98062831, -0.41940627],
        [1.72091413, 0.19879334, -1.82968581],
        [4.64467907, 4.73710203, 4.88324118],
    ]
)
MAX_BLUR = 45  # largest kernel in pixels


@dataclass(frozen=True)
class Picture:
    """What the network sees of an object.

    Attributes:
        image: (S, S, 3) RGB, uint8 or float32.
        box: (4,) x1 y1 x2 y2 in its pixels.
        mask: (S, S) uint8 0 or 1; None of a template, and where it is not known.
        flip: whether it was mirrored left to right.
    """

    image: NDArray
    box: NDArray[np.float64]
    mask: Image | None
    flip: bool = False


@TRANSFORMS.register_module()
class SiamPairAugmentation:
    """Draw the window of template and search image, then grey, colours, blur and mirroring.

    Shifts are uniform per axis in pixels, scales uniform per axis and independent of each other; the window stays
    inside the square of 511 pixels. Grey and mirroring are the same for both images of a pair, all else is drawn for
    each.

    Args:
        template_shift, search_shift: largest shift of the window in pixels.
        template_scale, search_scale: largest relative change of its width and height.
        template_blur, search_blur: share of the images for which a blur is drawn; more than half of these stay sharp.
        gray: share of the pairs without colour.
        colour: shift red, green and blue of every image.
        flip: share of the pairs that are mirrored.
        eight_bit: round pixels to 0..255, which makes batches four times smaller. False keeps what the colour shift
            leaves as float32, beyond 0 and 255 too, as the original does.
    """

    def __init__(
        self,
        template_shift: float = 4,
        template_scale: float = 0.05,
        search_shift: float = 64,
        search_scale: float = 0.18,
        template_blur: float = 0.0,
        search_blur: float = 0.18,
        gray: float = 0.25,
        colour: bool = True,
        flip: float = 0.0,
        eight_bit: bool = True,
    ) -> None:
        shares = dict(template_blur=template_blur, search_blur=search_blur, gray=gray, flip=flip)
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise ConfigError(f'SiamPairAugmentation({name}) is a share of 0 to 1, got {value}')
        for name, value in dict(template_scale=template_scale, search_scale=search_scale).items():
            if not 0 <= value < 1:
                raise ConfigError(f'SiamPairAugmentation({name}) lies in [0, 1), got {value}')
        if min(template_shift, search_shift) < 0:
            raise ConfigError(f'SiamPairAugmentation shifts are 0 or more, got {template_shift} and {search_shift}')
        self.windows = ((template_shift, template_scale), (search_shift, search_scale))
        self.blurs = (template_blur, search_blur)
        self.gray, self.colour, self.flip, self.eight_bit = gray, colour, flip, eight_bit

    def __call__(
        self, views: tuple[CropView, CropView], sizes: tuple[int, int], rng: np.random.Generator
    ) -> tuple[Picture, Picture]:
        """Template and search picture, of the given sides, of two views."""
        gray, flip = rng.random() < self.gray, rng.random() < self.flip
        pictures = []
        for number, (view, size, (shift, scale), blur) in enumerate(zip(views, sizes, self.windows, self.blurs)):
            factors = 1 + rng.uniform(-scale, scale, 2)
            window = shaken_window(size, factors, rng.uniform(-shift, shift, 2))
            image = self._pixels(view.picture(window, size), gray, blur, rng)
            mask = view.outline(window, size) if number else None
            picture = Picture(image, box_in_window(view.box, window, size), mask)
            pictures.append(_mirrored(picture) if flip else picture)
        return pictures[0], pictures[1]

    def _pixels(self, image: Image, gray: bool, blur: float, rng: np.random.Generator) -> NDArray:
        """Colours and blur of an (S, S, 3) picture; as many numbers are drawn whatever happens to it."""
        if gray:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        offset = -(COLOUR_SHIFT @ rng.standard_normal(3)) * self.colour
        kernel = blur_kernel(rng) if rng.random() < blur else None
        if self.eight_bit:
            image = cv2.add(image, (*np.round(offset).tolist(), 0.0)) if self.colour else image
            return image if kernel is None else cv2.filter2D(image, -1, kernel)
        pixels = image.astype(np.float32) + offset.astype(np.float32)
        return pixels if kernel is None else cv2.filter2D(pixels, -1, kernel)


def shaken_window(size: int, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> Window:
    """The middle ``size`` pixels of the square, scaled and shifted (2,) by axis, and kept inside the square."""
    last = CROP_SIZE - 1
    half = np.minimum((size - 1) / 2 * np.minimum(scale, CROP_SIZE / size), last / 2)
    middle = np.clip(CENTRE + shift, half, last - half)
    return np.concatenate([middle - half, middle + half])


def blur_kernel(rng: np.random.Generator) -> NDArray[np.float32] | None:
    """A cross of a random odd size, its weight divided between column and row at random; None for no blur."""
    size = 2 * round(float(rng.standard_normal())) + 1
    skip, share = rng.random() < 0.5, rng.random()
    if size < 0 or skip:
        return None
    size = min(size, MAX_BLUR)
    kernel = np.zeros((size, size), np.float32)
    kernel[:, size // 2] += share / size
    kernel[size // 2] += (1 - share) / size
    return kernel


def _mirrored(picture: Picture) -> Picture:
    x1, y1, x2, y2 = picture.box
    last = picture.image.shape[1] - 1
    box = np.array([last - x2, y1, last - x1, y2])
    mask = None if picture.mask is None else picture.mask[:, ::-1]
    return Picture(picture.image[:, ::-1], box, mask, flip=True)

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmdet.datasets.siam.augment import COLOUR_SHIFT, SiamPairAugmentation, blur_kernel, shaken_window
from mmdet.datasets.siam.crop_space import CropView
from mmdet.errors import ConfigError

QUIET = dict(template_shift=0, template_scale=0, search_shift=0, search_scale=0, search_blur=0, gray=0, colour=False)


@pytest.fixture
def view() -> CropView:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (511, 511, 3), dtype=np.uint8)
    mask = np.zeros((511, 511), np.uint8)
    mask[235:276, 225:286] = 255
    return CropView(image, mask, np.zeros(2), 1.0, np.array([60.0, 40.0]))


@pytest.mark.parametrize(
    ('scale', 'shift', 'expected'),
    [
        ((1, 1), (0, 0), (128, 128, 382, 382)),
        ((1.1, 0.9), (10, -5), (125.3, 135.7, 404.7, 364.3)),
        ((1, 1), (200, -200), (256, 0, 510, 254)),
        ((3, 3), (50, 0), (1.003922, 0.501961, 510, 509.498039)),
    ],
    ids=['middle', 'scaled', 'clamped', 'no larger than the square'],
)
def test_window(scale: tuple, shift: tuple, expected: tuple) -> None:
    found = shaken_window(255, np.array(scale), np.array(shift))
    assert found == pytest.approx(expected, abs=1e-6)
    assert found.min() >= 0 and found.max() <= 510


def test_nothing_changes_without_augmentation(view: CropView) -> None:
    template, search = SiamPairAugmentation(**QUIET)((view, view), (127, 255), np.random.default_rng(0))
    assert (template.image == view.image[192:319, 192:319]).all()
    assert (search.image == view.image[128:383, 128:383]).all()
    assert search.mask is not None and (search.mask == (view.mask[128:383, 128:383] > 0)).all()
    assert search.box == pytest.approx((97, 107, 157, 147)) and template.mask is None


def test_mirrored_pair(view: CropView) -> None:
    template, search = SiamPairAugmentation(**QUIET, flip=1)((view, view), (127, 255), np.random.default_rng(0))
    assert (search.image == view.image[128:383, 128:383][:, ::-1]).all() and template.flip and search.flip
    columns = np.flatnonzero(search.mask.any(0))
    assert search.box[[0, 2]] == pytest.approx((columns[0], columns[-1]), abs=1)


def test_gray_is_drawn_for_the_pair(view: CropView) -> None:
    augmentation = SiamPairAugmentation(**{**QUIET, 'gray': 0.5})
    colourless = []
    for seed in range(40):
        pair = augmentation((view, view), (127, 143), np.random.default_rng(seed))
        colourless.append([bool((p.image[..., 0] == p.image[..., 2]).all()) for p in pair])
    assert all(first == second for first, second in colourless) and 8 < sum(first for first, _ in colourless) < 32


@pytest.mark.parametrize('eight_bit', [True, False])
def test_colour_shift(view: CropView, eight_bit: bool) -> None:
    augmentation = SiamPairAugmentation(**{**QUIET, 'colour': True}, eight_bit=eight_bit)
    still = SiamPairAugmentation(**QUIET)((view, view), (127, 255), np.random.default_rng(0))[0].image.astype(float)
    offsets = []
    for seed in range(60):
        image = augmentation((view, view), (127, 255), np.random.default_rng(seed))[0].image
        assert image.dtype == (np.uint8 if eight_bit else np.float32)
        inner = (still > 40) & (still < 215)  # what does not saturate
        change = [(image.astype(float) - still)[..., c][inner[..., c]] for c in range(3)]
        assert all(np.ptp(values) < 1e-3 for values in change)
        offsets.append([values[0] for values in change])
    expected = np.linalg.norm(COLOUR_SHIFT, axis=1)  # 1.20, 2.52, 8.24 of R, G, B
    assert np.std(offsets, axis=0) == pytest.approx(expected, rel=0.35)


def test_blur_keeps_the_mean_and_happens_sometimes() -> None:
    kernels = [blur_kernel(np.random.default_rng(seed)) for seed in range(300)]
    sharp = [kernel is None or kernel.shape == (1, 1) for kernel in kernels]
    assert 0.5 < np.mean(sharp) < 0.95
    for kernel in kernels:
        if kernel is not None:
            assert kernel.sum() == pytest.approx(1, abs=1e-5) and kernel.shape[0] % 2 == 1
            assert np.count_nonzero(kernel) == 2 * len(kernel) - 1


@pytest.mark.parametrize(
    ('arguments', 'word'),
    [(dict(gray=2), 'gray'), (dict(search_scale=1), 'search_scale'), (dict(search_shift=-1), '-1')],
)
def test_values_that_cannot_be(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        SiamPairAugmentation(**arguments)

"""Random erasing."""

import numpy as np
import pytest

from mmdet.datasets.transforms import RandomErasing
from mmdet.errors import ConfigError


def test_one_rectangle_for_the_clip(make_clip, rng):
    clip = make_clip((40, 60), [[[10, 5, 50, 35]], [[10, 5, 50, 35]]])
    before = [frame.image.copy() for frame in clip.frames]
    boxes = clip.frames[0].objects.bboxes.tolist()
    clip = RandomErasing(prob=1.0, area=(0.2, 0.2), aspect=(0.5, 0.5), fill=(1, 2, 3))(clip, rng)
    changed = [(frame.image != image).any(2) for frame, image in zip(clip.frames, before)]
    covered = [(frame.image == (1, 2, 3)).all(2) for frame in clip.frames]
    assert (covered[0] == covered[1]).all()
    assert all((new <= area).all() for new, area in zip(changed, covered))
    rows, columns = np.flatnonzero(covered[0].any(1)), np.flatnonzero(covered[0].any(0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert covered[0].sum() == height * width  # one rectangle
    assert (height, width) == (round((480 * 0.5) ** 0.5), round((480 / 0.5) ** 0.5))
    assert clip.frames[0].objects.bboxes.tolist() == boxes


def test_share_of_the_clips(make_clip, rng):
    erase, touched = RandomErasing(prob=0.3, fill=(0, 0, 0)), 0
    for _ in range(200):
        clip = make_clip((10, 10), [[]])
        image = clip.frames[0].image = np.full((10, 10, 3), 9, np.uint8)
        touched += (erase(clip, rng).frames[0].image != 9).any()
        assert (image == 9).all()  # the picture itself is not written to
    assert 35 < touched < 85


@pytest.mark.parametrize('arguments', [{'prob': 2}, {'area': (0.4, 0.2)}, {'area': (0, 0.2)}, {'aspect': (3, 1)}])
def test_wrong_arguments(arguments):
    with pytest.raises(ConfigError, match='RandomErasing'):
        RandomErasing(**arguments)

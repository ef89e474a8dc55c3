"""From arrays to tensors."""

import numpy as np
import torch

from mmdet.datasets.transforms import PackClip, RandomFlip


def test_tensors_hold_what_the_arrays_held(make_clip, rng):
    clip = RandomFlip(1.0)(make_clip((6, 10), [[[1, 2, 4, 5], [0, 0, 3, 3]], []], crowd=None), rng)
    clip.frames[0].objects.crowd[0] = True
    arrays = [(frame.image.copy(), frame.objects.masks.copy()) for frame in clip.frames]
    packed = PackClip()(clip, rng)
    assert packed['inputs'].shape == (2, 3, 6, 10) and packed['inputs'].is_contiguous()
    np.testing.assert_array_equal(packed['inputs'].numpy().transpose(0, 2, 3, 1), [image for image, _ in arrays])
    first, second = packed['data_samples']
    assert first.ignored_instances.instance_ids.tolist() == [100]
    assert first.gt_instances.instance_ids.tolist() == [101]
    np.testing.assert_array_equal(first.gt_instances.masks.numpy(), arrays[0][1][1:])
    assert second.gt_instances.bboxes.shape == (0, 4) and second.gt_instances.masks.shape == (0, 6, 10)
    assert second.gt_instances.labels.dtype == torch.int64
    assert (first.flip, first.video_id, second.frame_id, first.sample_seed) == (True, 17, 1, 99)


def test_without_annotations_there_are_no_fields(make_clip, rng):
    sample = PackClip()(make_clip((6, 10), [None]), rng)['data_samples'][0]
    assert list(sample.keys()) == []

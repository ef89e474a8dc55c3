"""Turns a finished clip into the tensors and samples that a model gets."""

from __future__ import annotations

import numpy as np
import torch

from mmdet.datasets.clip import ClipFrame, FrameObjects, FramePrompts, PipelineClip
from mmdet.registry import TRANSFORMS
from mmdet.structures import FrameSample, InstanceData, VideoClip

__all__ = ['PackClip', 'pack_prompts']


@TRANSFORMS.register_module()
class PackClip:
    """Pack images into one (T, 3, H, W) uint8 tensor, and frames into samples; always the last transform.

    Objects become ``gt_instances``, crowds ``ignored_instances``; frames without loaded annotations have neither.
    Objects that the data set gives to the model become ``prompts``, those that it takes back ``ended_ids``.
    Names, shapes and units: :mod:`mmdet.structures`.
    """

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> VideoClip:
        height, width = clip.frames[0].pixels.shape[:2]
        images = np.empty((len(clip.frames), 3, height, width), dtype=np.uint8)
        for image, frame in zip(images, clip.frames):
            image[...] = frame.pixels.transpose(2, 0, 1)
        samples = [_sample(frame, clip.sample_seed) for frame in clip.frames]
        return VideoClip(inputs=torch.from_numpy(images), data_samples=samples)


def _sample(frame: ClipFrame, seed: int) -> FrameSample:
    video = frame.video
    sample = FrameSample(
        metainfo={
            'video_id': video.id,
            'frame_id': frame.frame_id,
            'video_length': video.length,
            'img_path': frame.path,
            'ori_shape': (video.height, video.width),
            'img_shape': (frame.pixels.shape[0], frame.pixels.shape[1]),
            'scale_factor': frame.scale_factor,
            'flip': frame.flip,
            'sample_seed': seed,
        }
    )
    if frame.blank:
        sample.set_metainfo({'blank': True})
    if frame.ended:
        sample.set_metainfo({'ended_ids': frame.ended})
    if frame.objects is not None:
        sample.gt_instances = _instances(frame.objects, ~frame.objects.crowd)
        sample.ignored_instances = _instances(frame.objects, frame.objects.crowd)
    if frame.prompts is not None:
        sample.prompts = pack_prompts(frame.prompts)
    return sample


def pack_prompts(prompts: FramePrompts) -> InstanceData:
    """Prompts as a sample carries them."""
    packed = InstanceData(bboxes=torch.from_numpy(prompts.bboxes), instance_ids=torch.from_numpy(prompts.ids))
    if prompts.masks is not None:
        packed.masks = torch.from_numpy(prompts.masks)
    return packed


def _instances(objects: FrameObjects, keep: np.ndarray) -> InstanceData:
    objects = objects if keep.all() else objects.select(keep)
    return InstanceData(
        bboxes=torch.from_numpy(np.ascontiguousarray(objects.bboxes, dtype=np.float32)),
        labels=torch.from_numpy(objects.labels.astype(np.int64)),
        instance_ids=torch.from_numpy(objects.ids.astype(np.int64)),
        masks=torch.from_numpy(np.ascontiguousarray(objects.masks)),
    )

"""PointTrack's track head (arXiv 2007.01550): pixels of an instance and around it as unordered points to one vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from mmdet.errors import ConfigError, DataError
from mmdet.models.detectors import Clip
from mmdet.models.losses import batch_hard_triplet, nearest_is_same
from mmdet.models.mask_size import check_mask_size
from mmdet.models.samplers import SampledRoIs, sampling_generator
from mmdet.models.track_heads.base import TrackHead
from mmdet.models.track_heads.points import InstancePoints, PointEmbedding, PointNetwork, PointSampler
from mmdet.models.track_heads.points.sampling import FrameView
from mmdet.registry import MODELS
from mmdet.structures import FrameSample, InstanceData

_PURPOSE = 3_000_017  # keeps this random stream apart from that of box sampling
_VIDEO = 1_000_003
_PREFIX = 'track_head.'  # of this head's weights in a model
DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}


@MODELS.register_module()
class PointTrackHead(TrackHead):
    """Embeds masks of any detector from the colours, places and neighbours of sampled points.

    Vectors are compared by Euclidean distance and not normalised. The points of a frame depend on video, frame and the
    row of the instance alone, so chunks, processes and devices make no difference.

    Args:
        num_foreground, num_context: points on each instance and around it; 1000 and 500 as published.
        base_channels: width of the network's first layers; 64 as published.
        embedding_dim: D.
        compat: compute as the published program does: colours as blue, green, red; positions in parts of 1242 x 375;
            its crop arithmetic and category numbers. For its weights; a model of your own is better off without.
        margin: of the triplet loss.
        max_tracks: identities of a batch that the loss looks at, drawn at random where there are more.
        jitter: deviation of the normal noise on training points' offsets, in units of 128 pixels.
        batch_instances: instances that go through the network together in a test, at least the ones of one frame.
        loss_weight: factor on ``loss_triplet``.
        weights: file with weights of this head: the ``last.safetensors`` of a model that was trained with it, behind
            any detector, or converted ones of the original program. It fills this head wherever the model's own
            checkpoint has no weights for it, as the checkpoint of a segmenter has none.
        dtype: what the network computes in at test time: ``float32``, or ``bfloat16`` or ``float16``, which are faster
            where the processor multiplies matrices in them; vectors are float32 all the same.

    Attributes:
        own_weights: ``weights``; see :mod:`mmdet.checkpoints.parts`.
    """

    requires = frozenset({'frames', 'masks'})
    max_references = None

    def __init__(
        self,
        num_foreground: int = 1000,
        num_context: int = 500,
        base_channels: int = 64,
        embedding_dim: int = 32,
        compat: bool = False,
        margin: float = 0.2,
        max_tracks: int = 24,
        jitter: float = 0.001,
        batch_instances: int = 128,
        loss_weight: float = 1.0,
        weights: str | None = None,
        dtype: Literal['float32', 'bfloat16', 'float16'] = 'float32',
    ) -> None:
        super().__init__()
        if dtype not in DTYPES:
            raise ConfigError(f'PointTrackHead(dtype) is one of {", ".join(DTYPES)}, got {dtype!r}')
        if min(num_foreground, num_context, max_tracks, batch_instances) < 1 or jitter < 0:
            raise ConfigError(
                'PointTrackHead needs at least 1 for num_foreground, num_context, max_tracks and batch_instances, and '
                f'jitter from 0; got {num_foreground}, {num_context}, {max_tracks}, {batch_instances} and {jitter}'
            )
        self.network = PointNetwork(embedding_dim, base_channels, compat)
        self.sampler = PointSampler(num_foreground, num_context, compat)
        self.embedding_dim, self.compat = embedding_dim, compat
        self.margin, self.max_tracks, self.jitter = margin, max_tracks, jitter
        self.batch_instances, self.loss_weight = batch_instances, loss_weight
        self.own_weights, self.dtype = weights, DTYPES[dtype]

    def own_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The track head's weights out of those of a whole model, under this head's names."""
        return {key.removeprefix(_PREFIX): value for key, value in state.items() if key.startswith(_PREFIX)}

    def embed(self, clip: Clip, detections: Sequence[InstanceData]) -> list[Tensor]:
        """Embeddings (N_t, D) of detections of each frame; their masks may be of any kind."""
        device = clip.images.device
        vectors = [torch.zeros(0, self.embedding_dim, device=device) for _ in detections]
        sets: dict[int, InstancePoints] = {}
        for index, instances in enumerate(detections):
            if len(instances.bboxes):
                sets[index] = self.points_of(clip, index, instances)
        for group in _groups({index: len(points) for index, points in sets.items()}, self.batch_instances):
            with torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32):
                together = self.network(InstancePoints.cat([sets[index] for index in group]))
            for index, rows in zip(group, together.vectors.split([len(sets[index]) for index in group])):
                vectors[index] = rows
        return vectors

    def points_of(self, clip: Clip, index: int, detections: InstanceData) -> InstancePoints:
        """Points of the detections of frame ``index``, as :meth:`embed` draws them.

        Raises:
            DataError: masks are not of the size of the original frame.
        """
        device = clip.images.device
        masks = detections.masks.to_dense().to(device)
        sample = clip.samples[index]
        check_mask_size(masks, sample.ori_shape, sample, 'give masks of the size of the original frame')
        view = FrameView(_image(clip, index), masks, detections.labels.to(device), sample.get('frame_window'))
        # Finding repeated pixels needs the host, which costs more on a GPU than it saves.
        return self.sampler.draw(view, frame_generator(sample), distinct=device.type == 'cpu')

    def describe(self, points: InstancePoints) -> PointEmbedding:
        """Vectors of instances with the attention that they rest on, for pictures."""
        return self.network(points)

    def loss(self, key: Clip, references: Clip, sampled: Sequence[SampledRoIs]) -> dict[str, Tensor]:
        """``loss_triplet`` over all annotated instances of key and reference frames; ``nearest_acc`` in percent.

        ``sampled`` is not used: points come from annotated masks. Instances with a negative identity are surroundings.
        """
        frames = [(clip, index) for clip in (key, references) for index in range(len(clip.samples))]
        identities = self._chosen(_identities([clip.samples[index] for clip, index in frames]), key.samples[0])
        sets, kept = [], []
        for place, ((clip, index), ids) in enumerate(zip(frames, identities)):
            rows = torch.nonzero(ids >= 0).flatten()
            if len(rows):
                sets.append(self._training_points(clip, index, rows, place))
                kept.append(ids[rows])
        vectors, owners = key.images.new_zeros(0, self.embedding_dim), torch.zeros(0, dtype=torch.int64)
        if sets:
            vectors, owners = self.network(InstancePoints.cat(sets)).vectors, torch.cat(kept)
        owners = owners.to(vectors.device)
        loss = batch_hard_triplet(vectors, owners, self.margin, count_alone=True)
        loss = loss + sum(parameter.sum() for parameter in self.parameters()) * 0  # where nobody has an instance
        return {'loss_triplet': self.loss_weight * loss, 'nearest_acc': nearest_is_same(vectors.detach(), owners)}

    def _chosen(self, identities: list[Tensor], sample: FrameSample) -> list[Tensor]:
        """Identities (N_i,) of every frame with all but ``max_tracks`` of them set to -1."""
        present = torch.cat(identities).unique()
        present = present[present >= 0]
        if len(present) <= self.max_tracks:
            return identities
        order = torch.randperm(len(present), generator=frame_generator(sample))
        chosen = present[order[: self.max_tracks]]
        return [torch.where(torch.isin(ids, chosen), ids, -1) for ids in identities]

    def _training_points(self, clip: Clip, index: int, rows: Tensor, place: int) -> InstancePoints:
        """Points of the annotated instances ``rows`` of one frame; the others are their surroundings."""
        device = clip.images.device
        sample = clip.samples[index]
        instances = sample.gt_instances
        check_mask_size(instances.masks, sample.img_shape, sample, 'give masks of the size of the resized frame')
        masks = instances.masks.to(device).bool()
        view = FrameView(_image(clip, index), masks, instances.labels.to(device), sample.get('frame_window'))
        generator = frame_generator(sample, 1 + place)
        points = self.sampler.draw(view, generator, rows=rows.to(device))
        noise = [torch.randn(len(part.values), 2, generator=generator) for part in (points.foreground, points.context)]
        for part, shift in zip((points.foreground, points.context), noise):
            part.values[:, 3:] += self.jitter * shift.to(device)
        return points


def _image(clip: Clip, index: int) -> Tensor:
    """(3, h, w) uint8 of frame ``index``, without padding, where the network is."""
    if clip.frames is None:
        raise ConfigError('PointTrackHead reads colours from the 8-bit frames, and this clip has none: set Clip.frames')
    height, width = clip.samples[index].img_shape
    return clip.frames[index][:, :height, :width].to(clip.images.device)


def frame_generator(sample: FrameSample, purpose: int = 0) -> torch.Generator:
    """Random numbers of one frame, the same wherever it is computed."""
    seed = int(sample.get('sample_seed') or 0) + _VIDEO * int(sample.video_id) + int(sample.frame_id)
    return sampling_generator(seed % 2**62, _PURPOSE + purpose)


def _groups(counts: dict[int, int], limit: int) -> Iterator[list[int]]:
    """Consecutive frames whose instances together are at most ``limit``, or single frames that have more."""
    group: list[int] = []
    total = 0
    for index, count in counts.items():
        if group and total + count > limit:
            yield group
            group, total = [], 0
        group.append(index)
        total += count
    if group:
        yield group


def _identities(samples: Sequence[FrameSample]) -> list[Tensor]:
    """Identities (N_i,) of the annotated instances of each frame, on the CPU, numbered over all videos; -1 for none."""
    numbers: dict[tuple[int, int], int] = {}
    result = []
    for sample in samples:
        if 'gt_instances' not in sample or 'masks' not in sample.gt_instances:
            raise DataError(
                f'video {sample.video_id}, frame {sample.frame_id}: PointTrackHead trains on annotated masks; add '
                'LoadAnnotations to the training pipeline'
            )
        ids = sample.gt_instances.instance_ids.tolist()
        owned = [numbers.setdefault((sample.video_id, i), len(numbers)) if i >= 0 else -1 for i in ids]
        result.append(torch.tensor(owned, dtype=torch.int64))
    return result

"""Crops to unit vectors: cutting, resizing, normalising and the appearance network, in one place.

A network that is trained (:class:`ReIDNet`) and a track head that uses it (``ReIDTrackHead``) share this module, so
they cannot disagree on what a crop is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.errors import ConfigError
from mmdet.models.reid.crops import resize_crops
from mmdet.registry import MODELS


@MODELS.register_module()
class ReIDEmbedder(nn.Module):
    """Cuts boxes out of frames and describes each with a vector of length 1.

    A box without area inside the frame has no looks: its vector is zero, which is at cosine distance 1 from all others,
    so that no two such boxes are taken for one object.

    Args:
        backbone: config dict of an appearance network.
        size: (width, height) that every crop is resized to, whatever its aspect.
        mean, std: per channel in RGB order, in units of 0..255 pixel values.
        max_batch: crops that go through the network together; more are done in turns, which bounds memory.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: dict,
        size: tuple[int, int] = (64, 128),
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        max_batch: int = 256,
    ) -> None:
        super().__init__()
        if len(size) != 2 or min(size) < 1 or max_batch < 1:
            raise ConfigError(f'a crop is (width, height) pixels and max_batch at least 1, got {size} and {max_batch}')
        self.size, self.max_batch = (int(size[0]), int(size[1])), max_batch
        self.register_buffer('mean', torch.tensor(mean, dtype=torch.float32).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std, dtype=torch.float32).view(3, 1, 1), persistent=False)
        self.backbone = MODELS.build(backbone)

    @property
    def embedding_dim(self) -> int:
        """D, length of the vectors."""
        return self.backbone.embedding_dim

    def crops(self, frames: Tensor, frame_of: Tensor, bboxes: Tensor) -> Tensor:
        """Network input (N, 3, height, width) for boxes (N, 4) of frames (T, 3, H, W) uint8; ``frame_of`` (N,)."""
        return self._crops(frames, frame_of, bboxes)[0]

    def images(self, images: Sequence[Tensor]) -> Tensor:
        """Network input (N, 3, height, width) for N whole images (1, 3, H, W) uint8 of any sizes."""
        if len({image.shape for image in images}) > 1:
            return torch.cat([self.images([image]) for image in images])
        frames = torch.cat(list(images)).to(self.mean.device, non_blocking=True)
        height, width = frames.shape[-2:]
        bboxes = self.mean.new_tensor([0, 0, width, height]).expand(len(frames), 4)
        return self.crops(frames, torch.arange(len(frames), device=self.mean.device), bboxes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Network input (N, 3, height, width) -> vectors (N, D) as the network gives them."""
        return self.backbone(inputs)

    def vectors(self, frames: Tensor, bboxes: Sequence[Tensor]) -> list[Tensor]:
        """Unit vectors (N_t, D) of the boxes (N_t, 4), in pixels, of each of T frames (T, 3, H, W) uint8.

        Those of boxes without area inside their frame are zero.
        """
        device = self.mean.device
        frames, counts = frames.to(device, non_blocking=True), [len(boxes) for boxes in bboxes]
        boxes = torch.cat([b.to(device) for b in bboxes])  # (N, 4)
        frame_of = torch.repeat_interleave(torch.tensor(counts)).to(device)  # (N,)
        parts = [
            self._described(*self._crops(frames, *part))
            for part in zip(frame_of.split(self.max_batch), boxes.split(self.max_batch))
        ]
        found = torch.cat(parts) if len(boxes) else boxes.new_zeros(0, self.embedding_dim)
        return list(found.split(counts))

    def _crops(self, frames: Tensor, frame_of: Tensor, bboxes: Tensor) -> tuple[Tensor, Tensor]:
        """Network input (N, 3, height, width), and which crops are empty (N,) and therefore of the mean colour."""
        pixels, empty = resize_crops(frames, frame_of, bboxes, self.size)
        return ((pixels - self.mean) / self.std).masked_fill(empty[:, None, None, None], 0.0), empty

    def _described(self, inputs: Tensor, empty: Tensor) -> Tensor:
        return unit(self(inputs)).masked_fill(empty[:, None], 0.0)


def unit(vectors: Tensor) -> Tensor:
    """(N, D) vectors scaled to length 1, in single precision."""
    return functional.normalize(vectors.float(), dim=1)

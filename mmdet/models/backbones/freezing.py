"""What backbones share: stages that do not train, and batch normalisation that keeps its stored statistics."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class StagedBackbone(nn.Module):
    """A stem (``conv1``, ``bn1``) and stages ``layer1``, ``layer2``, ... of which the first can be frozen.

    Attributes:
        frozen_stages: -1 trains everything, 0 freezes the stem, n also the first n stages.
        norm_eval: keep batch normalisation on its stored statistics while training.
    """

    frozen_stages: int
    norm_eval: bool

    def freeze(self, stages: int) -> None:
        """Freeze the first ``stages`` (see ``frozen_stages``) and let the others train; may be called at any time."""
        self.requires_grad_(True)
        self.frozen_stages = stages
        for module in self._frozen_modules():
            module.requires_grad_(False)
        self.train(self.training)

    def _frozen_modules(self) -> list[nn.Module]:
        if self.frozen_stages < 0:
            return []
        names = ['conv1', 'bn1', *(f'layer{i}' for i in range(1, self.frozen_stages + 1))]
        return [getattr(self, name) for name in names]

    def train(self, mode: bool = True) -> StagedBackbone:
        """Switch to training, keeping frozen stages and (``norm_eval``) batch normalisation in evaluation mode."""
        super().train(mode)
        for module in self._frozen_modules():
            module.eval()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

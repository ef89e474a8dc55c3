"""Any image classifier of torchvision as an appearance network: its last layer is taken off."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from torch import Tensor, nn
from torchvision import models

from mmdet.errors import ConfigError
from mmdet.registry import MODELS


@MODELS.register_module()
class TorchvisionNet(nn.Module):
    """A classifier of torchvision up to its last linear layer.

    Networks that take one image size alone (vision transformers) need the embedder's ``size`` to be it.

    Args:
        name: as ``torchvision.models.get_model`` takes it: ``resnet18``, ``mobilenet_v3_small``, ``swin_t``, ...
        pretrained: file with torchvision's weights of this network to start training from. It is read when training
            starts; nothing is ever downloaded.

    Attributes:
        embedding_dim: D, length of the vectors.

    Raises:
        ConfigError: torchvision has no such classifier, or ``pretrained`` is a name and not a file.
    """

    def __init__(self, name: str, pretrained: str | None = None) -> None:
        super().__init__()
        known = models.list_models(module=models)
        if name not in known:
            close = ', '.join(difflib.get_close_matches(name, known, n=3, cutoff=0.3))
            raise ConfigError(f"torchvision has no classifier '{name}'; similar ones are {close}")
        if pretrained and '_Weights.' in pretrained:
            raise ConfigError(
                f"TorchvisionNet(pretrained='{pretrained}'): weights are not downloaded here; give the path of a file"
            )
        self.net: nn.Module = models.get_model(name, weights=None)
        linear = [(path, layer) for path, layer in self.net.named_modules() if isinstance(layer, nn.Linear)]
        if not linear:
            raise ConfigError(f"'{name}' does not end in a linear layer that could be taken off; use another network")
        self.removed, last = linear[-1]
        self.net.set_submodule(self.removed, nn.Identity())
        self.embedding_dim = last.in_features
        self.pretrained = pretrained

    def pretrained_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of a torchvision file under the names of this module, without those of the removed layer."""
        return {f'net.{key}': value for key, value in state.items() if not key.startswith(f'{self.removed}.')}

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, h, w) normalised crops -> (N, D) vectors, not of unit length."""
        vectors = self.net(images)
        if not isinstance(vectors, Tensor):
            raise ConfigError(
                f'{type(self.net).__name__} returns {type(vectors).__name__} while training, not vectors; use another'
            )
        return vectors

    def make_classifier(self, num_identities: int) -> nn.Module:
        """What training adds (arXiv 1903.07071): normalisation and a linear layer without bias."""
        return nn.Sequential(
            nn.BatchNorm1d(self.embedding_dim), nn.Linear(self.embedding_dim, num_identities, bias=False)
        )

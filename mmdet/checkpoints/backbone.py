"""ImageNet weights of torchvision's ResNets and ResNeXts, whose names our backbones share."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from urllib.error import URLError

from mmdet.checkpoints.files import load_file
from mmdet.checkpoints.state import StateDict, state_dict_of
from mmdet.errors import CheckpointError

WEIGHT_NAME = re.compile(r'\w+_Weights\.\w+')
BACKBONE_KEY = re.compile(r'(conv1|bn1|layer[1-4]\.\d+\.(conv\d|bn\d|downsample\.[01]))\.\w+')


def torchvision_backbone(weights: str | Path, trust: bool = False) -> StateDict:
    """Weights for a ResNet or ResNeXt backbone, without the classifier.

    Args:
        weights: file with torchvision's keys, or the name of a torchvision weight such as
            ``ResNet50_Weights.IMAGENET1K_V1``, which torchvision then downloads once and checks by its hash.
        trust: unpickle a file without limits; only on the user's explicit word.

    Raises:
        CheckpointError: the name does not exist, the download failed, or these are not the weights of a ResNet.
    """
    is_name = WEIGHT_NAME.fullmatch(str(weights)) and not Path(weights).is_file()
    state = _download(str(weights)) if is_name else state_dict_of(load_file(weights, trust), weights)
    kept = {key: tensor for key, tensor in state.items() if BACKBONE_KEY.fullmatch(key)}
    if 'conv1.weight' not in kept or not any(key.startswith('layer4.') for key in kept):
        raise CheckpointError(
            f'{weights} holds no ResNet or ResNeXt with the names of torchvision (conv1, bn1, layer1 ... layer4); '
            f'it begins with {", ".join(list(state)[:5])}'
        )
    return kept


def _download(name: str) -> StateDict:
    from torchvision.models import get_weight

    try:
        entry = get_weight(name)
    except (ValueError, KeyError) as error:
        close = difflib.get_close_matches(name, _resnet_names(), n=3, cutoff=0.3)
        raise CheckpointError(f"torchvision has no weights '{name}'; similar ones are {', '.join(close)}") from error
    try:
        return entry.get_state_dict(progress=True, check_hash=True, map_location='cpu', weights_only=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError, a wrong hash a RuntimeError
        reason = error.reason if isinstance(error, URLError) else error
        raise CheckpointError(
            f'cannot download {name} from {entry.url}: {reason}. Fetch that file elsewhere and give its path instead.'
        ) from error


def _resnet_names() -> list[str]:
    from torchvision.models import get_model_weights, list_models

    resnets = [name for name in list_models() if name.startswith(('resnet', 'resnext')) and '_' not in name[:6]]
    return [f'{entry.__class__.__name__}.{entry.name}' for name in resnets for entry in get_model_weights(name)]

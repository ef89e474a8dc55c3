"""PointTrack's segmentation network, and the SpatialEmbedding networks that it comes from.

Both save ``model_state_dict`` of an encoder and two decoders. The encoder carries a 1 x 1 convolution that no forward
pass uses; it is left out. Channels of the first decoder: offset x and y, then one bandwidth (SpatialEmbedding) or one
per axis (PointTrack). The second has one seed map: a network of theirs knows one class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.checkpoints.families.base import Converted, ConvertOptions, Family, KeyMap, Rule
from mmdet.checkpoints.report import LoadReport
from mmdet.checkpoints.state import Shapes, StateDict
from mmdet.errors import CheckpointError

__all__ = ['IGNORED', 'RULES', 'SPATIAL_EMBEDDING', 'detect', 'facts']

BACKBONE = 'detector.backbone'
OFFSETS = 2  # channels of the first decoder before its bandwidths
INSTANCE_HEAD, SEED_HEAD = 'decoders.0.output_conv.weight', 'decoders.1.output_conv.weight'
LAYERS = {
    'conv3x1_1': 'column1',
    'conv1x3_1': 'row1',
    'conv3x1_2': 'column2',
    'conv1x3_2': 'row2',
    'conv': 'conv',
    'bn': 'bn',
    'bn1': 'bn1',
    'bn2': 'bn2',
}
PLACES = {'encoder.layers.#': 'encoder.layers.#', 'decoders.#.layers.#': 'branches.#.layers.#'}
RULES = [
    Rule('encoder.initial_block.*', f'{BACKBONE}.encoder.stem.*'),
    *(
        Rule(f'{their_place}.{theirs}.*', f'{BACKBONE}.{our_place}.{ours}.*')
        for their_place, our_place in PLACES.items()
        for theirs, ours in LAYERS.items()
    ),
    Rule('decoders.#.output_conv.*', f'{BACKBONE}.branches.#.output.*'),
]
IGNORED = {'encoder.output_conv.*': 'a layer of the encoder that no forward pass uses'}
MAP = KeyMap(RULES, IGNORED)
NORMALISATION = {'channel_order': 'rgb', 'mean': [0.0] * 3, 'std': [255.0] * 3}


def detect(shapes: Shapes) -> bool:
    """Whether the names are those of a branched ERFNet with an instance and a seed decoder."""
    return {'encoder.initial_block.conv.weight', INSTANCE_HEAD, SEED_HEAD} <= set(shapes)


def facts(state_dict: StateDict) -> dict[str, Any]:
    """Metadata that the weights of the two last layers tell.

    Raises:
        CheckpointError: the first decoder has another number of channels than any known network.
    """
    # weights of a transposed convolution are (in, out, height, width)
    num_sigmas = state_dict[INSTANCE_HEAD].shape[1] - OFFSETS
    if num_sigmas not in (1, 2):
        raise CheckpointError(
            f'{INSTANCE_HEAD} has {num_sigmas + OFFSETS} output channels; networks that are known have 3 (two offsets '
            'and one bandwidth) or 4 (a bandwidth per axis)'
        )
    return {
        'normalisation': NORMALISATION,
        'embedding': {'num_sigmas': num_sigmas, 'coordinates': 'compat'},
        'num_classes': state_dict[SEED_HEAD].shape[1],
    }


def convert(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """Weights of the segmentation network under our names."""
    report = LoadReport(family='spatial_embedding')
    ours = MAP.to_ours(state_dict, report)
    report.notes.append("the network belongs to coordinates='compat' and the clusterer's mode='compat'")
    return Converted(ours, report, facts(state_dict))


def invert(state_dict: StateDict) -> tuple[StateDict, LoadReport]:
    """Our weights under the published names; the encoder's unused layer is not there."""
    report = LoadReport(family='spatial_embedding')
    return MAP.to_theirs(state_dict, report), report


TITLE = "PointTrack's segmentation network, or SpatialEmbedding"
SPATIAL_EMBEDDING = Family('spatial_embedding', TITLE, detect, convert, invert)

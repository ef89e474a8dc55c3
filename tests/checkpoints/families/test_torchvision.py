"""torchvision's Mask R-CNN, with its own modules as the oracle."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights, maskrcnn_resnet50_fpn, maskrcnn_resnet50_fpn_v2
from torchvision.ops import FrozenBatchNorm2d

from mmdet.checkpoints.families import ConvertOptions, matching
from mmdet.checkpoints.families.base import Converted
from mmdet.checkpoints.families.torchvision import TORCHVISION
from mmdet.checkpoints.state import shapes_of
from mmdet.errors import ConfigError
from mmdet.registry import MODELS, register_all

StateDict = dict[str, Tensor]
BOX, MASK = 'detector.roi_head.bbox_head', 'detector.roi_head.mask_head'
KEEP = ConvertOptions(keep_coco_gaps=True, frozen_bn_eps=1e-5)
CATEGORIES = MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta['categories']


def _randomised(model: nn.Module) -> nn.Module:
    """Give every class row its own values; the initial biases are zeros."""
    generator = torch.Generator().manual_seed(0)
    for layer in (model.roi_heads.box_predictor, model.roi_heads.mask_predictor):
        for parameter in layer.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
    return model.eval()


@pytest.fixture(scope='module')
def coco_model() -> nn.Module:
    return _randomised(maskrcnn_resnet50_fpn(weights=None, weights_backbone=None))


@pytest.fixture(scope='module')
def converted(coco_model: nn.Module) -> Converted:
    return TORCHVISION.convert(coco_model.state_dict(), {}, KEEP)


def test_names_and_shapes_are_those_of_our_detector(
    converted: Converted, coco_model: nn.Module, mmdet3_state: StateDict
) -> None:
    expected = {key: value.shape for key, value in mmdet3_state.items() if key.startswith('detector.')}
    found = {key: value.shape for key, value in converted.state_dict.items()}
    assert set(found) == set(expected)
    heads = [key for key in found if found[key] != expected[key]]
    assert sorted(heads) == sorted(
        f'{layer}.{part}'
        for layer in (f'{BOX}.fc_cls', f'{BOX}.fc_reg', f'{MASK}.conv_logits')
        for part in ('weight', 'bias')
    )
    assert not converted.report.dropped
    assert len(converted.state_dict) == len(coco_model.state_dict())
    assert matching(shapes_of(coco_model.state_dict()), {}) == [TORCHVISION]


def test_box_head_gives_the_same_foreground_answers(converted: Converted, coco_model: nn.Module) -> None:
    pooled = torch.randn(3, 256, 7, 7)
    state = converted.state_dict
    with torch.no_grad():
        logits, deltas = coco_model.roi_heads.box_predictor(coco_model.roi_heads.box_head(pooled))
        x = pooled.flatten(1)
        for i in range(2):
            fc = f'{BOX}.shared_fcs.{i}'
            x = functional.linear(x, state[f'{fc}.weight'], state[f'{fc}.bias']).relu()
        ours = functional.linear(x, state[f'{BOX}.fc_cls.weight'], state[f'{BOX}.fc_cls.bias'])
        our_deltas = functional.linear(x, state[f'{BOX}.fc_reg.weight'], state[f'{BOX}.fc_reg.bias'])
    torch.testing.assert_close(ours.softmax(1)[:, :-1], logits.softmax(1)[:, 1:])
    torch.testing.assert_close(our_deltas.view(3, -1, 4), deltas.view(3, -1, 4)[:, 1:])


def test_mask_head_gives_the_same_foreground_answers(converted: Converted, coco_model: nn.Module) -> None:
    pooled, state = torch.randn(2, 256, 4, 4), converted.state_dict
    with torch.no_grad():
        expected = coco_model.roi_heads.mask_predictor(coco_model.roi_heads.mask_head(pooled))
        x = pooled
        for i in range(4):
            conv = f'{MASK}.convs.{i}.conv'
            x = functional.conv2d(x, state[f'{conv}.weight'], state[f'{conv}.bias'], padding=1).relu()
        x = functional.conv_transpose2d(x, state[f'{MASK}.upsample.weight'], state[f'{MASK}.upsample.bias'], 2).relu()
        ours = functional.conv2d(x, state[f'{MASK}.conv_logits.weight'], state[f'{MASK}.conv_logits.bias'])
    torch.testing.assert_close(ours, expected[:, 1:])


def test_pyramid_and_proposals_give_the_same_answers(converted: Converted, coco_model: nn.Module) -> None:
    state = converted.state_dict
    maps = [torch.randn(1, 256 * 2**i, 16 // 2**i, 16 // 2**i) for i in range(4)]
    with torch.no_grad():
        levels = list(coco_model.backbone.fpn(OrderedDict(enumerate(maps))).values())
        logits, deltas = coco_model.rpn.head(levels[:1])
        tops = []
        for i, level in enumerate(maps):
            lateral = f'detector.neck.lateral_convs.{i}.conv'
            tops.append(functional.conv2d(level, state[f'{lateral}.weight'], state[f'{lateral}.bias']))
        for i in range(3, 0, -1):
            tops[i - 1] = tops[i - 1] + functional.interpolate(tops[i], scale_factor=2)
        for i, level in enumerate(tops):
            conv = f'detector.neck.fpn_convs.{i}.conv'
            ours = functional.conv2d(level, state[f'{conv}.weight'], state[f'{conv}.bias'], padding=1)
            torch.testing.assert_close(ours, levels[i])
        rpn = 'detector.rpn_head'
        x = functional.conv2d(levels[0], state[f'{rpn}.rpn_conv.weight'], state[f'{rpn}.rpn_conv.bias'], padding=1)
        for name, expected in (('rpn_cls', logits[0]), ('rpn_reg', deltas[0])):
            ours = functional.conv2d(x.relu(), state[f'{rpn}.{name}.weight'], state[f'{rpn}.{name}.bias'])
            torch.testing.assert_close(ours, expected)


def test_coco_numbers_without_a_name_are_left_out_by_default(coco_model: nn.Module) -> None:
    old = coco_model.state_dict()
    converted = TORCHVISION.convert(old, {}, ConvertOptions(frozen_bn_eps=1e-5))
    state, classes = converted.state_dict, converted.meta['classes']
    assert (len(classes), classes[0], classes[-1]) == (80, 'person', 'toothbrush')
    assert 'N/A' not in classes
    for label in (0, 11, 40, 79):  # 11 is stop sign, behind the first gap
        row = CATEGORIES.index(classes[label])
        cls, reg = old['roi_heads.box_predictor.cls_score.bias'], old['roi_heads.box_predictor.bbox_pred.bias']
        assert state[f'{BOX}.fc_cls.bias'][label] == cls[row]
        assert torch.equal(state[f'{BOX}.fc_reg.bias'].view(80, 4)[label], reg.view(91, 4)[row])
        mask = old['roi_heads.mask_predictor.mask_fcn_logits.weight'][row]
        assert torch.equal(state[f'{MASK}.conv_logits.weight'][label], mask)
    assert state[f'{BOX}.fc_cls.bias'][80] == old['roi_heads.box_predictor.cls_score.bias'][0]
    assert {next(iter(state[f'{layer}.weight'].shape)) for layer in (f'{BOX}.fc_cls', f'{BOX}.fc_reg')} == {81, 320}
    assert any('ten COCO numbers' in entry.note for entry in converted.report.dropped)


def test_other_class_counts_keep_all_rows_and_have_no_names() -> None:
    model = _randomised(maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=4))
    converted = TORCHVISION.convert(model.state_dict(), {}, ConvertOptions())
    assert converted.state_dict[f'{BOX}.fc_cls.weight'].shape[0] == 4
    assert 'classes' not in converted.meta
    assert not converted.report.dropped


def _before_013(state: StateDict) -> StateDict:
    """The names that published files have; torchvision itself renames them while it loads."""
    old = {}
    for key, value in state.items():
        key = key.replace('rpn.head.conv.0.0.', 'rpn.head.conv.')
        parts = key.split('.')
        if parts[:2] == ['backbone', 'fpn']:
            parts = [*parts[:4], *parts[5:]]
        if parts[:2] == ['roi_heads', 'mask_head']:
            parts = ['roi_heads', 'mask_head', f'mask_fcn{int(parts[2]) + 1}', *parts[4:]]
        old['.'.join(parts)] = value
    return old


def test_names_of_old_releases(coco_model: nn.Module, converted: Converted) -> None:
    old = _before_013(coco_model.state_dict())
    assert 'rpn.head.conv.weight' in old
    assert 'backbone.fpn.inner_blocks.0.weight' in old
    assert 'roi_heads.mask_head.mask_fcn4.bias' in old
    maskrcnn_resnet50_fpn(weights=None, weights_backbone=None).load_state_dict(OrderedDict(old))  # they are right
    again = TORCHVISION.convert(old, {}, KEEP).state_dict
    assert set(again) == set(converted.state_dict)
    assert all(torch.equal(again[key], converted.state_dict[key]) for key in again)


BN = dict(type='BN')
SECOND = dict(  # what the note of the report asks for
    neck=dict(type='FPN', in_channels=(256, 512, 1024, 2048), norm_cfg=BN),
    rpn_head=dict(
        type='RPNHead',
        in_channels=256,
        num_convs=2,
        anchor_generator=dict(type='AnchorGenerator', strides=(4, 8, 16, 32, 64)),
        assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3),
        sampler=dict(type='RandomSampler', num=256, pos_fraction=0.5),
        loss_cls=dict(type='BinaryCrossEntropyLoss'),
        loss_bbox=dict(type='SmoothL1Loss'),
    ),
    bbox_head=dict(
        type='BBoxHead',
        num_classes=90,
        num_convs=4,
        num_fcs=1,
        norm_cfg=BN,
        loss_cls=dict(type='CrossEntropyLoss'),
        loss_bbox=dict(type='SmoothL1Loss'),
    ),
    mask_head=dict(type='MaskHead', num_classes=90, norm_cfg=BN, loss_mask=dict(type='BinaryCrossEntropyLoss')),
)
PLACES = dict(neck='detector.neck', rpn_head='detector.rpn_head', bbox_head=BOX, mask_head=MASK)


@pytest.fixture(scope='module')
def second() -> nn.Module:
    """Version 2 with running statistics that norms cannot do without."""
    model = _randomised(maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None))
    generator = torch.Generator().manual_seed(1)
    for norm in (layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)):
        norm.running_mean = torch.randn(norm.num_features, generator=generator) * 0.1
        norm.running_var = torch.rand(norm.num_features, generator=generator) + 0.5
    return model


@pytest.fixture(scope='module')
def own_parts(second: nn.Module) -> dict[str, nn.Module]:
    """Our pyramid and heads with the weights of version 2; together with the backbone they take all of them."""
    register_all()
    state = TORCHVISION.convert(second.state_dict(), {}, KEEP).state_dict
    parts = {}
    for name, config in SECOND.items():
        prefix = f'{PLACES[name]}.'
        own = {key.removeprefix(prefix): state.pop(key) for key in list(state) if key.startswith(prefix)}
        parts[name] = MODELS.build(config).eval()
        parts[name].load_state_dict(own)
    assert {key.split('.')[1] for key in state} == {'backbone'}
    return parts


def check_near(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.std().item())


@torch.no_grad()
def test_pyramid_and_proposals_of_version_2(second: nn.Module, own_parts: dict[str, nn.Module]) -> None:
    maps = [torch.randn(1, 256 * 2**i, 16 // 2**i, 16 // 2**i) for i in range(4)]
    levels = list(second.backbone.fpn(OrderedDict(enumerate(maps))).values())
    ours = own_parts['neck'](maps)
    logits, deltas = own_parts['rpn_head'](ours)
    their_logits, their_deltas = second.rpn.head(levels)
    for found, expected in zip([*ours, *logits, *deltas], [*levels, *their_logits, *their_deltas], strict=True):
        check_near(found, expected)


@torch.no_grad()
def test_box_head_of_version_2(second: nn.Module, own_parts: dict[str, nn.Module]) -> None:
    pooled = torch.randn(3, 256, 7, 7)
    logits, deltas = second.roi_heads.box_predictor(second.roi_heads.box_head(pooled))
    ours, our_deltas = own_parts['bbox_head'](pooled)
    check_near(ours, logits.roll(-1, 1))
    check_near(our_deltas, deltas[:, 4:])


@torch.no_grad()
def test_mask_head_of_version_2(second: nn.Module, own_parts: dict[str, nn.Module]) -> None:
    pooled, labels = torch.randn(3, 256, 4, 4), torch.tensor([0, 89, 17])
    expected = second.roi_heads.mask_predictor(second.roi_heads.mask_head(pooled))
    check_near(own_parts['mask_head'](pooled, labels), expected[torch.arange(3), labels + 1])


def test_version_2_says_which_model_it_fits(second: nn.Module, converted: Converted) -> None:
    notes = TORCHVISION.convert(second.state_dict(), {}, KEEP).report.notes
    assert any('version 2 fits a model with' in note and 'num_fcs=1' in note for note in notes)
    assert not any('version 2' in note for note in converted.report.notes)


@pytest.mark.parametrize(('part', 'key'), [('rpn_head', 'num_convs'), ('bbox_head', 'num_fcs')])
def test_heads_need_a_hidden_layer(part: str, key: str) -> None:
    register_all()
    with pytest.raises(ConfigError, match=f'{key} must be at least 1, got 0'):
        MODELS.build({**SECOND[part], key: 0})


def _frozen(state: StateDict) -> StateDict:
    return {key: value for key, value in state.items() if not key.endswith('num_batches_tracked')}


@pytest.mark.parametrize(
    ('given', 'is_coco', 'trained_with'),
    [(None, True, 0.0), (None, False, 1e-5), (0.0, False, 0.0), (1e-5, True, 1e-5)],
)
def test_frozen_norms_of_another_epsilon_answer_alike(given: float | None, is_coco: bool, trained_with: float) -> None:
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91 if is_coco else 3)
    state = _frozen(model.state_dict())
    name = 'backbone.body.layer1.0.bn2'
    state[f'{name}.running_var'] = torch.logspace(-9, 1, 64)  # published files hold variances this small
    state[f'{name}.running_mean'] = torch.linspace(-1, 1, 64)
    theirs = FrozenBatchNorm2d(64, eps=trained_with)
    theirs.load_state_dict({key.removeprefix(f'{name}.'): v for key, v in state.items() if key.startswith(name)})
    converted = TORCHVISION.convert(state, {}, ConvertOptions(frozen_bn_eps=given)).state_dict
    ours = nn.BatchNorm2d(64).eval()
    prefix = 'detector.backbone.layer1.0.bn2.'
    own = {key.removeprefix(prefix): value for key, value in converted.items() if key.startswith(prefix)}
    ours.load_state_dict(own, strict=False)
    x = torch.randn(2, 64, 3, 3)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)


def test_trainable_norms_are_left_alone(converted: Converted, coco_model: nn.Module) -> None:
    old = coco_model.state_dict()['backbone.body.layer1.0.bn1.weight']
    assert torch.equal(converted.state_dict['detector.backbone.layer1.0.bn1.weight'], old)


def test_facts_and_warning(converted: Converted) -> None:
    assert converted.meta['convention'] == 'modern'
    assert converted.meta['normalisation']['mean'] == pytest.approx([0.485 * 255, 0.456 * 255, 0.406 * 255])
    assert converted.meta['normalisation']['std'] == pytest.approx([0.229 * 255, 0.224 * 255, 0.225 * 255])
    assert any('unaligned RoIAlign' in note for note in converted.report.notes)


def test_it_loads_into_a_model_with_our_names(
    converted: Converted, our_state: Callable, toy_model: Callable[[StateDict], nn.Module]
) -> None:
    model = toy_model(converted.state_dict)
    assert model.load_state_dict(converted.state_dict).missing_keys == []

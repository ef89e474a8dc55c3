"""RoI head: what its masks cover."""

import pytest
import torch
from torch import nn

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention
from mmdet.registry import MODELS

BOX = torch.tensor([[20.0, 16.0, 40.0, 48.0]])  # the object is 4 pixels wider on either side


class Brightness(nn.Module):
    """Stands for a trained mask head: what the pooled map itself shows."""

    threshold = 0.5

    def forward(self, pooled, labels):
        return pooled[:, 0] * 40 - 20


class OneBox(nn.Module):
    """Stands for a box head that finds one box."""

    def forward(self, pooled):
        return torch.zeros(1, 3), torch.zeros(1, 8)

    def detect(self, logits, deltas, boxes, shape, convention):
        return BOX, torch.ones(1), torch.zeros(1, dtype=torch.long)


@pytest.fixture
def head(build):
    def make(margin):
        return build(lambda config: config['detector']['roi_head'].update(mask_margin=margin)).detector.roi_head

    return make


@pytest.mark.parametrize('margin, columns', [(0.0, (20, 40)), (0.1, (18, 42)), (0.3, (16, 44))])
def test_margin_lets_a_mask_leave_its_box(head, annotated_clip, margin, columns):
    _, (sample,) = annotated_clip([1])
    roi_head = head(margin)
    roi_head.bbox_head, roi_head.mask_head = OneBox(), Brightness()
    pooling = dict(type='RoIExtractor', output_size=56, strides=(1,), sampling_ratio=2)
    roi_head.mask_roi_extractor = MODELS.build(pooling)
    sample.set_metainfo(dict(ori_shape=(64, 96), scale_factor=(1.0, 1.0)))
    features = torch.zeros(1, 1, 64, 96)
    features[:, :, :, 16:44] = 1
    roi_head.bbox_roi_extractor = nn.Identity()
    roi_head.bbox_roi_extractor.forward = lambda *args: None
    (found,) = roi_head.predict((features,), [BOX], [sample], BoxConvention())
    filled = found.masks.to_dense()[0, 32].nonzero().flatten()
    assert (filled.min().item(), filled.max().item() + 1) == columns
    assert found.bboxes.tolist() == BOX.tolist()  # the box itself stays


def test_targets_cover_what_the_mask_covers(head, annotated_clip, monkeypatch):
    _, samples = annotated_clip([1])
    roi_head = head(0.25)
    seen = []
    monkeypatch.setattr(roi_head.mask_head, 'loss', lambda logits, sampled, *_: seen.extend(sampled) or {})
    boxes = [samples[0].gt_instances.bboxes]
    features = tuple(torch.zeros(1, 8, 16 >> level, 24 >> level) for level in range(5))
    _, sampled = roi_head.loss(features, boxes, samples, boxes, BoxConvention())
    grown = BoxConvention().grow(sampled[0].positive_bboxes, 0.25, samples[0].img_shape)
    assert torch.equal(seen[0].bboxes, grown) and not torch.equal(grown, sampled[0].positive_bboxes)
    assert len(seen[0].labels) == len(seen[0].gt_inds) == len(grown)


def test_negative_margin_is_refused(head):
    with pytest.raises(ConfigError, match='mask_margin'):
        head(-0.1)

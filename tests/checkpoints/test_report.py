"""The table accounts for every tensor and shows what a person has to look at."""

from __future__ import annotations

import pytest

from mmdet.checkpoints.report import Entry, LoadReport, module_of


@pytest.mark.parametrize(
    ('key', 'module'),
    [
        ('detector.backbone.layer1.0.conv1.weight', 'detector.backbone'),
        ('detector.neck.fpn_convs.0.conv.bias', 'detector.neck'),
        ('detector.roi_head.bbox_head.fc_cls.weight', 'detector.roi_head.bbox_head'),
        ('track_head.fcs.0.weight', 'track_head'),
        ('roi_heads.box_predictor.cls_score.bias', 'roi_heads'),
        ('features.conv1.weight', 'features'),
        ('bias', 'bias'),
    ],
)
def test_module_of(key: str, module: str) -> None:
    assert module_of(key) == module


def test_table() -> None:
    report = LoadReport(source='file.pth', family='masktrack')
    report.loaded = [Entry('track_head.fcs.0.weight', (2, 3))]
    report.renamed = [
        Entry('detector.backbone.conv1.weight', (4, 3), was='backbone.conv1.weight'),
        Entry('detector.roi_head.bbox_head.fc_cls.bias', (3,), 'background row moved', 'bbox_head.fc_cls.bias'),
    ]
    report.dropped = [Entry(f'ema.layer{i}.weight', (1,), 'no counterpart') for i in range(6)]
    report.random = [Entry('detector.neck.scale', (), 'not in the file')]
    report.notes = ['look here']
    assert report.table().splitlines() == [
        'module                       loaded  renamed  dropped  left random',
        '------------------------------------------------------------------',
        'track_head                        1        -        -            -',
        'detector.backbone                 -        1        -            -',
        'detector.roi_head.bbox_head       -        1        -            -',
        'ema                               -        -        6            -',
        'detector.neck                     -        -        -            1',
        '------------------------------------------------------------------',
        'total                             1        2        6            1',
        'renamed: background row moved',
        '    detector.roi_head.bbox_head.fc_cls.bias  3',
        'dropped: no counterpart',
        '    ema.layer0.weight  1',
        '    ema.layer1.weight  1',
        '    ema.layer2.weight  1',
        '    ema.layer3.weight  1',
        '    ... and 2 more',
        'left random: not in the file',
        '    detector.neck.scale  scalar',
        'note: look here',
    ]
    assert report.summary() == 'file.pth: 1 loaded, 2 renamed, 6 dropped, 1 left random'


def test_a_report_of_nothing() -> None:
    assert LoadReport(source='x').table() == 'no tensors'
    assert LoadReport(source='x').summary() == 'x: no tensors'

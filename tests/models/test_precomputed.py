"""Stored detections as a detector: whose they are, what they provide, and what is said where they do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdet.engine.detection_dump import DetectionDump
from mmdet.errors import ConfigError, DataError, IncompatibleSlotsError
from mmdet.models import PrecomputedDetector
from mmdet.ops import rle
from mmdet.registry import MODELS, register_all
from mmdet.structures import EncodedMasks, FrameSample, InstanceData

SIZE = (20, 40)
SQUARE = np.pad(np.ones((5, 5)), ((2, 13), (3, 32)))  # box 3 2 8 7
RLE = rle.encode(SQUARE)


def sample(video: int = 7, frame: int = 0, length: int = 3, path: str = 'data/clip/img1/000001.jpg') -> FrameSample:
    meta = dict(video_id=video, frame_id=frame, video_length=length, img_path=path, ori_shape=SIZE)
    return FrameSample(metainfo=meta)


def dump(folder: Path, video: int = 7, masks: bool = True, dim: int | None = 4, counts: tuple = (1, 0, 2)) -> Path:
    """Stored detections of one video with ``counts`` detections per frame."""
    writer = DetectionDump(folder)
    for frame, count in enumerate(counts):
        found = InstanceData()
        found.bboxes = torch.tensor([[3.0, 2.0, 8.0, 7.0]]).repeat(count, 1) + frame
        found.labels, found.scores = torch.arange(count), torch.linspace(0.9, 0.4, count)
        found.masks = [RLE if masks else None] * count
        if dim is not None:
            found.embeddings = torch.full((count, dim), float(frame))
        one = sample(video, frame)
        one.pred_instances = found
        writer.add(one)
    return writer.finish()


def test_a_dump_comes_back(tmp_path: Path) -> None:
    dump(tmp_path)
    dump(tmp_path, video=8, counts=(0, 0, 0))
    detector = PrecomputedDetector(str(tmp_path))
    assert detector.provides == {'masks', 'embeddings'}
    found = detector.detections(sample(frame=2))
    assert found.bboxes.tolist() == [[5, 4, 10, 9]] * 2 and found.bboxes.dtype == torch.float32
    assert found.labels.tolist() == [0, 1] and found.labels.dtype == torch.int64
    assert found.scores.tolist() == pytest.approx([0.9, 0.4])
    assert isinstance(found.masks, EncodedMasks) and found.masks.to_rle() == [RLE, RLE]
    assert found.embeddings.tolist() == [[2.0] * 4] * 2
    for name in ('bboxes', 'labels', 'scores', 'embeddings'):
        found[name] += 100  # is a copy
    assert detector.detections(sample(frame=2)).bboxes.tolist() == [[5, 4, 10, 9]] * 2
    assert detector.detections(sample(frame=2)).embeddings.max() < 100
    assert len(detector.detections(sample(frame=1)).bboxes) == 0
    assert len(detector.detections(sample(video=8)).masks) == 0


@pytest.mark.parametrize(
    ('masks', 'dim', 'options', 'words'),
    [
        (True, 4, {}, {'masks', 'embeddings'}),
        (True, None, {}, {'masks'}),
        (False, 4, {}, {'embeddings'}),
        (False, None, {}, set()),
        (True, 4, {'use_embeddings': False}, {'masks'}),
        (False, None, {'box_masks': True}, {'masks'}),
    ],
)
def test_it_provides_what_the_files_have(
    tmp_path: Path, masks: bool, dim: int | None, options: dict, words: set
) -> None:
    detector = PrecomputedDetector(str(dump(tmp_path, masks=masks, dim=dim)), **options)
    assert detector.provides == words
    found = detector.detections(sample())
    assert {'masks', 'embeddings'} & set(found.keys()) == words


def test_rectangles_stand_in_for_masks(tmp_path: Path) -> None:
    detector = PrecomputedDetector(str(dump(tmp_path, masks=False)), box_masks=True)
    assert detector.detections(sample()).masks.to_dense()[0].numpy().tolist() == (SQUARE > 0).tolist()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A YouTube-VIS result file: a track of category 20 in frames 0 and 2, one of category 5 in frame 0."""
    entries = [
        dict(video_id=7, category_id=20, score=0.8, segmentations=[RLE, None, RLE]),
        dict(video_id=7, category_id=5, score=0.3, segmentations=[RLE, None, rle.encode(0 * SQUARE)]),
    ]
    (tmp_path / 'results.json').write_text(json.dumps(entries))
    return tmp_path / 'results.json'


def test_results_of_youtube_vis(results: Path) -> None:
    detector = PrecomputedDetector(str(results), category_ids=(5, 9, 20))
    assert detector.provides == {'masks'}
    found = detector.detections(sample())
    assert found.labels.tolist() == [2, 0]
    assert found.scores.tolist() == pytest.approx([0.8, 0.3])
    assert found.bboxes.tolist() == [[3, 2, 8, 7]] * 2
    assert len(detector.detections(sample(frame=2)).bboxes) == 1  # a mask without pixels is no detection
    assert len(detector.detections(sample(video=1)).bboxes) == 0  # a video without tracks is in no result file


LABELS = {
    'all categories of the file': ({}, [1, 0]),
    'chosen ones, in their order': ({'classes': ('cat', 'dog')}, [0, 1]),
    'others are left out': ({'classes': ('cat',)}, [0]),
}


@pytest.mark.parametrize(('options', 'labels'), LABELS.values(), ids=LABELS)
def test_labels_are_those_of_the_data_set(results: Path, options: dict, labels: list[int]) -> None:
    annotations = results.with_name('train.json')
    names = [dict(id=5, name='dog'), dict(id=20, name='cat'), dict(id=9, name='cow')]
    annotations.write_text(json.dumps(dict(categories=names)))
    detector = PrecomputedDetector(str(results), annotations=str(annotations), **options)
    assert detector.detections(sample()).labels.tolist() == labels


def test_low_scores_and_other_categories_can_be_left_out(results: Path) -> None:
    detector = PrecomputedDetector(str(results), category_ids=(5,), drop_other_categories=True)
    assert detector.detections(sample()).scores.tolist() == pytest.approx([0.3])
    detector = PrecomputedDetector(str(results), category_ids=(5, 20), score_threshold=0.5)
    assert detector.detections(sample()).labels.tolist() == [1]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


NAMES = {
    'a folder per sequence': ('clip/det/det.txt', ''),
    'a file per sequence': ('clip.txt', ''),
    'one file': ('clip.txt', 'clip.txt'),
    'one det.txt': ('clip/det/det.txt', 'clip/det/det.txt'),
}


@pytest.mark.parametrize(('name', 'path'), NAMES.values(), ids=NAMES)
def test_motchallenge_files_are_found_by_name(tmp_path: Path, name: str, path: str) -> None:
    written(tmp_path, name, '2,-1,3,2,5,5,0.75,-1,-1,-1\n')
    detector = PrecomputedDetector(str(tmp_path / path))
    assert detector.provides == set()
    found = detector.detections(sample(frame=1))
    assert found.bboxes.tolist() == [[3, 2, 8, 7]] and found.scores.tolist() == [0.75] and found.labels.tolist() == [0]
    assert len(detector.detections(sample(frame=0)).bboxes) == 0


def test_the_deepest_folder_counts(tmp_path: Path) -> None:
    for number, name in enumerate(('data', 'clip')):
        written(tmp_path, f'{name}.txt', f'1,-1,{number},0,5,5,1')
    assert PrecomputedDetector(str(tmp_path)).detections(sample()).bboxes[0, 0] == 1


def test_mots_files(tmp_path: Path) -> None:
    written(tmp_path, 'clip.txt', f'0 1 2 20 40 {RLE["counts"]}\n0 10000 10 20 40 {RLE["counts"]}\n')
    detector = PrecomputedDetector(str(tmp_path))
    found = detector.detections(sample())
    assert (found.labels.tolist(), found.scores.tolist(), found.masks.to_rle()) == ([1], [1.0], [RLE])
    with pytest.raises(DataError, match=r'clip\.txt, line 1: frame 0 is unknown; frames go 1 to 3.*first_frame'):
        PrecomputedDetector(str(tmp_path), first_frame=1).detections(sample())


def test_scores_that_are_no_probabilities(tmp_path: Path) -> None:
    path = written(tmp_path, 'clip.txt', '1,-1,0,0,5,5,0\n1,-1,0,0,5,5,-200\n1,-1,0,0,5,5,9.7\n')
    with pytest.raises(DataError, match=r"clip\.txt: score -200 in frame 0 .*scores='logit'"):
        PrecomputedDetector(str(path)).detections(sample())
    expected = torch.sigmoid(torch.tensor([0.0, -200, 9.7])).tolist()
    found = PrecomputedDetector(str(path), scores='logit').detections(sample())
    assert found.scores.tolist() == pytest.approx(expected)


def test_only_one_video_is_kept(tmp_path: Path) -> None:
    for video in (7, 8):
        dump(tmp_path, video)
    detector = PrecomputedDetector(str(tmp_path))
    first = detector._video_of(sample(7))
    assert detector._video_of(sample(7, frame=2)) is first
    detector._video_of(sample(8))
    assert detector._video_of(sample(7)) is not first


def test_videos_without_a_file(tmp_path: Path) -> None:
    dump(tmp_path)
    with pytest.raises(DataError, match=r'no stored detections for video 9 .*it has files for the videos 7'):
        PrecomputedDetector(str(tmp_path)).detections(sample(9))
    assert len(PrecomputedDetector(str(tmp_path), missing_videos='empty').detections(sample(9)).bboxes) == 0
    path = written(tmp_path / 'texts', 'other.txt', '1,-1,0,0,5,5,0')
    with pytest.raises(DataError, match=r'img1/000001\.jpg.*it has files for other, and a folder of the frame'):
        PrecomputedDetector(str(path.parent)).detections(sample())


def test_detections_of_another_video_length_or_size(tmp_path: Path) -> None:
    detector = PrecomputedDetector(str(dump(tmp_path)))
    with pytest.raises(DataError, match=r'video_7\.npz: made for 3 frames .*but video 7 has 5 frames'):
        detector.detections(sample(length=5))
    assert len(detector.detections(sample(length=-1)).bboxes) == 1


def test_features_of_different_lengths(tmp_path: Path) -> None:
    dump(tmp_path, video=7, dim=4)
    dump(tmp_path, video=8, dim=5)
    with pytest.raises(DataError, match=r'embeddings: length 4 in video_7\.npz, length 5 in video_8\.npz'):
        PrecomputedDetector(str(tmp_path))


BUILD = {
    'nothing there': ({'path': 'missing'}, DataError, 'there are no stored detections'),
    'an empty folder': ({'path': ''}, ConfigError, 'neither video_<id>.npz nor'),
    'another ending': ({'path': 'a.pkl'}, ConfigError, r'\.pkl ending'),
    'a format that does not exist': ({'path': 'a.txt', 'format': 'x'}, ConfigError, "format 'x' does not exist"),
    'an empty text': ({'path': 'a.txt'}, ConfigError, 'its form cannot be told'),
    'no labels for a result file': ({'path': 'r.json'}, ConfigError, 'give that file as annotations'),
    'labels for boxes': ({'path': 'a.txt', 'format': 'motchallenge', 'category_ids': (1,)}, ConfigError, 'has no use'),
    'a first frame for a result file': ({'path': 'r.json', 'first_frame': 1}, ConfigError, 'counts frames from 0'),
    'two kinds of scores': ({'path': 'r.json', 'scores': 'x'}, ConfigError, "use 'probability' or 'logit'"),
    'an unknown policy': ({'path': 'r.json', 'missing_videos': 'x'}, ConfigError, "use 'error' or 'empty'"),
}


@pytest.mark.parametrize(('options', 'error', 'message'), BUILD.values(), ids=BUILD)
def test_what_cannot_be_built(tmp_path: Path, options: dict, error: type, message: str) -> None:
    folder = tmp_path / 'folder'
    folder.mkdir()
    (tmp_path / 'r.json').write_text('[]')
    for name in ('a.txt', 'a.pkl'):
        (tmp_path / name).touch()
    place = tmp_path / options['path'] if options['path'] else folder
    with pytest.raises(error, match=message):
        PrecomputedDetector(**{**options, 'path': str(place)})


BAD_RESULTS = {
    'too few masks': (dict(segmentations=[RLE]), '1 segmentations, but the video has 3 frames'),
    'a damaged mask': (dict(segmentations=[RLE, None, {**RLE, 'counts': 'x'}]), r'result 0 \(video 7\), frame 2: RLE'),
    'another category': (dict(category_id=99), 'category 99 in frame 0'),
    'a NaN score': (dict(score=float('nan')), 'result 0: score nan is not finite'),
    'no score': (dict(score=None), 'result 0: score is missing'),
}


@pytest.mark.parametrize(('change', 'message'), BAD_RESULTS.values(), ids=BAD_RESULTS)
def test_bad_results(tmp_path: Path, change: dict, message: str) -> None:
    entry = {**dict(video_id=7, category_id=5, score=0.5, segmentations=[RLE, None, None]), **change}
    (tmp_path / 'r.json').write_text(json.dumps([entry]))
    with pytest.raises(DataError, match=rf'r\.json.*{message}'):
        PrecomputedDetector(str(tmp_path / 'r.json'), category_ids=(5,)).detections(sample())


def _model(path: Path, **slots: dict) -> torch.nn.Module:
    register_all()
    detector = dict(type='PrecomputedDetector', path=str(path))
    return MODELS.build(dict(type='VideoInstanceSegmenter', detector=detector, **slots))


def test_trackers_get_what_the_files_have(tmp_path: Path) -> None:
    model = _model(dump(tmp_path), tracker=dict(type='MaskTrackTracker'))
    assert not model.state_dict()
    clip = [sample(frame=frame) for frame in range(3)]
    found = model([torch.zeros(3, 3, 1, 1, dtype=torch.uint8)], [clip], mode='predict')
    assert [frame.pred_tracks.instance_ids.tolist() for frame in found] == [[0], [], [0, 1]]
    assert found[2].pred_tracks.masks == [RLE, RLE]


IMPOSSIBLE = {
    'embeddings': (dict(dim=None), dict(tracker=dict(type='DeepSORTTracker')), 'needs one embedding per detection'),
    'masks': (dict(masks=False), dict(tracker=dict(type='IoUTracker', overlap='mask')), 'needs instance masks'),
    'pyramid': (
        dict(),
        dict(
            track_head=dict(type='MaskTrackHead', roi_extractor=dict(type='RoIExtractor', output_size=7, strides=(4,))),
            tracker=dict(type='MaskTrackTracker'),
        ),
        'MaskTrackHead needs features of a pyramid .* which PrecomputedDetector detector does not provide',
    ),
}


@pytest.mark.parametrize(('files', 'slots', 'message'), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_pairs_that_cannot_work(tmp_path: Path, files: dict, slots: dict, message: str) -> None:
    with pytest.raises(IncompatibleSlotsError, match=message):
        _model(dump(tmp_path, **files), **slots)


def test_it_cannot_be_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='cannot be trained'):
        PrecomputedDetector(str(dump(tmp_path))).loss((), [])


def test_blank_frames_are_refused_by_models_that_look_at_pixels(build: Callable, tmp_path: Path) -> None:
    blank = sample()
    blank.set_metainfo(dict(blank=True))
    frames = torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    with pytest.raises(ConfigError, match='MaskTrackHead looks at pixels, but the pipeline has BlankFrames'):
        build().eval()([frames], [[blank]], mode='predict')
    assert len(_model(dump(tmp_path))([frames], [[blank]], mode='predict')) == 1

"""Where tests find reference numbers and real frames, and configs made small enough to run in a test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# One thread, before torch is imported: some tests fork, and a child of a process that has a pool of OpenMP threads
# hangs at its first parallel loop. What tests compute is too small to gain from threads anyway.
os.environ.setdefault('OMP_NUM_THREADS', '1')

ROOT = Path(__file__).resolve().parents[1]
MOTS_CLASSES = ('car', 'pedestrian')


def _external(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT.parent / 'shared' / default))
    if not folder.is_dir():
        reason = f'{folder} is not there; set {variable} to the folder that holds it'
        if os.environ.get('CI') == 'true':
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope='session')
def parity_dir() -> Path:
    """Folder with the original programs' inputs and outputs (environment variable PARITY_DIR)."""
    return _external('PARITY_DIR', 'parity')


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Folder with real frames, annotations and results (environment variable DATA_DIR)."""
    return _external('DATA_DIR', 'data')


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope='session')
def tiny_shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Procedural videos of 4 frames, 96 x 64 pixels: two to train on, three to test."""
    from mmdet.datasets.shapes import ShapesConfig, make_shapes

    config = ShapesConfig(size=(96, 64), num_frames=4, enter_probability=0, leave_probability=0)
    folder = tmp_path_factory.mktemp('shapes') / 'set'
    return make_shapes(folder, config, {'train': 2, 'valid': 3}, progress=False)


@pytest.fixture(scope='session')
def tiny_coco(tiny_shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames of ``tiny_shapes`` as a COCO set: boxes as polygons, the first object of a file as a crowd."""
    import json

    root = tmp_path_factory.mktemp('coco')
    for split in ('train', 'valid'):
        document = json.loads((tiny_shapes / f'annotations/{split}.json').read_text())
        images, annotations = [], []
        for video in document['videos']:
            tracks = [a for a in document['annotations'] if a['video_id'] == video['id']]
            for frame, name in enumerate(video['file_names']):
                images.append(dict(id=900 - len(images), file_name=name, height=video['height'], width=video['width']))
                for track in (a for a in tracks if a['segmentations'][frame]):
                    x, y, width, height = track['bboxes'][frame]
                    polygon = [x, y, x + width, y, x + width, y + height, x, y + height]
                    crowd = not annotations
                    annotations.append({
                        'id': len(annotations) + 1,
                        'image_id': images[-1]['id'],
                        'category_id': track['category_id'],
                        'iscrowd': int(crowd),
                        'bbox': track['bboxes'][frame],
                        'area': track['areas'][frame],
                        'segmentation': track['segmentations'][frame] if crowd else [polygon],
                    })
        content = dict(images=images, annotations=annotations, categories=document['categories'])
        (root / f'{split}.json').write_text(json.dumps(content))
    return root


def _edit(node: Any, changes: dict[str, Any]) -> None:
    """Set every value called by a key of ``changes``, at any depth, where the config has it."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list | tuple) else ()
    for key, value in list(items):
        if isinstance(node, dict) and key in changes:
            node[key] = changes[key]
        else:
            _edit(value, changes)


@pytest.fixture(scope='session')
def tiny_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of Market-1501 with images of noise: three people to train on, two queries, two cameras."""
    import cv2
    import numpy as np

    root, rng = tmp_path_factory.mktemp('market'), np.random.default_rng(0)
    names = {
        'bounding_box_train': [f'{p:04d}_c{c}s1_{f:06d}_00.jpg' for p in (2, 7, 11) for c in (1, 2) for f in (1, 9)],
        'query': ['0001_c1s1_000001_00.jpg', '0003_c2s1_000004_00.jpg'],
        'bounding_box_test': [
            *('-1_c1s1_000001_00.jpg', '0000_c2s1_000002_00.jpg', '0001_c1s1_000003_00.jpg'),
            *('0001_c2s1_000004_00.jpg', '0003_c1s1_000005_00.jpg'),
        ],
    }
    for folder, files in names.items():
        (root / folder).mkdir()
        (root / folder / 'Thumbs.db').touch()
        for name in files:
            cv2.imwrite(str(root / folder / name), rng.integers(0, 255, (16, 8, 3), np.uint8))
    return root


@pytest.fixture(scope='session')
def tiny_mots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Procedural videos in the layout of KITTI MOTS, sized as ``tiny_shapes``: cars, pedestrians, ignored regions."""
    from mmdet.datasets.shapes import ShapesConfig, make_shapes
    from mmdet.datasets.shapes.writers.kitti_mots import KITTIMOTSWriter

    classes = ('square', 'star', 'ring')
    config = ShapesConfig(size=(96, 64), num_frames=4, enter_probability=0, leave_probability=0, classes=classes)
    folder = tmp_path_factory.mktemp('mots') / 'set'
    writer = KITTIMOTSWriter(others='ignore')
    return make_shapes(folder, config, {'train': 2, 'valid': 3}, fmt=writer, seed=3, progress=False)


def _narrow_siammask(model: Any) -> None:
    """A tracker of few channels; its maps keep their sizes."""
    base, channels = 4, 8
    expansion = 1 if model.backbone.depth < 50 else 4
    widths = [base, *(base * expansion * 2**i for i in range(3))]
    model.backbone.update(base_channels=base, pretrained=None)
    _edit(model, dict(in_channels=channels, channels=channels, skip_channels=tuple(widths[:3])))
    model.neck.update(in_channels=widths[3], out_channels=channels)


def _narrow_model(model: Any, num_classes: int) -> None:
    """Few channels everywhere, random weights."""
    if model.type == 'SiamMask':
        _narrow_siammask(model)
        return
    base, channels = 8, 16
    _edit(model, dict(weights=None))
    if model.type == 'ReIDNet':
        _edit(model, dict(base_channels=base))
        return
    if model.get('track_head') and 'embedder' in model.track_head:
        model.track_head.embedder.backbone.base_channels = base
    if 'backbone' not in model.detector:
        _edit(model, dict(base_channels=base, num_foreground=40, num_context=20))
        return
    backbone = model.detector.backbone
    if model.detector.type == 'SpatialEmbedding':
        backbone.base_channels = base
        model.detector.num_classes = num_classes
        _edit(model.get('track_head') or {}, dict(base_channels=base, num_foreground=40, num_context=20))
        if isinstance(model.detector.loss.foreground_weight, list | tuple):
            model.detector.loss.foreground_weight = 10
        return
    backbone.update(base_channels=base, pretrained=None)
    if backbone.type == 'ResNeXt':
        backbone.update(groups=2, base_width=32)
    expansion = 1 if backbone.depth < 50 else 4
    widths = dict(feat_channels=channels, channels=channels, in_channels=channels, out_channels=channels)
    changes = dict(num_classes=num_classes, fc_channels=32, patch_size=3, num_foreground=40, num_context=20)
    _edit(model, {**changes, **widths})
    model.detector.neck.in_channels = [base * expansion * 2**i for i in range(4)]


@pytest.fixture(scope='session')
def tiny_detections(tiny_shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """True objects of the tiny valid videos as stored detections, by format: ``dump`` and ``motchallenge``.

    The latter is a folder of sequences as MOTChallenge's are downloaded, with ground truth but without frames.
    """
    import json

    import numpy as np

    from mmdet.engine.detection_dump import DetectionDump
    from mmdet.formats import SequenceInfo, write_seqinfo
    from mmdet.ops import rle
    from mmdet.structures import FrameSample, InstanceData

    folder = tmp_path_factory.mktemp('detections')
    dump = DetectionDump(folder / 'dump')
    truth = json.loads((tiny_shapes / 'annotations/valid.json').read_text())
    categories = [category['id'] for category in truth['categories']]
    for video in truth['videos']:
        tracks = [a for a in truth['annotations'] if a['video_id'] == video['id']]
        lines: dict[str, list[str]] = {'det': [], 'gt': []}
        size = (video['height'], video['width'])
        for frame in range(video['length']):
            seen = [a for a in tracks if a['segmentations'][frame]]
            found = InstanceData()
            found.masks = [rle.normalise_rle(a['segmentations'][frame], *size) for a in seen]
            corner, extent = np.split(rle.to_bbox(found.masks).astype(np.float32), 2, axis=1)
            found.bboxes = np.concatenate([corner, corner + extent], 1)
            found.labels = np.array([categories.index(a['category_id']) for a in seen], np.int64)
            found.scores = np.full(len(seen), 0.9, np.float32)
            sample = FrameSample(metainfo=dict(video_id=video['id'], frame_id=frame, ori_shape=size))
            sample.pred_instances = found
            dump.add(sample)
            for one, (x, y), (w, h) in zip(seen, corner, extent):
                lines['det'].append(f'{frame + 1},-1,{x},{y},{w},{h},0.9,-1,-1,-1')
                lines['gt'].append(f'{frame + 1},{one["id"]},{x},{y},{w},{h},1,-1,-1,-1')
        dump.finish()
        sequence = folder / 'motchallenge' / Path(video['file_names'][0]).parent.name
        for kind, rows in lines.items():
            (sequence / kind).mkdir(parents=True)
            (sequence / kind / f'{kind}.txt').write_text('\n'.join(rows))
        write_seqinfo(sequence / 'seqinfo.ini', SequenceInfo(sequence.name, video['length'], *size))
    return {name: folder / name for name in ('dump', 'motchallenge')}


def _reduce_pairs(config: Any, shapes: Path) -> None:
    """Pairs of procedural videos, no weights of an earlier stage; tests follow objects without a test set."""
    for key in ('val_dataloader', 'val_evaluator', 'test_dataloader', 'test_evaluator', 'load_from'):
        config.pop(key, None)
    videos = dict(
        type='YouTubeVISDataset',
        data_root=str(shapes),
        ann_file='annotations/train.json',
        img_prefix='train/JPEGImages',
    )
    data = config.train_dataloader.dataset
    data.update(num_pairs=4, sources=[{**source, 'data': videos, 'num_use': None} for source in data.sources])


def _classes_of(dataset: Any) -> int:
    """Classes of the procedural videos that will stand in for a data set."""
    return len(dataset.get('classes') or MOTS_CLASSES) if dataset.get('type') == 'MOTSDataset' else 6


def _start_of_frozen_parts(config: Any, folder: Path) -> str | None:
    """Random weights for the parts that training leaves as they are loaded, as a file; None where there are none."""
    if config.model.get('detector_trains_on') != 'none' and not config.model.get('frozen_parts'):
        return None
    from mmdet.checkpoints import save_weights
    from mmdet.registry import MODELS, register_all

    register_all()
    model = MODELS.build(config.model)
    folder.mkdir(parents=True, exist_ok=True)
    own = {key: value for key, value in model.state_dict().items() if key.startswith(model.stays_as_loaded)}
    save_weights(own, folder / 'frozen.safetensors', {})
    return str(folder / 'frozen.safetensors')


@pytest.fixture(scope='session')
def tiny_instances(tiny_mots: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instances of the tiny training videos in KITTI MOTS layout, as crops."""
    from mmdet.datasets.instances import mots_videos, write_database

    folder = tmp_path_factory.mktemp('instances') / 'database'
    videos = mots_videos(tiny_mots, sequences=['0000', '0001'])
    return write_database(folder, videos, MOTS_CLASSES, progress=False).parent


@pytest.fixture
def reduced_config(
    repo_root: Path,
    tiny_shapes: Path,
    tiny_coco: Path,
    tiny_detections: dict[str, Path],
    tiny_market: Path,
    tiny_mots: Path,
    tiny_instances: Path,
) -> Callable[[str, Path], Any]:
    """``reduced_config(name, work_dir)``: a config with narrow layers and procedural data, two iterations long."""
    from mmdet.engine.config import load_config

    def make(name: str, work_dir: Path) -> Any:
        config = load_config(repo_root / 'configs' / f'{name}.py')
        detector = config.model.get('detector')
        if detector is not None and detector.type == 'PrecomputedDetector':
            detector.path = str(tiny_detections[detector.format])
        else:
            _narrow_model(config.model, _classes_of(config.get('test_dataloader', {}).get('dataset', {})))
        if config.model.type == 'SiamMask':
            _reduce_pairs(config, tiny_shapes)
        for part, split in (('train', 'train'), ('val', 'valid'), ('test', 'valid')):
            loader = config.get(f'{part}_dataloader')
            if loader is None:
                continue
            if 'videos' not in loader.dataset and loader.dataset.type != 'Market1501Dataset':
                _edit(loader, dict(scale=(96, 64)))
            loader.num_workers = 0
            if loader.dataset.type == 'SiamPairDataset':
                continue
            own = {'Market1501Dataset': tiny_market, 'InstanceDatabase': tiny_instances}
            if loader.dataset.type in own:
                loader.dataset.data_root = str(own[loader.dataset.type])
                continue
            videos = loader.dataset.get('videos', loader.dataset)
            if videos.type == 'MOTSDataset':
                videos.pop('part', None)  # the benchmark's own sequences
                name = 'train' if split == 'train' else 'val'
                videos.update(data_root=str(tiny_mots), seqmap=f'seqmaps/{name}.seqmap', split=None)
                continue
            if videos.type == 'MOTChallengeDataset':
                videos.update(data_root=detector.path, ann_file='.')
                continue
            if videos.type == 'COCOVideoDataset':
                images = tiny_shapes / split / 'JPEGImages'
                videos.update(data_root=str(tiny_coco), ann_file=f'{split}.json', img_prefix=str(images))
                continue
            place = dict(data_root=str(tiny_shapes), ann_file=f'annotations/{split}.json', split=None)
            videos.update(place, img_prefix=f'{split}/JPEGImages')
        if config.get('train_dataloader'):
            of_identities = 'crops_per_identity' in config.train_dataloader.get('sampler', {})
            config.train_dataloader.batch_size = 4 if of_identities else 2  # two of each of two make triplets
            _edit(config.train_dataloader, dict(crops_per_identity=2))
            config.train_cfg = dict(max_iters=2, val_interval=100)
        config.load_from = _start_of_frozen_parts(config, work_dir)  # no weights of an earlier stage
        config.work_dir = str(work_dir)
        return config

    return make

"""Reading frames: damage is named, and the pixels are those of the reference program."""

import json

import cv2
import numpy as np
import pytest

from mmdet.datasets import ChunkIndex, TrainIndex, YouTubeVISDataset
from mmdet.errors import DataError

BOX = [4, 6, 10, 8]


def cut(path):
    """Remove the last third of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def shrink(path):
    """Write the image at half its size."""
    cv2.imwrite(str(path), cv2.imread(str(path))[::2, ::2])


DAMAGE = {
    'missing': (lambda p: p.unlink(), 'does not exist'),
    'empty': (lambda p: p.write_bytes(b''), 'is empty'),
    'cut off': (cut, 'is cut off'),
    'not an image': (lambda p: p.write_text('hello'), 'cannot be decoded'),
    'other size': (shrink, 'the image is 32 x 24 .* says 64 x 48'),
}


@pytest.mark.parametrize(('damage', 'message'), DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_damaged_frame(vis, make_set, damage, message, suffix):
    video = vis.video(17, 2)
    video['file_names'] = [name.replace('.png', suffix) for name in video['file_names']]
    paths = make_set(vis.document([video], [vis.track(1, 17, [BOX, BOX])]))
    damage(paths.images / 'v17' / f'00001{suffix}')
    dataset = YouTubeVISDataset('train.json', str(paths.root), 'JPEGImages', vis.LOAD, num_ref_frames=0)
    dataset[TrainIndex(0, 0, 0)]
    with pytest.raises(DataError, match=rf'v17/00001{suffix} \(.*train.json, video 17, frame 1\): .*{message}'):
        dataset[TrainIndex(1, 0, 0)]


def test_input_of_the_reference_program(parity_dir, tmp_path):
    """Resized, normalised and padded, a real frame equals what mmdetection 3 fed its network."""
    folder = parity_dir / 'mmdet3_masktrack'
    names = json.loads((folder / 'meta.json').read_text())['frames']
    height, width = cv2.imread(str(folder / 'frames' / names[0])).shape[:2]
    video = {'id': 1, 'file_names': names, 'height': height, 'width': width}
    (tmp_path / 'a.json').write_text(json.dumps({'videos': [video], 'categories': [{'id': 1, 'name': 'a'}]}))
    pipeline = [dict(type='LoadFrames'), dict(type='Resize', scale=(640, 360)), dict(type='PackClip')]
    dataset = YouTubeVISDataset(str(tmp_path / 'a.json'), '', str(folder / 'frames'), pipeline, test_mode=True)
    image = dataset[ChunkIndex(0, 0, 1)]['inputs'][0].numpy().astype(np.float32)
    mean, std = np.array([[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]], np.float32)[..., None, None]
    padding = [(0, -size % 32) for size in image.shape[1:]]
    network_input = np.pad((image - mean) / std, [(0, 0), *padding])
    expected = np.load(folder / 'expected.npz')['0.input']
    np.testing.assert_allclose(network_input[:, ::8, ::8], expected.reshape(3, *expected.shape[-2:]), atol=1e-5)


def test_blank_frames_open_no_file(vis, make_set):
    paths = make_set(vis.document([vis.video(17, 3)], [vis.track(1, 17, [BOX, BOX, BOX])]))
    for image in paths.images.rglob('*.*'):
        image.unlink()
    pipeline = [dict(type='BlankFrames'), dict(type='PackClip')]
    dataset = YouTubeVISDataset('train.json', str(paths.root), 'JPEGImages', pipeline, test_mode=True)
    clip = dataset[ChunkIndex(0, 1, 3)]
    assert clip['inputs'].shape == (2, 3, 1, 1)
    sample = clip['data_samples'][1]
    assert sample.blank and sample.frame_id == 2 and sample.video_length == 3
    assert sample.ori_shape == (48, 64) and sample.scale_factor == (1 / 64, 1 / 48)

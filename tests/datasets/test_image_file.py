"""Images: right pixels, and a clear error for every kind of damage."""

import cv2
import numpy as np
import pytest

from mmdet.datasets.image_file import check_size, find_image, header_size, read_image
from mmdet.errors import DataError


def picture(height=40, width=60):
    """Smooth colours, red growing to the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width)
    image[..., 2] = 100
    return image  # RGB


def encoded(suffix, height=40, width=60, flags=()):
    """The picture as file content."""
    return cv2.imencode(suffix, picture(height, width)[..., ::-1], list(flags))[1].tobytes()


PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
FILES = {
    'png': ('.png', (), 0),
    'jpeg': ('.jpg', (cv2.IMWRITE_JPEG_QUALITY, 98), 12),
    'progressive jpeg': ('.jpg', (cv2.IMWRITE_JPEG_QUALITY, 98, *PROGRESSIVE), 12),
    'bmp': ('.bmp', (), 0),
}


@pytest.mark.parametrize(('suffix', 'flags', 'tolerance'), FILES.values(), ids=FILES)
def test_read(tmp_path, suffix, flags, tolerance):
    path = tmp_path / f'a{suffix}'
    path.write_bytes(encoded(suffix, flags=flags))
    image = read_image(path)
    assert image.dtype == np.uint8 and image.flags.c_contiguous
    assert np.abs(image.astype(int) - picture()).max() <= tolerance  # RGB order
    assert header_size(path) == (40, 60)


def test_grey_file_has_three_channels(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((5, 7), 9, np.uint8))
    assert (read_image(tmp_path / 'a.png') == 9).all() and read_image(tmp_path / 'a.png').shape == (5, 7, 3)


def with_thumbnail(data):
    """A JPEG whose header holds another, complete JPEG, as cameras write it."""
    thumbnail = encoded('.jpg', 8, 8)
    return data[:2] + b'\xff\xe1' + (len(thumbnail) + 2).to_bytes(2, 'big') + thumbnail + data[2:]


DAMAGE = {
    'cut jpeg': ('.jpg', lambda d: d[: len(d) * 2 // 3], 'cut off'),
    'jpeg without its last two bytes': ('.jpg', lambda d: d[:-2], 'cut off'),
    'jpeg cut in the header': ('.jpg', lambda d: d[:30], 'cut off'),
    'cut jpeg with a whole thumbnail': ('.jpg', lambda d: with_thumbnail(d)[:-2], 'cut off'),
    'cut png': ('.png', lambda d: d[:-20], 'cut off'),
    'nothing': ('.jpg', lambda d: b'', 'is empty'),
}


@pytest.mark.parametrize(('suffix', 'damage', 'message'), DAMAGE.values(), ids=DAMAGE)
def test_damaged_files(tmp_path, suffix, damage, message):
    path = tmp_path / f'a{suffix}'
    path.write_bytes(damage(encoded(suffix)))
    for read in (read_image, header_size):
        with pytest.raises(DataError, match=rf'a{suffix} \(f.json, video 3, frame 1\): .*{message}'):
            read(path, 'f.json, video 3, frame 1')


def test_text_is_no_image(tmp_path):
    (tmp_path / 'a.jpg').write_text('<html>not found</html>')
    for read in (read_image, header_size):
        with pytest.raises(DataError, match='cannot be decoded as an image'):
            read(tmp_path / 'a.jpg')


def test_harmless_oddities(tmp_path):
    """A thumbnail, and bytes after the end, as some cameras and programs leave them."""
    path = tmp_path / 'a.jpg'
    path.write_bytes(with_thumbnail(encoded('.jpg')) + b'\0' * 300)
    assert read_image(path).shape == (40, 60, 3)
    assert header_size(path) == (40, 60)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match=r'does not exist \(the folder exists\); check data_root and img_prefix'):
        read_image(tmp_path / 'a.jpg')
    with pytest.raises(DataError, match=r'nor does the folder'):
        read_image(tmp_path / 'no' / 'a.jpg')
    with pytest.raises(DataError, match='cannot be read'):
        read_image(tmp_path)


def test_size(tmp_path):
    check_size('a.jpg', (40, 60), (40, 60))
    with pytest.raises(DataError, match=r'image is 60 x 40 \(width x height\) but the annotation file says 30 x 20'):
        check_size('a.jpg', (40, 60), (20, 30))


@pytest.mark.parametrize('suffix', ['.jpg', '.jpeg', '.png', ''])
def test_find(tmp_path, suffix):
    (tmp_path / f'00001{suffix}').write_bytes(b'x')
    assert find_image(tmp_path / '00001') == tmp_path / f'00001{suffix}'
    assert find_image(tmp_path / 'other') == tmp_path / 'other'

"""MOTS text files and instance maps: round trips, and what is refused with file, line, frame and ids."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.errors import DataError
from mmdet.formats import MaskTable, mots_sources, read_mask_pngs, read_masks, write_mask_pngs, write_masks
from mmdet.ops.rle import decode, encode

SIZE = (20, 40)


def box(top: int, left: int, bottom: int, right: int, size: tuple[int, int] = SIZE) -> dict:
    mask = np.zeros(size, np.uint8)
    mask[top:bottom, left:right] = 1
    return encode(mask)


A, B, IGNORED = box(2, 2, 12, 12), box(2, 20, 12, 30), box(15, 0, 20, 40)


def line(frame: int, identity: int, class_id: int, mask: dict) -> str:
    return f'{frame} {identity} {class_id} {mask["size"][0]} {mask["size"][1]} {mask["counts"]}\n'


GOOD = [line(0, 1001, 1, A), line(0, 2001, 2, B), line(0, 10000, 10, IGNORED), line(3, 1001, 1, A)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / '0002.txt'


def test_rows(path: Path) -> None:
    path.write_text(''.join(GOOD))
    table = read_masks(path, 4)
    assert table.frames.tolist() == [0, 0, 0, 3]
    assert table.class_ids.tolist() == [1, 2, 10, 1]
    assert table.masks.areas.tolist() == [100, 100, 200, 100]
    assert table.size == SIZE
    assert table.masks.rle(1) == B


@pytest.mark.parametrize('blank', ['  ', '\t', ' \t '])
def test_any_blanks_between_columns(path: Path, blank: str) -> None:
    path.write_text(blank + GOOD[0].replace(' ', blank) + GOOD[1])
    assert read_masks(path, 4).masks.texts == [A['counts'], B['counts']]


def test_known_line(path: Path) -> None:
    """A square of 5 x 5 pixels in the corner of a 20 x 40 image, as the format's writers spell it."""
    table = MaskTable.of('square', [1], [1], [1], [box(0, 0, 5, 5)])
    write_masks(path, table)
    assert path.read_text() == '1 1 1 20 40 05?0000000le0\n'


@pytest.mark.parametrize('first_frame', [0, 1])
def test_written_unchanged(path: Path, tmp_path: Path, first_frame: int) -> None:
    path.write_text(''.join(GOOD) if first_frame == 0 else ''.join(f'{int(r[0]) + 1}{r[1:]}' for r in GOOD))
    write_masks(tmp_path / 'out.txt', read_masks(path, 4, first_frame))
    assert (tmp_path / 'out.txt').read_bytes() == path.read_bytes()


def test_empty_file(path: Path, tmp_path: Path) -> None:
    path.write_text('')
    table = read_masks(path, 4)
    assert len(table) == 0 and table.size is None
    write_masks(tmp_path / 'out.txt', table)
    assert (tmp_path / 'out.txt').read_bytes() == b''


BAD = {
    'columns': (['0 1 1 20 40\n'], r'0002\.txt, line 1: 5 columns'),
    'columns, blank before': ([' 0 1 1 20 40\n', GOOD[3]], r'0002\.txt, line 1: 5 columns'),
    'columns, blank after': ([GOOD[0], '0 1 1 20 40 \n'], r'0002\.txt, line 2: 5 columns'),
    'columns, two blanks': ([GOOD[0], '0 1 1  20 40\n'], r'0002\.txt, line 2: 5 columns'),
    'number beyond all': ([GOOD[0].replace('1001', str(2**70))], 'line 1: id must be a whole number'),
    'unknown class': ([GOOD[0], line(1, 3001, 3, A)], r'line 2, frame 1, id 3001: class 3 is unknown'),
    'unknown frame': ([GOOD[0], line(4, 1, 1, A)], r'line 2: frame 4 is unknown; frames go 0 to 3'),
    'id twice': ([GOOD[0], line(0, 1001, 1, B)], r'line 2: id 1001 is in frame 0 twice \(first on line 1\)'),
    'id twice, other class': ([GOOD[0], line(0, 1001, 2, B)], r'line 2: id 1001 is in frame 0 twice'),
    'overlap': ([GOOD[0], line(0, 7, 2, box(11, 11, 14, 14))], r'line 2, frame 0, id 7: .* id 1001 \(line 1\)'),
    'overlap with a region': (
        [GOOD[2], line(0, 7, 2, box(14, 0, 16, 2))],
        r'line 2, frame 0, id 7: the mask shares pixels with that of id 10000',
    ),
    'another size': ([GOOD[0], line(1, 7, 1, box(0, 0, 2, 2, (21, 40)))], r'line 2, frame 1, id 7: mask of 21 x 40'),
    'damaged mask': (['0 7 1 20 40 05?0000000\n'], r'line 1, frame 0, id 7: RLE runs cover'),
    'cut off': (['0 7 1 20 40 05?0000000le\n'], r'line 1, frame 0, id 7: RLE string is cut off'),
    'strange text': (['0 7 1 20 40 05?00~00000le0\n'], r'line 1, frame 0, id 7: RLE string holds characters'),
    'negative id': ([line(0, -3, 1, A)], r'line 1, frame 0, id -3: an id must be 0 or more'),
    'no number': ([line(0, 1, 1, A).replace('0 1 1', '0 x 1', 1)], 'line 1: id must be a'),
}


@pytest.mark.parametrize(('lines', 'message'), BAD.values(), ids=BAD)
def test_refused(path: Path, lines: list[str], message: str) -> None:
    path.write_text(''.join(lines))
    with pytest.raises(DataError, match=message):
        read_masks(path, 4)


def test_size_of_the_frames(path: Path) -> None:
    path.write_text(GOOD[0])
    with pytest.raises(DataError, match=r'mask of 20 x 40 .* the frames are 21 x 40'):
        read_masks(path, 4, size=(21, 40))


def test_drops_on_request(path: Path) -> None:
    path.write_text(''.join([GOOD[0], line(1, 3001, 3, A), line(9, 1, 1, A)]))
    table = read_masks(path, 4, drop_unknown_classes=True, drop_unknown_frames=True)
    assert table.ids.tolist() == [1001] and len(table.masks) == 1


def test_what_is_left_of_a_file_may_not_overlap(path: Path) -> None:
    touching = line(0, 7, 2, box(11, 11, 14, 14))
    for dropped in (line(1, 3001, 3, A), line(9, 1, 1, A)):
        path.write_text(''.join([dropped, GOOD[0], touching]))
        with pytest.raises(DataError, match=r'line 3, frame 0, id 7: the mask shares pixels with that of id 1001'):
            read_masks(path, 4, drop_unknown_classes=True, drop_unknown_frames=True)
    path.write_text(''.join([GOOD[0], line(0, 3001, 3, A)]))  # the mask that touches is dropped
    assert read_masks(path, 4, drop_unknown_classes=True).ids.tolist() == [1001]


def test_detections_may_overlap_but_are_not_written_so(path: Path, tmp_path: Path) -> None:
    path.write_text(''.join([GOOD[0], line(0, 7, 2, box(11, 11, 14, 14))]))
    table = read_masks(path, 4, detections=True)
    assert len(table) == 2
    with pytest.raises(DataError, match='id 7: the mask shares pixels with that of id 1001'):
        write_masks(tmp_path / 'out.txt', table)


def test_detections_have_any_class_and_no_identities_but_come_in_order(path: Path) -> None:
    path.write_text(line(0, -1, 7, A) + line(0, -1, 1, B) + line(2, -1, 7, A))
    table = read_masks(path, 3, classes=None, detections=True)
    assert table.class_ids.tolist() == [7, 1, 7] and table.frames.tolist() == [0, 0, 2]
    path.write_text(line(1, -1, 1, A) + line(0, -1, 1, A))
    with pytest.raises(DataError, match=r'0002\.txt, line 2: frame 0 comes after frame 1.*sort the file'):
        read_masks(path, 3, detections=True)


def test_same_masks_in_different_frames_do_not_overlap(path: Path) -> None:
    path.write_text(line(1, 1, 1, A) + line(0, 1, 1, A) + line(2, 2, 1, A))
    assert read_masks(path, 3).masks.runs is not None


def test_one_pixel_and_last_row(path: Path) -> None:
    corners = (box(19, 39, 20, 40), box(0, 0, 1, 1), box(19, 0, 20, 9))
    path.write_text(''.join(line(0, identity, 1, mask) for identity, mask in enumerate(corners)))
    assert read_masks(path, 1).masks.areas.tolist() == [1, 1, 9]


def test_maps(tmp_path: Path, path: Path) -> None:
    path.write_text(''.join(GOOD))
    table = read_masks(path, 4)
    write_mask_pngs(tmp_path / 'maps', table, 4, SIZE)
    assert sorted(p.name for p in (tmp_path / 'maps').iterdir()) == [f'{t:06d}.png' for t in range(4)]
    picture = cv2.imread(str(tmp_path / 'maps' / '000000.png'), cv2.IMREAD_UNCHANGED)
    assert picture.dtype == np.uint16 and picture[5, 5] == 1001 and picture[19, 0] == 10000
    again = read_mask_pngs(tmp_path / 'maps', 4)
    assert again.ids.tolist() == table.ids.tolist()
    assert again.masks.texts == table.masks.texts


def test_maps_number_ids_of_results(tmp_path: Path) -> None:
    table = MaskTable.of('results', [0, 0, 1], [7, 3, 7], [2, 2, 2], [A, B, B])
    write_mask_pngs(tmp_path, table, 2, SIZE)
    again = read_mask_pngs(tmp_path)
    assert again.ids.tolist() == [2001, 2002, 2002]
    assert (decode(again.masks.rle(1)) == decode(A)).all()


@pytest.mark.parametrize(('ids', 'masks'), [([7, 3], [A, A]), ([7, 7], [A, B])], ids=['overlap', 'twice'])
def test_maps_tell_one_identity_per_pixel(tmp_path: Path, ids: list[int], masks: list) -> None:
    with pytest.raises(DataError, match=r'shares pixels|twice'):
        write_mask_pngs(tmp_path, MaskTable.of('results', [0, 0], ids, [2, 2], masks), 1, SIZE)


def test_maps_of_ground_truth_are_complete(tmp_path: Path) -> None:
    table = MaskTable.of('truth', [0, 3], [2001, 2001], [2, 2], [A, A], first_frame=1)
    write_mask_pngs(tmp_path, table, 4, SIZE)
    assert len(read_mask_pngs(tmp_path, 4, 1, complete=True)) == 2
    (tmp_path / '000004.png').unlink()
    assert len(read_mask_pngs(tmp_path, 4, 1)) == 1  # of results
    assert len(read_mask_pngs(tmp_path, None, 1, complete=True)) == 1  # nobody tells the length
    with pytest.raises(DataError, match=r'000004\.png: missing; 1 of 4 frames'):
        read_mask_pngs(tmp_path, 4, 1, complete=True)
    (tmp_path / '000002.png').unlink()
    with pytest.raises(DataError, match=r'000002\.png: missing; 1 of 3 frames'):
        read_mask_pngs(tmp_path, None, 1, complete=True)


@pytest.mark.parametrize(
    ('picture', 'message'),
    [
        (np.zeros(SIZE, np.uint8), 'one channel of 16 bits'),
        (np.full(SIZE, 3001, np.uint16), 'value 3xxx is of no class'),
        (np.full(SIZE, 7, np.uint16), 'value 7 is of no class'),
        (np.zeros((3, 3), np.uint16), r'the frames are \(20, 40\)'),
    ],
    ids=['8 bits', 'class', 'no class', 'size'],
)
def test_maps_refused(tmp_path: Path, picture: np.ndarray, message: str) -> None:
    cv2.imwrite(str(tmp_path / '000000.png'), picture)
    with pytest.raises(DataError, match=f'000000.png: .*{message}'):
        read_mask_pngs(tmp_path, size=SIZE)


def test_maps_drop_on_request(tmp_path: Path) -> None:
    for frame, value in ((0, 1001), (2, 2001)):
        cv2.imwrite(str(tmp_path / f'{frame:06d}.png'), np.full(SIZE, value, np.uint16))
    with pytest.raises(DataError, match=r'000002\.png: frame 2 is unknown; frames go 0 to 1'):
        read_mask_pngs(tmp_path, 2)
    assert read_mask_pngs(tmp_path, 2, drop_unknown_frames=True).ids.tolist() == [1001]
    cv2.imwrite(str(tmp_path / '000000.png'), np.array([[1001, 3001, 7]], np.uint16))
    cv2.imwrite(str(tmp_path / '000002.png'), np.array([[2001, 0, 0]], np.uint16))
    assert read_mask_pngs(tmp_path, drop_unknown_classes=True).ids.tolist() == [1001, 2001]


@pytest.mark.parametrize(('length', 'size', 'message'), [(3, SIZE, 'frame 3 is unknown'), (4, (20, 41), 'frames of')])
def test_maps_that_cannot_be_written(tmp_path: Path, length: int, size: tuple, message: str) -> None:
    with pytest.raises(DataError, match=message):
        write_mask_pngs(tmp_path, MaskTable.of('t', [0, 3], [1, 1], [1, 1], [A, A]), length, size)


@pytest.mark.parametrize('text', ['0001.txt', '0002.txt'])
def test_every_sequence_counts_whatever_form_it_has(tmp_path: Path, text: str) -> None:
    (tmp_path / '0002').mkdir()
    (tmp_path / 'empty').mkdir()
    cv2.imwrite(str(tmp_path / '0002/000000.png'), np.full(SIZE, 1001, np.uint16))
    (tmp_path / text).write_text('')
    assert mots_sources(tmp_path) == {text[:4]: tmp_path / text, '0002': tmp_path / '0002'}  # maps win


def test_real_pointtrack_files(data_dir: Path, tmp_path: Path) -> None:
    files = sorted((data_dir / 'real' / 'mots' / 'pointtrack_kitti_mots_testset').glob('*/*.txt'))
    assert files
    for path in files:
        write_masks(tmp_path / 'out.txt', read_masks(path))
        assert (tmp_path / 'out.txt').read_bytes() == path.read_bytes(), path

"""Folders of images and masks: what is accepted, and how a wrong file is named."""

from collections.abc import Callable
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from toy import NOISE_CLASSES, write_noise

from unet_perception.errors import DataError
from unet_perception.training.dataset import pairs_from_folder, read_pair

CLASSES = len(NOISE_CLASSES)


def test_pairs_are_sorted_by_name(tmp_path: Path) -> None:
    pairs = pairs_from_folder(write_noise(tmp_path, 'cabd'))
    assert [pair.name for pair in pairs] == ['a', 'b', 'c', 'd']
    assert all(p.image.stem == p.mask.stem == p.name for p in pairs)


def test_pairs_are_sorted_by_number(tmp_path: Path) -> None:
    write_noise(tmp_path, 'ab')
    for part in ('images', 'masks'):
        (tmp_path / part / 'a.png').rename(tmp_path / part / 'frame_10.png')
        (tmp_path / part / 'b.png').rename(tmp_path / part / 'frame_9.png')
    assert [pair.name for pair in pairs_from_folder(tmp_path)] == ['frame_9', 'frame_10']


@pytest.mark.parametrize('name', ['²', '٣', 'ä b', '1.2.3', '-1'])
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    write_noise(tmp_path, 'ab')
    for part in ('images', 'masks'):
        (tmp_path / part / 'a.png').rename(tmp_path / part / f'{name}.png')
    assert {pair.name for pair in pairs_from_folder(tmp_path)} == {name, 'b'}


def test_other_files_may_lie_in_the_folder(tmp_path: Path) -> None:
    image = write_noise(tmp_path, 'ab') / 'images' / 'a.png'
    image.rename(image.with_suffix('.PNG'))
    (tmp_path / 'images' / 'notes.txt').write_text('seen by nobody')
    assert [pair.image.name for pair in pairs_from_folder(tmp_path)] == ['a.PNG', 'b.png']


def test_an_image_is_read_as_rgb_and_its_ids_as_they_are(tmp_path: Path) -> None:
    write_noise(tmp_path, 'a')
    cv2.imwrite(str(tmp_path / 'images' / 'a.png'), np.full((8, 12, 3), (1, 2, 3), np.uint8))
    image, mask = read_pair(pairs_from_folder(tmp_path)[0], CLASSES)
    assert image[0, 0].tolist() == [3, 2, 1]
    assert mask[0].tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [255] * 3


def without_mask(root: Path) -> None:
    (root / 'masks' / 'b.png').unlink()


def corrupt_image(root: Path) -> None:
    file = root / 'images' / 'b.png'
    file.write_bytes(file.read_bytes()[:20])


def half_an_image(root: Path) -> None:
    file = root / 'images' / 'b.png'
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def corrupt_mask(root: Path) -> None:
    (root / 'masks' / 'b.png').write_bytes(b'')


def other_size(root: Path) -> None:
    cv2.imwrite(str(root / 'masks' / 'b.png'), np.zeros((12, 8), np.uint8))


def stray_id(root: Path) -> None:
    cv2.imwrite(str(root / 'masks' / 'b.png'), np.full((8, 12), CLASSES, np.uint8))


def sixteen_bits(root: Path) -> None:
    cv2.imwrite(str(root / 'masks' / 'b.png'), np.ones((8, 12), np.uint16))


def in_colour(root: Path) -> None:
    cv2.imwrite(str(root / 'masks' / 'b.png'), np.ones((8, 12, 3), np.uint8))


def one_bit(root: Path) -> None:
    mask = np.zeros((8, 12), np.uint8)
    cv2.imwrite(str(root / 'masks' / 'b.png'), mask, [cv2.IMWRITE_PNG_BILEVEL, 1])


def palette(root: Path) -> None:
    file = root / 'masks' / 'b.png'
    content = bytearray(file.read_bytes())
    content[25] = 3
    file.write_bytes(content)


def pipe(root: Path) -> None:
    (root / 'images' / 'b.png').unlink()
    os.mkfifo(root / 'images' / 'b.png')


def enormous(root: Path) -> None:
    file = root / 'images' / 'b.png'
    content = bytearray(file.read_bytes())
    content[16:24] = (60_000).to_bytes(4, 'big') * 2
    file.write_bytes(content)


def no_image(root: Path) -> None:
    for file in (root / 'images').iterdir():
        file.unlink()


def no_folder(root: Path) -> None:
    no_image(root)
    (root / 'images').rmdir()


DAMAGES = [
    (without_mask, r'images/b\.png.* has no mask.*masks/b\.png'),
    (corrupt_image, r'images/b\.png.* not a readable image'),
    (half_an_image, r'images/b\.png.* not a readable image .*truncated'),
    (corrupt_mask, r'masks/b\.png.* not a readable image .*empty'),
    (other_size, r'masks/b\.png.* is 8x12 but its image is 12x8'),
    (stray_id, r'masks/b\.png.* holds id 3; 3 classes'),
    (sixteen_bits, r'masks/b\.png.* has 16 bits of grey; save class ids as 8-bit grey'),
    (in_colour, r'masks/b\.png.* has 8 bits of colour; save class ids'),
    (one_bit, r'masks/b\.png.* has 1 bits of grey; save class ids'),
    (palette, r'masks/b\.png.* has 8 bits of a palette; save class ids'),
    (pipe, r'images/b\.png.* is not a file'),
    (enormous, r'images/b\.png.*60000x60000 is too large'),
    (no_image, r'images.* holds no image'),
    (no_folder, r'images.* is not a folder'),
]


@pytest.mark.parametrize(('damage', 'complaint'), DAMAGES)
def test_what_is_wrong_with_the_data_is_named(
    tmp_path: Path, damage: Callable[[Path], None], complaint: str
) -> None:
    damage(write_noise(tmp_path))
    with pytest.raises(DataError, match=complaint):
        [read_pair(pair, CLASSES) for pair in pairs_from_folder(tmp_path)]

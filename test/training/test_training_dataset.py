"""Folders of images and masks: what is accepted, how it is split, what its version means."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import pytest

from unet_perception.errors import DataError
from unet_perception.training.dataset import (
    Pair,
    Split,
    check_pairs,
    pairs_from_folder,
    read_pair,
    sha256_from_split,
    split_by_blocks,
)

CLASSES = 3


def write_data(root: Path, names: str = 'abcd') -> Path:
    """Write a pair per letter: noise, and a mask that shows every class and 255."""
    for part in ('images', 'masks'):
        (root / part).mkdir(parents=True)
    for seed, name in enumerate(names):
        image = np.random.default_rng(seed).integers(0, 256, (8, 12, 3), np.uint8)
        mask = np.repeat(np.array([[0, 1, 2, 255]], np.uint8), 8, 0).repeat(3, 1)
        cv2.imwrite(str(root / 'images' / f'{name}.png'), image)
        cv2.imwrite(str(root / 'masks' / f'{name}.png'), mask)
    return root


def numbered(count: int) -> list[Pair]:
    return [Pair(f'{k:04}', Path(f'i{k:04}.png'), Path(f'm{k:04}.png')) for k in range(count)]


def halves(root: Path) -> Split:
    pairs = pairs_from_folder(root)
    return Split(pairs[:2], pairs[2:])


def test_pairs_are_sorted_by_name(tmp_path: Path) -> None:
    pairs = pairs_from_folder(write_data(tmp_path, 'cabd'))
    assert [pair.name for pair in pairs] == ['a', 'b', 'c', 'd']
    assert all(p.image.stem == p.mask.stem == p.name for p in pairs)


def test_jpeg_images_and_other_files_may_lie_in_the_folder(tmp_path: Path) -> None:
    image = write_data(tmp_path, 'ab') / 'images' / 'a.png'
    image.rename(image.with_suffix('.JPG'))
    (tmp_path / 'images' / 'notes.txt').write_text('seen by nobody')
    assert [pair.image.name for pair in pairs_from_folder(tmp_path)] == ['a.JPG', 'b.png']


def test_an_image_is_read_as_rgb_and_its_ids_as_they_are(tmp_path: Path) -> None:
    write_data(tmp_path, 'a')
    cv2.imwrite(str(tmp_path / 'images' / 'a.png'), np.full((8, 12, 3), (1, 2, 3), np.uint8))
    image, mask = read_pair(pairs_from_folder(tmp_path)[0], CLASSES)
    assert image[0, 0].tolist() == [3, 2, 1]
    assert mask[0].tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [255] * 3


def without_mask(root: Path) -> None:
    (root / 'masks' / 'b.png').unlink()


def corrupt_image(root: Path) -> None:
    file = root / 'images' / 'b.png'
    file.write_bytes(file.read_bytes()[:20])


def corrupt_mask(root: Path) -> None:
    (root / 'masks' / 'b.png').write_bytes(b'')


def other_size(root: Path) -> None:
    cv2.imwrite(str(root / 'masks' / 'b.png'), np.zeros((12, 8), np.uint8))


def stray_id(root: Path) -> None:
    cv2.imwrite(str(root / 'masks' / 'b.png'), np.full((8, 12), CLASSES, np.uint8))


def sixteen_bits(root: Path) -> None:
    cv2.imwrite(str(root / 'masks' / 'b.png'), np.ones((8, 12), np.uint16))


def black_and_white(root: Path) -> None:
    for file in (root / 'masks').iterdir():
        cv2.imwrite(str(file), np.tile(np.array([0, 255], np.uint8), (8, 6)))


def no_image(root: Path) -> None:
    for file in (root / 'images').iterdir():
        file.unlink()


def no_folder(root: Path) -> None:
    no_image(root)
    (root / 'images').rmdir()


@pytest.mark.parametrize(
    ('damage', 'complaint'),
    [
        (without_mask, r'images/b\.png.* has no mask.*masks/b\.png'),
        (corrupt_image, r'images/b\.png.* not a readable image'),
        (corrupt_mask, r'masks/b\.png.* not a readable image'),
        (other_size, r'masks/b\.png.* is 8x12 but its image is 12x8'),
        (stray_id, r'masks/b\.png.* holds id 3; 3 classes'),
        (sixteen_bits, r'masks/b\.png.* has uint16 pixels'),
        (black_and_white, r'masks.* shows no class 1; .* ids 0 to 2, and 255'),
        (no_image, r'images.* holds no image'),
        (no_folder, r'images.* is not a folder'),
    ],
)
def test_what_is_wrong_with_the_data_is_named(
    tmp_path: Path, damage: Callable[[Path], None], complaint: str
) -> None:
    damage(write_data(tmp_path))
    with pytest.raises(DataError, match=complaint):
        check_pairs(pairs_from_folder(tmp_path), CLASSES)


def test_good_data_passes_the_check(tmp_path: Path) -> None:
    pairs = pairs_from_folder(write_data(tmp_path))
    check_pairs(pairs, CLASSES)  # DataError if it did not
    assert pairs


@pytest.mark.parametrize('count', [19, 20, 37, 40, 722])
def test_every_pair_is_on_exactly_one_side(count: int) -> None:
    split = split_by_blocks(numbered(count))
    assert sorted(split.training + split.validation) == numbered(count)
    assert 0.15 < len(split.validation) / count < 0.27


@pytest.mark.parametrize('count', [19, 20, 37, 40, 722])
def test_validation_is_whole_runs_of_neighbours(count: int) -> None:
    pairs = numbered(count)
    validation = set(split_by_blocks(pairs).validation)
    blocks = [list(run) for _, run in groupby(range(count), lambda k: k * 19 // count)]
    sides = [{pairs[k] in validation for k in block} for block in blocks]
    assert all(len(side) == 1 for side in sides), 'a block has pairs on both sides'
    assert [k for k, side in enumerate(sides) if True in side] == [2, 7, 12, 17]
    assert {len(block) for block in blocks} <= {count // 19, count // 19 + 1}


def test_too_few_images_are_refused_with_both_numbers() -> None:
    with pytest.raises(DataError, match='18 images are too few for 19 blocks; add images'):
        split_by_blocks(numbered(18))


def test_the_version_is_the_same_for_the_same_files_elsewhere(tmp_path: Path) -> None:
    here, there = (halves(write_data(tmp_path / name)) for name in ('here', 'there'))
    assert sha256_from_split(here) == sha256_from_split(there) == sha256_from_split(here)


def other_byte(root: Path) -> Split:
    file = root / 'masks' / 'c.png'
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    return halves(root)


def other_name(root: Path) -> Split:
    for part in ('images', 'masks'):
        (root / part / 'd.png').rename(root / part / 'e.png')
    return halves(root)


def other_side(root: Path) -> Split:
    pairs = pairs_from_folder(root)
    return Split(pairs[:1], pairs[1:])


def swapped_files(root: Path) -> Split:
    return Split(*([Pair(p.name, p.mask, p.image) for p in side] for side in halves(root)))


@pytest.mark.parametrize('change', [other_byte, other_name, other_side, swapped_files])
def test_the_version_changes_with(tmp_path: Path, change: Callable[[Path], Split]) -> None:
    before = sha256_from_split(halves(write_data(tmp_path)))
    assert sha256_from_split(change(tmp_path)) != before

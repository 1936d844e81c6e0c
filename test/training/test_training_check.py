"""What would ruin a training is found before it, all of it, each in a sentence."""

from collections.abc import Callable
from pathlib import Path
import re
import shutil

import cv2
import numpy as np
import pytest
from toy import NOISE_CLASSES, write_noise

from unet_perception.core.progress import no_progress
from unet_perception.errors import DataError
from unet_perception.training.check import DataCheck, check_folder
from unet_perception.training.split import SPLIT, sha256_from_split

NAMES = 'abcdefgh'


def checked(root: Path) -> DataCheck:
    return check_folder(root, no_progress)


def warnings(check: DataCheck) -> list[str]:
    return [finding.sentence for finding in check.findings if not finding.is_error]


def paint(root: Path, name: str, mask: object) -> None:
    cv2.imwrite(str(root / 'masks' / f'{name}.png'), np.full((8, 12), mask, np.uint8))


def test_good_data_has_no_findings_and_gets_a_split(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    check = check_folder(write_noise(tmp_path, NAMES), lambda *state: seen.append(state))
    assert check.findings == []
    assert check.split is not None
    assert check.sha256 == sha256_from_split(check.split)
    assert (tmp_path / SPLIT).is_file()
    assert seen == [('checking the data', k, 8) for k in range(1, 9)]


def test_shares_are_of_the_labelled_pixels(tmp_path: Path) -> None:
    root = write_noise(tmp_path, NAMES)
    assert checked(root).shares() == pytest.approx(dict.fromkeys(NOISE_CLASSES, 1 / 3))
    for name in NAMES[:4]:
        paint(root, name, 2)
    shares = checked(root).shares()
    right = 4 * 96 + 4 * 24
    assert shares['right'] == pytest.approx(right / (right + 2 * 4 * 24))


def without_mask(root: Path) -> None:
    (root / 'masks' / 'b.png').unlink()


def without_image(root: Path) -> None:
    (root / 'images' / 'b.png').unlink()


def corrupt(root: Path) -> None:
    (root / 'images' / 'b.png').write_bytes(b'no picture')


def two_of_one_name(root: Path) -> None:
    shutil.copy(root / 'images' / 'b.png', root / 'images' / 'b.jpg')


def stray(root: Path) -> None:
    paint(root, 'b', 3)


def no_pixel_of_a_class(root: Path) -> None:
    for name in NAMES:
        paint(root, name, [0] * 6 + [2] * 6)


def black_and_white(root: Path) -> None:
    for name in NAMES:
        paint(root, name, [0, 255] * 6)


def same_image_on_both_sides(root: Path) -> None:
    shutil.copy(root / 'images' / 'a.png', root / 'images' / 'c.png')


def group_names_with_suffix(root: Path) -> None:
    (root / 'groups.csv').write_text('name,group\n' + ''.join(f'{n}.png,1\n' for n in NAMES))


def class_only_in_validation(root: Path) -> None:
    for name in set(NAMES) - {'c'}:
        paint(root, name, [0] * 6 + [2] * 6)


def unlabelled_validation(root: Path) -> None:
    for name in 'ch':
        paint(root, name, 255)


ERRORS: dict[Callable[[Path], None], str] = {
    without_mask: r'images/b\.png.* has no mask; expected .*masks/b\.png',
    without_image: r'masks/b\.png.* has no image; add the image or remove the mask',
    corrupt: r'images/b\.png.* not a readable image',
    two_of_one_name: r'b\.jpg.* and .*b\.png.* share a mask; rename one',
    stray: r'masks/b\.png.* holds id 3; 3 classes and 255 exist',
    no_pixel_of_a_class: r"no pixel of class 'left'; masks hold class ids 0 to 2, and 255",
    black_and_white: r"no pixel of class 'left'",
    same_image_on_both_sides: r"'a', 'c' are the same image, in training and validation",
    group_names_with_suffix: r"groups\.csv names 'a\.png'.* write names without \.jpg or \.png",
    class_only_in_validation: r"no training mask shows class 'left'",
    unlabelled_validation: r"no validation mask shows class 'ground'",
}


@pytest.mark.parametrize('damage', ERRORS)
def test_an_error_is_told_in_one_line(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    root = write_noise(tmp_path, NAMES)
    assert checked(root).split is not None
    damage(root)
    (root / SPLIT).unlink()
    check = checked(root)
    assert any(re.search(ERRORS[damage], sentence) for sentence in check.errors), check.errors
    assert not any('\n' in sentence for sentence in check.errors)


def test_groups_that_came_after_the_split_are_told_of(tmp_path: Path) -> None:
    root = write_noise(tmp_path, NAMES)
    assert checked(root).errors == []
    (root / 'groups.csv').write_text(
        'name,group\n' + ''.join(f'{n},{n in "abcd"}\n' for n in NAMES)
    )
    assert "has group 'False' of groups.csv on both sides" in checked(root).errors[0]


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    root = write_noise(tmp_path, NAMES)
    stray(root)
    (root / 'masks' / 'd.png').unlink()
    corrupt_mask = root / 'masks' / 'e.png'
    corrupt_mask.write_bytes(b'')
    errors = checked(root).errors
    assert len(errors) == 3
    assert not (root / SPLIT).exists(), 'no split is made of what can not be trained on'


def test_warnings_do_not_forbid_training(tmp_path: Path) -> None:
    root = write_noise(tmp_path, NAMES)
    paint(root, 'a', 0)
    shutil.copy(root / 'images' / 'a.png', root / 'images' / 'b.png')
    check = checked(root)
    assert check.errors == []
    assert [sentence.partition(';')[0] for sentence in warnings(check)] == [
        "'a' show nothing but background",
        "'a', 'b' are the same image",
    ]


def test_a_rare_class_is_warned_of(tmp_path: Path) -> None:
    root = write_noise(tmp_path, NAMES)
    for k, name in enumerate(NAMES):
        big = np.zeros((60, 90), np.uint8)
        big[:, 50:] = 2
        big[0, 0] = k % 2
        cv2.imwrite(str(root / 'masks' / f'{name}.png'), big)
        image = np.random.default_rng(k).integers(0, 256, (60, 90, 3), np.uint8)
        cv2.imwrite(str(root / 'images' / f'{name}.png'), image)
    assert any(
        "class 'left' has 0.009 % of the pixels" in each for each in warnings(checked(root))
    )


def test_a_folder_with_one_image_can_not_be_split(tmp_path: Path) -> None:
    assert 'too few to split' in checked(write_noise(tmp_path, 'a')).errors[0]


def test_a_folder_without_images_or_classes_is_refused(tmp_path: Path) -> None:
    root = write_noise(tmp_path)
    (root / 'classes.yaml').unlink()
    with pytest.raises(DataError, match=r'classes\.yaml'):
        checked(root)

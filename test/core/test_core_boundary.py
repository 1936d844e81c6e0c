"""Boundary IoU and nearness equal their definitions, by hand and pixel by pixel."""

from itertools import product
import math

from hypothesis import given
from hypothesis import strategies as st
from labelled import Labelled, labelled
import numpy as np
import pytest

from unet_perception.core.boundary import BoundaryIoU, near_boundary
from unet_perception.core.frame import U8
from unet_perception.core.scores import F64, IGNORE

SEEDS = st.integers(0, 2**32)
CLASSES = 3


def boundary_iou(image: Labelled, ratio: float = 0.02, classes: int = CLASSES) -> F64:
    scores = BoundaryIoU(classes, ratio)
    scores.add(image.truth, image.prediction)
    return scores.iou()


def of_masks(truth: U8, prediction: U8) -> F64:
    return boundary_iou(Labelled(truth, prediction, truth), classes=2)


def square(top: int, left: int) -> U8:
    """Draw 40x40 pixels of class 1 on 100x100 of class 0: the band is 3 pixels wide."""
    mask = np.zeros((100, 100), np.uint8)
    mask[top : top + 40, left : left + 40] = 1
    return mask


def test_a_shift_by_two_pixels_halves_boundary_iou() -> None:
    """Of two rings of 40² - 34² pixels each, 2 x 3 x 38 + 2 x 34 are common."""
    ring, common = 40**2 - 34**2, 2 * 3 * 38 + 2 * 34
    _, iou = of_masks(square(30, 30), square(30, 32))
    assert iou == common / (2 * ring - common) == 0.5


def test_a_shift_by_more_than_the_band_leaves_the_corners_where_bands_cross() -> None:
    _, iou = of_masks(square(30, 30), square(33, 33))
    crossings = 2 * 3 * 3
    assert iou == crossings / (2 * (40**2 - 34**2) - crossings)


def test_what_lies_inside_the_band_does_not_count() -> None:
    holed = square(30, 30)
    filled, holed[50, 50] = holed.copy(), IGNORE
    assert of_masks(filled, holed).tolist() == [1.0, 1.0]
    assert of_masks(filled, np.where(filled == 1, filled, np.uint8(1)))[1] < 0.5


def test_where_the_image_ends_the_mask_has_an_edge() -> None:
    """As in the paper's code, which pads masks with zeros."""
    full, half = np.ones((100, 100), np.uint8), np.ones((100, 100), np.uint8)
    half[:, 50:] = 0
    frame, left = 100**2 - 94**2, 100 * 50 - 94 * 44
    common = left - 94 * 3  # the inner side of the left half is in its band only
    assert of_masks(full, half)[1] == common / (frame + left - common)


def bands(mask: U8, width: int) -> list[set[tuple[int, int]]]:
    """Of each class: its pixels with another class or the outside in a square around them."""
    padded = np.pad(mask, width, constant_values=IGNORE - 1)  # no class, and labelled
    found: list[set[tuple[int, int]]] = [set() for _ in range(CLASSES)]
    for y, x in product(*map(range, mask.shape)):
        around = padded[y : y + 2 * width + 1, x : x + 2 * width + 1]
        if mask[y, x] != IGNORE and ((around != mask[y, x]) & (around != IGNORE)).any():
            found[mask[y, x]].add((y, x))
    return found


@given(SEEDS, st.sampled_from([0.0, 0.02, 0.07, 0.2, 1.0]))
def test_boundary_iou_equals_its_definition_on_sets_of_pixels(seed: int, ratio: float) -> None:
    image = labelled(seed, CLASSES)
    width = max(1, round(ratio * math.hypot(*image.truth.shape)))
    wanted, found = (
        bands(np.where(image.used, mask, np.uint8(IGNORE)), width) for mask in image[:2]
    )
    for k, iou in enumerate(boundary_iou(image, ratio)):
        both, either = wanted[k] & found[k], wanted[k] | found[k]
        assert math.isnan(iou) if not either else iou == len(both) / len(either)


@given(SEEDS)
def test_without_ignored_pixels_it_is_the_erosion_of_the_papers_code(seed: int) -> None:
    ndimage = pytest.importorskip('scipy.ndimage', reason='SciPy is not installed')
    random = np.random.default_rng(seed)
    truth, prediction = np.kron(random.integers(0, 3, (2, 9, 12)), np.ones((1, 7, 7), int))
    prediction[random.random(prediction.shape) < 0.01] = 1
    width = round(0.02 * math.hypot(*truth.shape))
    eroded = [
        [
            (mask == k) & ~ndimage.binary_erosion(mask == k, np.ones((3, 3)), iterations=width)
            for k in range(3)
        ]
        for mask in (truth, prediction)
    ]
    ours = boundary_iou(Labelled(*np.uint8([truth, prediction, truth])))
    for iou, wanted, found in zip(ours, *eroded, strict=True):
        assert iou == (wanted & found).sum() / (wanted | found).sum()


@given(SEEDS)
def test_a_perfect_answer_has_boundary_iou_1_however_little_is_labelled(seed: int) -> None:
    image = labelled(seed, CLASSES)
    unsure = np.where(image.prediction == IGNORE, np.uint8(IGNORE), image.truth)
    iou = boundary_iou(Labelled(image.truth, unsure, image.confidence))
    assert set(iou[~np.isnan(iou)]) <= {1.0}


@given(SEEDS, SEEDS)
def test_what_is_answered_where_nothing_is_labelled_changes_nothing(one: int, two: int) -> None:
    image = labelled(one, CLASSES)
    noise = np.random.default_rng(two).integers(0, CLASSES, image.truth.shape, np.uint8)
    other = np.where(image.truth == IGNORE, noise, image.prediction)
    after = boundary_iou(image._replace(prediction=other))
    assert np.array_equal(boundary_iou(image), after, equal_nan=True)


def test_images_add_their_bands_up_in_any_order() -> None:
    images = [labelled(seed, CLASSES) for seed in range(3)]
    forth, back = BoundaryIoU(CLASSES), BoundaryIoU(CLASSES)
    for image in images:
        forth.add(image.truth, image.prediction)
    for image in images[::-1]:
        back.add(image.truth, image.prediction)
    assert np.array_equal(forth.iou(), back.iou())
    assert not np.array_equal(forth.iou(), boundary_iou(images[0]))
    assert forth.miou() == forth.iou().mean()


@pytest.mark.parametrize(('distance', 'pixels'), [(0, 0), (1, 2), (8, 16), (50, 100)])
def test_as_many_columns_are_near_on_each_side_of_a_boundary(distance: int, pixels: int) -> None:
    mask = np.zeros((20, 100), np.uint8)
    mask[:, 50:] = 1
    near = near_boundary(mask, distance)
    assert near.sum() == 20 * pixels
    assert near[:, 50 - pixels // 2 : 50 + pixels // 2].all()


def test_nearness_is_round() -> None:
    mask = np.zeros((41, 41), np.uint8)
    mask[20, 20] = 1
    near = near_boundary(mask, 8)
    assert near[20, 28]
    assert near[25, 26]  # 5² + 6² < 8²
    assert not near[26, 26]  # 6² + 6² > 8²
    assert not near[20, 29]


@given(SEEDS, st.integers(0, 9))
def test_near_is_what_has_another_class_within_the_distance(seed: int, distance: int) -> None:
    mask = labelled(seed, CLASSES, most=16).truth
    pixels = [(y, x, int(mask[y, x])) for y, x in np.argwhere(mask != IGNORE).tolist()]
    expected = {
        (y, x)
        for y, x, k in pixels
        if any(k != other and math.hypot(y - v, x - u) <= distance for v, u, other in pixels)
    }
    assert set(map(tuple, np.argwhere(near_boundary(mask, distance)).tolist())) == expected


def test_beside_unlabelled_pixels_is_no_boundary_but_across_a_line_of_them_there_is() -> None:
    mask = np.zeros((20, 40), np.uint8)
    mask[:, 20:] = IGNORE
    assert not near_boundary(mask, 8).any()
    mask[:, 23:] = 1
    columns = np.flatnonzero(near_boundary(mask, 8).all(0))
    assert columns.tolist() == [*range(15, 20), *range(23, 28)]

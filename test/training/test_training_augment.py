"""Random views: image and mask move together, ids stay ids, seeds decide everything."""

import cv2
import numpy as np
import pytest

from unet_perception.core.frame import U8
from unet_perception.core.geometry import Size
from unet_perception.core.scores import IGNORE
from unet_perception.training import augment
from unet_perception.training.augment import random_view

SIZE = Size(96, 160)


def disc() -> tuple[U8, U8]:
    """Return a bright disc on a dark ground, off the centre, and its mask."""
    mask = cv2.circle(np.zeros((120, 180), np.uint8), (80, 70), 34, (1,), -1)
    image = np.where(mask, np.uint8(210), np.uint8(40))
    return np.repeat(image[..., None], 3, 2), mask


def iou_of_view(seed: int) -> float:
    """Compare the mask's view with the bright part of the image's view."""
    view, label = random_view(*disc(), SIZE, np.random.default_rng(seed))
    grey, inside, outside = view.mean(2), label == 1, label == 0
    bright = grey > (grey[inside].mean() + grey[outside].mean()) / 2
    return float((bright & inside).sum() / (bright | inside).sum())


@pytest.fixture
def unlit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, '_relit', lambda image, rng: image)


@pytest.mark.usefixtures('unlit')
def test_the_mask_moves_exactly_with_the_image() -> None:
    assert min(iou_of_view(seed) for seed in range(100)) > 0.95


def test_the_mask_still_covers_its_object_in_any_light() -> None:
    ious = np.array([iou_of_view(seed) for seed in range(100)])
    assert np.median(ious) > 0.95
    assert ious.min() > 0.6, 'a shadow may hide a part of the object, no more'


@pytest.mark.parametrize('source', [(120, 180), (240, 100), (30, 40)])
def test_a_view_has_the_size_of_the_network(source: tuple[int, int]) -> None:
    image, mask = np.zeros((*source, 3), np.uint8), np.zeros(source, np.uint8)
    view, label = random_view(image, mask, SIZE, np.random.default_rng(0))
    assert (view.shape, view.dtype) == ((*SIZE, 3), np.uint8)
    assert (label.shape, label.dtype) == (SIZE, np.uint8)


def test_ids_never_blend() -> None:
    mask = np.random.default_rng(0).choice(np.array([0, 3, 7], np.uint8), (60, 90))
    image = np.zeros((60, 90, 3), np.uint8)
    for seed in range(50):
        _, label = random_view(image, mask, SIZE, np.random.default_rng(seed))
        assert set(np.unique(label)) <= {0, 3, 7, IGNORE}


@pytest.mark.usefixtures('unlit')
def test_what_lies_outside_the_image_is_not_labelled() -> None:
    white, zeros = np.full((60, 90, 3), 255, np.uint8), np.zeros((60, 90), np.uint8)
    margins = 0
    for seed in range(50):
        view, label = random_view(white, zeros, SIZE, np.random.default_rng(seed))
        assert (label[view[..., 0] == 0] == IGNORE).all()
        assert (label[view[..., 0] == 255] == 0).all()
        margins += (label == IGNORE).any()
    assert margins > 10


def test_unlabelled_pixels_stay_unlabelled() -> None:
    image, mask = np.zeros((60, 90, 3), np.uint8), np.full((60, 90), IGNORE, np.uint8)
    assert (random_view(image, mask, SIZE, np.random.default_rng(0))[1] == IGNORE).all()


@pytest.mark.parametrize('seed', range(20))
def test_the_seed_alone_decides(seed: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 180, 3), np.uint8)
    mask = disc()[1]
    first, again, other = (
        random_view(noise, mask, SIZE, np.random.default_rng(s)) for s in (seed, seed, seed + 100)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_views_are_mirrored_half_of_the_time() -> None:
    left = np.zeros((60, 90, 3), np.uint8)
    left[:, :45] = 255
    views = [
        random_view(left, np.zeros((60, 90), np.uint8), SIZE, np.random.default_rng(seed))[0]
        for seed in range(100)
    ]
    unmirrored = sum(int(v[:, :80].mean() > v[:, 80:].mean()) for v in views)
    assert 30 < unmirrored < 70

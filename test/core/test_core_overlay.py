"""The picture shows each class in its colour and leaves the background alone."""

from helpers import noise
import numpy as np

from unet_perception.core.overlay import UNKNOWN_COLOR, bgr_table, overlay

COLORS = [(0, 0, 0), (255, 128, 0), (10, 20, 30)]
BGR = noise(6, 8, 3)


def painted(k: int, opacity: float) -> np.ndarray:
    mask = np.full(BGR.shape[:2], k, np.uint8)
    return overlay(BGR, mask, bgr_table(COLORS), opacity)


def test_the_background_stays_as_it_is() -> None:
    assert np.array_equal(painted(0, 0.9), BGR)


def test_a_class_is_tinted_with_its_own_colour_as_bgr() -> None:
    assert (painted(1, 1.0) == (0, 128, 255)).all()
    assert (painted(2, 1.0) == (30, 20, 10)).all()
    half = (BGR.astype(float) + np.array([0, 128, 255])) / 2
    assert np.abs(painted(1, 0.5) - half).max() <= 0.5


def test_unknown_and_unheard_of_classes_are_dark() -> None:
    assert (painted(255, 1.0) == UNKNOWN_COLOR).all()
    assert (painted(3, 1.0) == UNKNOWN_COLOR).all()


def test_each_pixel_has_its_own_class_and_the_image_is_not_touched() -> None:
    mask = np.zeros(BGR.shape[:2], np.uint8)
    mask[2, 3] = 1
    before = BGR.copy()
    picture = overlay(BGR, mask, bgr_table(COLORS), 1.0)
    changed = (picture != BGR).any(2)
    assert np.argwhere(changed).tolist() == [[2, 3]]
    assert np.array_equal(BGR, before)

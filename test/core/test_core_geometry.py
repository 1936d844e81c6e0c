"""Camera pixels reach the network's canvas and come back to where they were."""

import math

import cv2
from helpers import noise
from hypothesis import assume, given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.frame import U8
from unet_perception.core.geometry import Placement, Resize, Size, placement_from_sizes

SIZES = st.builds(Size, st.integers(1, 400), st.integers(1, 400))
NETWORKS = st.builds(Size, st.integers(8, 200), st.integers(8, 200))
RESIZES = st.sampled_from(Resize)


def sent_and_returned(place: Placement, image: U8) -> U8:
    canvas, back = np.zeros(place.network, np.uint8), np.zeros(place.source, np.uint8)
    place.apply(image, canvas)
    place.undo(place.content(canvas), back)
    return back


@given(SIZES, NETWORKS)
def test_a_letterboxed_image_is_inside_centred_and_touches_two_sides(
    source: Size, network: Size
) -> None:
    place = placement_from_sizes(source, network, Resize.LETTERBOX)
    right, below = network.width - place.x - place.width, network.height - place.y - place.height
    assert min(place.x, place.y, right, below) == 0
    assert 0 <= right - place.x <= 1
    assert 0 <= below - place.y <= 1


@given(SIZES, NETWORKS)
def test_letterboxing_keeps_the_aspect_within_a_pixel(source: Size, network: Size) -> None:
    place = placement_from_sizes(source, network, Resize.LETTERBOX)
    scale = min(network.height / source.height, network.width / source.width)
    assert abs(place.width - source.width * scale) <= 0.5 or place.width == 1
    assert abs(place.height - source.height * scale) <= 0.5 or place.height == 1


def test_720p_lies_between_two_bars_of_a_square_and_fills_its_own_shape() -> None:
    camera = Size(720, 1280)
    square = placement_from_sizes(camera, Size(512, 512), Resize.LETTERBOX)
    assert square[2:] == (0, 112, 512, 288)
    assert placement_from_sizes(camera, Size(360, 640), Resize.LETTERBOX)[2:] == (0, 0, 640, 360)


@given(SIZES, NETWORKS)
def test_stretching_leaves_nothing_over(source: Size, network: Size) -> None:
    place = placement_from_sizes(source, network, Resize.STRETCH)
    assert place[2:] == (0, 0, network.width, network.height)


@given(SIZES, NETWORKS, RESIZES, st.sampled_from([(), (3,)]))
def test_apply_writes_its_rectangle_and_nothing_else(
    source: Size, network: Size, resize: Resize, channels: tuple[int, ...]
) -> None:
    place = placement_from_sizes(source, network, resize)
    image, canvas = noise(*source, *channels), np.full((*network, *channels), 7, np.uint8)
    place.apply(image, canvas)
    expected = cv2.resize(image, (place.width, place.height)).reshape(
        place.height, place.width, *channels
    )
    assert np.array_equal(place.content(canvas), expected)
    place.content(canvas)[:] = 7
    assert (canvas == 7).all()


@given(SIZES, NETWORKS, RESIZES, st.integers(0, 255))
def test_a_constant_comes_back_as_it_was(
    source: Size, network: Size, resize: Resize, value: int
) -> None:
    place = placement_from_sizes(source, network, resize)
    assert (sent_and_returned(place, np.full(source, value, np.uint8)) == value).all()


@pytest.mark.parametrize('axis', [0, 1])
@given(
    source=st.builds(Size, st.integers(8, 32), st.integers(8, 32)),
    network=st.builds(Size, st.integers(8, 64), st.integers(8, 64)),
    resize=RESIZES,
)
def test_a_ramp_comes_back_to_the_same_pixels(
    axis: int, source: Size, network: Size, resize: Resize
) -> None:
    """Half a pixel of offset would be 4 levels of the flattest ramp, 18 of the steepest."""
    place = placement_from_sizes(source, network, resize)
    length, placed = source[axis], (place.height, place.width)[axis]
    assume(placed >= 4)
    levels = np.linspace(0, 255, length).round().astype(np.uint8)
    ramp = np.broadcast_to(levels if axis else levels[:, None], source).copy()
    error = np.abs(sent_and_returned(place, ramp).astype(int) - ramp)
    edge = math.ceil(length / placed)  # there is nothing to interpolate with beyond it
    inner = slice(edge, length - edge)
    assert error[:, inner].max(initial=0) <= 2 if axis else error[inner].max(initial=0) <= 2

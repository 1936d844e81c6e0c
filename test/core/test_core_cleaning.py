"""Specks go, gaps close, and nobody is told that the network saw what it did not see."""

import tracemalloc

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.cleaning import Cleaner, Cleaning
from unet_perception.core.frame import U8
from unet_perception.core.geometry import Resize, Size, placement_from_sizes
from unet_perception.core.postprocess import MaskBuffers

NETWORK = Size(40, 60)
UNKNOWN = 255


def planes_from_ids(ids: U8, classes: int = 3, sure: int = 200) -> U8:
    """Return probabilities whose argmax is `ids`: `sure` for it, the rest shared."""
    rest = (255 - sure) // (classes - 1)
    return np.where(ids == np.arange(classes)[:, None, None], sure, rest).astype(np.uint8)


def cleaned(ids: U8, **settings: int) -> U8:
    """Return the cleaned ids at network size, 255 where a pixel was removed."""
    buffers = buffers_for(Size(*ids.shape), Cleaning(**settings))
    buffers.segment(planes_from_ids(ids), 0)
    return buffers.mask


def buffers_for(source: Size, cleaning: Cleaning, network: Size | None = None) -> MaskBuffers:
    placement = placement_from_sizes(source, network or source, Resize.LETTERBOX)
    return MaskBuffers(placement, 3, cleaning)


def blank(*shape: int) -> U8:
    return np.zeros(shape or NETWORK, np.uint8)


def test_a_region_smaller_than_asked_is_unknown_and_a_larger_one_stays() -> None:
    ids = blank()
    ids[5:8, 5:8] = 1  # 9 pixels
    ids[20:24, 20:25] = 2  # 20 pixels
    expected = ids.copy()
    expected[5:8, 5:8] = UNKNOWN
    assert np.array_equal(cleaned(ids, min_region_px=10), expected)
    assert np.array_equal(cleaned(ids, min_region_px=9), ids)


def test_a_hole_is_a_region_too() -> None:
    ids = np.ones(NETWORK, np.uint8)
    ids[10:12, 10:12] = 0
    assert (cleaned(ids, min_region_px=5)[10:12, 10:12] == UNKNOWN).all()


def test_pixels_that_touch_at_a_corner_are_one_region() -> None:
    ids = blank()
    ids[5:8, 5:8] = ids[8:11, 8:11] = 1  # 18 pixels
    assert np.array_equal(cleaned(ids, min_region_px=15), ids)


def test_opening_removes_what_is_thin_and_leaves_what_is_thick() -> None:
    ids = blank()
    ids[10:30, 10:30] = 1
    ids[20, 30:50] = 1  # a whisker
    found = cleaned(ids, opening_px=5)
    assert (found[20, 32:50] == UNKNOWN).all()
    assert (found[14:26, 14:26] == 1).all()
    assert (found[:5] == 0).all()


def test_closing_fills_a_gap_with_the_probability_that_the_network_gave_it() -> None:
    ids = np.ones(NETWORK, np.uint8)
    ids[:, 30:32] = 0
    buffers = buffers_for(NETWORK, Cleaning(closing_px=5))
    probabilities = planes_from_ids(ids, sure=201)
    buffers.segment(probabilities, 0)
    assert (buffers.mask == 1).all()
    assert (buffers.confidence[:, 30:32] == probabilities[1, 0, 30]).all()
    assert (buffers.confidence[:, :30] == 201).all()


def test_a_filled_pixel_of_which_the_network_saw_nothing_has_confidence_next_to_none() -> None:
    ids = np.ones(NETWORK, np.uint8)
    ids[:, 30] = 0
    buffers = buffers_for(NETWORK, Cleaning(closing_px=5))
    buffers.segment(planes_from_ids(ids, sure=255), 0)
    assert (buffers.mask == 1).all()
    assert set(np.unique(buffers.confidence[:, 30])) == {1}


def test_closing_leaves_alone_what_the_network_took_for_another_class() -> None:
    ids = np.ones(NETWORK, np.uint8)
    ids[:, 28:32] = 2  # a painted line on the road
    assert np.array_equal(cleaned(ids, closing_px=7), ids)


def test_closing_fills_what_opening_removed() -> None:
    ids = np.ones(NETWORK, np.uint8)
    ids[:, 30:32] = 2
    assert (cleaned(ids, opening_px=5)[:, 30:32] == UNKNOWN).all()
    assert (cleaned(ids, opening_px=5, closing_px=5) == 1).all()


def test_removed_pixels_are_unknown_with_confidence_0_at_camera_size() -> None:
    ids = blank()
    ids[20, 20] = 1
    buffers = buffers_for(Size(80, 120), Cleaning(min_region_px=4), NETWORK)
    buffers.segment(planes_from_ids(ids), 0)
    expected = blank(80, 120)
    expected[40:42, 40:42] = UNKNOWN
    assert np.array_equal(buffers.mask, expected)
    assert not buffers.confidence[40:42, 40:42].any()
    assert buffers.confidence[:30].all()


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(0, 2**32),
    st.sampled_from([Cleaning(3), Cleaning(0, 5), Cleaning(0, 0, 20), Cleaning(3, 5, 20)]),
)
def test_whatever_comes_unknown_is_where_confidence_was_taken(
    height: int, width: int, seed: int, cleaning: Cleaning
) -> None:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 3, (10, 15)).astype(np.uint8)
    ids = cv2.resize(coarse, NETWORK[::-1], interpolation=cv2.INTER_NEAREST)
    buffers = buffers_for(Size(height, width), cleaning, NETWORK)
    plain = buffers_for(Size(height, width), Cleaning(), NETWORK)
    probabilities = planes_from_ids(ids)
    before = probabilities.copy()
    for each in (buffers, plain):
        each.segment(probabilities, 0)
    assert np.array_equal(probabilities, before), "the engine's planes are its own"
    unknown = buffers.mask == UNKNOWN
    assert not buffers.confidence[unknown].any()
    assert set(np.unique(buffers.mask)) <= {0, 1, 2, UNKNOWN}
    assert (buffers.confidence <= plain.confidence).all(), 'cleaning never adds confidence'


@given(st.integers(0, 2**32), st.integers(2, 60))
def test_no_region_is_left_that_is_smaller_than_asked(seed: int, least: int) -> None:
    ids = np.random.default_rng(seed).integers(0, 3, (20, 30)).astype(np.uint8)
    found = cleaned(ids, min_region_px=least)
    for k in range(3):
        _, _, regions, _ = cv2.connectedComponentsWithStats((found == k).astype(np.uint8))
        assert (regions[1:, cv2.CC_STAT_AREA] >= least).all()


def test_the_padding_of_the_letterbox_belongs_to_no_region() -> None:
    network = Size(40, 40)
    probabilities = planes_from_ids(blank(*network))  # the padding is class 0, as the image is not
    probabilities[:, 15:25] = planes_from_ids(np.ones((10, 40), np.uint8))
    probabilities[:, 15, :3] = planes_from_ids(blank(1, 3))[:, 0]
    buffers = buffers_for(Size(10, 40), Cleaning(min_region_px=10), network)
    buffers.segment(probabilities, 0)
    assert (buffers.mask[0, :3] == UNKNOWN).all()
    assert (buffers.mask[1:] == 1).all()


@pytest.mark.parametrize('cleaning', [Cleaning(), Cleaning(1, 1, 1)])
def test_sizes_up_to_1_change_nothing(cleaning: Cleaning) -> None:
    ids = np.random.default_rng(1).integers(0, 3, NETWORK).astype(np.uint8)
    buffers = buffers_for(NETWORK, cleaning)
    buffers.segment(planes_from_ids(ids), 0)
    assert np.array_equal(buffers.mask, ids)


def test_only_the_list_of_regions_is_allocated_per_image() -> None:
    ids = blank(256, 512)
    cv2.circle(ids, (200, 100), 60, (1,), -1)
    ids[5, 5] = ids[250, 500] = 2
    cleaner, planes = Cleaner(Cleaning(3, 5, 50), 3, 256, 512), planes_from_ids(ids)
    cleaner.clean(planes)
    tracemalloc.start()
    try:
        cleaner.clean(planes)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4096

"""The mask is the argmax of linearly upsampled probabilities, bit for bit."""

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.frame import U8
from unet_perception.core.geometry import Resize, Size, placement_from_sizes
from unet_perception.core.postprocess import MaskBuffers

NETWORK = Size(24, 40)
CAMERA = Size(33, 57)
SEEDS = st.integers(0, 2**32)
SOURCES = st.builds(Size, st.integers(1, 80), st.integers(1, 80))


def planes(classes: int, levels: int, seed: int) -> U8:
    """Return random probabilities (C, h, w); few levels make many ties."""
    random = np.random.default_rng(seed)
    return (random.integers(0, levels, (classes, *NETWORK)) * (255 // (levels - 1))).astype('u1')


def buffers_for(source: Size, resize: Resize = Resize.LETTERBOX) -> MaskBuffers:
    return MaskBuffers(placement_from_sizes(source, NETWORK, resize), 3)


def upsampled(buffers: MaskBuffers, probabilities: U8) -> U8:
    """Return all planes at camera size, as numpy sees them."""
    place, source = buffers.placement, buffers.placement.source
    rows, columns = slice(place.y, place.y + place.height), slice(place.x, place.x + place.width)
    contents = [np.ascontiguousarray(plane[rows, columns]) for plane in probabilities]
    size = (source.width, source.height)
    return np.stack([cv2.resize(c, size).reshape(source) for c in contents])


@given(SOURCES, st.sampled_from(Resize), st.integers(2, 8), st.sampled_from([2, 4, 256]), SEEDS)
def test_mask_and_confidence_equal_numpys(
    source: Size, resize: Resize, classes: int, levels: int, seed: int
) -> None:
    probabilities = planes(classes, levels, seed)
    buffers = buffers_for(source, resize)
    buffers.segment(probabilities, 0)
    expected = upsampled(buffers, probabilities)
    assert np.array_equal(buffers.mask, expected.argmax(0))
    assert np.array_equal(buffers.confidence, expected.max(0))


@pytest.mark.parametrize('classes', range(2, 9))
def test_a_tie_goes_to_the_lower_id(classes: int) -> None:
    buffers = buffers_for(CAMERA)
    buffers.segment(np.full((classes, *NETWORK), 99, np.uint8), 0)
    assert (buffers.mask == 0).all()
    assert (buffers.confidence == 99).all()


@given(st.integers(0, 255), st.integers(2, 8), SEEDS)
def test_below_the_threshold_and_only_there_the_class_is_unknown(
    threshold: int, classes: int, seed: int
) -> None:
    probabilities = planes(classes, 256, seed)
    known, thresholded = buffers_for(CAMERA), buffers_for(CAMERA)
    known.segment(probabilities, 0)
    thresholded.segment(probabilities, threshold)
    expected = np.where(known.confidence < threshold, 255, known.mask)
    assert np.array_equal(thresholded.mask, expected)
    assert np.array_equal(thresholded.confidence, known.confidence)


def test_nothing_of_the_frame_before_remains() -> None:
    used, fresh = buffers_for(CAMERA), buffers_for(CAMERA)
    used.segment(planes(8, 2, 1), 255)
    for buffers in (used, fresh):
        buffers.segment(planes(3, 256, 2), 100)
    assert np.array_equal(used.mask, fresh.mask)
    assert np.array_equal(used.confidence, fresh.confidence)


def test_the_bars_of_the_letterbox_never_reach_the_mask() -> None:
    """Garbage above and below the image is cut off before anything is interpolated."""
    buffers = buffers_for(Size(10, 80))
    probabilities = np.zeros((2, *NETWORK), np.uint8)
    probabilities[1] = 255
    buffers.placement.content(probabilities[1])[:] = 0
    buffers.segment(probabilities, 0)
    assert (buffers.mask == 0).all()
    assert (buffers.confidence == 0).all()


def iou(truth: U8, mask: U8) -> float:
    return float((truth & mask).sum() / (truth | mask).sum())


def test_a_thin_line_survives_better_than_by_upsampling_the_argmax() -> None:
    """A network that is right about every one of its own pixels is given lines at 720p."""
    truth = np.zeros((720, 1280), np.uint8)
    for x in range(100, 1200, 120):
        cv2.line(truth, (x, 719), (640 + (x - 640) // 4, 300), 1, 7)
    place = placement_from_sizes(Size(720, 1280), Size(256, 512), Resize.LETTERBOX)
    line = np.zeros(place.network, np.uint8)
    place.content(line)[:] = cv2.resize(
        truth * 255, (place.width, place.height), interpolation=cv2.INTER_AREA
    )
    buffers = MaskBuffers(place, 2)
    buffers.segment(np.stack([255 - line, line]), 0)
    cut = np.ascontiguousarray(place.content((line > 127).astype(np.uint8)))
    nearest = cv2.resize(cut, (1280, 720), interpolation=cv2.INTER_NEAREST)
    assert iou(truth, buffers.mask) > 0.93
    assert iou(truth, buffers.mask) > iou(truth, nearest) + 0.05

"""Which pixels of a road may be real markings: bright or yellow ridges, thin for their distance.

Knows pixels and the road's shape; not what is painted. Prefers to find too much: what it finds
is not taught at all, what it misses would be taught as bare road.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ...core.frame import U8
from .lanes_ground import F32, Road

_ACROSS = 640  # columns over the straightened strip
_LOW, _HIGH = -0.12, 1.12  # of the road's width: edge lines may lie outside the label
_SCALES = (1.5, 3.0, 5.0, 9.0)  # half a line's width, in columns of the strip
_OPENINGS = (9, 27)  # pixels at 640 across: what is thinner, in any direction, stands out
_REACH = 0.012  # of the image's width: how far outside the label a marking still counts


class _Limits(NamedTuple):
    """What a contrast must exceed: times its own spread, share of brightness, grey levels."""

    spread: float
    share: float
    levels: float


_ALONG, _FREE = _Limits(3.5, 0.03, 1.5), _Limits(6.0, 0.10, 8.0)


class _View(NamedTuple):
    """What is searched: two planes, the brightness of the road around, and where the road is."""

    planes: tuple[F32, F32]
    """Brightness and yellowness."""
    around: F32
    road: U8


def ridges(image: U8, road: U8, shape: Road | None) -> U8:
    """Return ones (H, W) where `image` (H, W, 3) RGB may show markings, on or beside `road`.

    Ridges that run along the road are sought in a strip where the road is straight and of one
    width, so that long faint lines add up; ridges of any direction in the image itself.
    """
    reach = max(2, round(_REACH * image.shape[1]))
    near = cv2.dilate(road, np.ones((2 * reach + 1,) * 2, np.uint8))
    view = _view(image, road)
    found = _free(view, near)
    if shape is not None:
        found |= _along(view, shape)
    grow = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    marked: U8 = cv2.dilate(found, grow) & near
    return marked


def _view(image: U8, road: U8) -> _View:
    x = image.astype(np.float32)
    grey = x.mean(axis=2)
    yellow = (np.minimum(x[..., 0], x[..., 1]) - x[..., 2]) * np.float32(0.7)
    on = road.astype(np.float32)
    around = cv2.blur(grey * on, (31, 31)) / np.maximum(cv2.blur(on, (31, 31)), np.float32(1e-3))
    return _View((grey, yellow), around, road)


def _along(view: _View, shape: Road) -> U8:
    """Find ridges along the road, in the strip; back in the image."""
    height, width = view.road.shape
    rows = np.arange(shape.far, height, dtype=np.float64)
    left, wide = shape.columns(rows, 0.0), shape.widths(rows)
    across = np.linspace(_LOW, _HIGH, _ACROSS)
    to_x = shape.columns(rows[:, None], across[None]).astype(np.float32)
    to_y = np.broadcast_to(rows[:, None], to_x.shape).astype(np.float32)
    road = cv2.remap(view.road, to_x, to_y, cv2.INTER_NEAREST)
    planes = (*view.planes, view.around)
    bright, yellow, around = (cv2.remap(p, to_x, to_y, cv2.INTER_LINEAR) for p in planes)
    found = _upright(bright, around, road) | _upright(yellow, around, road)
    columns = np.arange(width)
    back = ((columns - left[:, None]) / wide[:, None] - _LOW) * ((_ACROSS - 1) / (_HIGH - _LOW))
    to_row = np.broadcast_to((rows - shape.far)[:, None], back.shape).astype(np.float32)
    image = np.zeros_like(view.road)
    image[shape.far :] = cv2.remap(found, back.astype(np.float32), to_row, cv2.INTER_NEAREST)
    return image


def _upright(strip: F32, around: F32, road: U8) -> U8:
    """Find upright ridges: brighter than both sides, over many rows."""
    fine = cv2.blur(strip, (3, 17))
    found = np.zeros(strip.shape, np.uint8)
    for scale in _SCALES:
        smooth = cv2.blur(fine, (round(2 * scale) | 1, 1))
        away = round(3 * scale)
        sides = np.maximum(np.roll(smooth, away, 1), np.roll(smooth, -away, 1))
        found |= _above(np.minimum(smooth, fine) - sides, around, road, _ALONG)
    return _keep_long(found, 20)


def _free(view: _View, near: U8) -> U8:
    """Find strong thin structures of any direction: what an opening removes (top-hat)."""
    found = np.zeros(view.road.shape, np.uint8)
    for plane in view.planes:
        smooth = cv2.GaussianBlur(plane, (0, 0), 1.0)
        for size in _OPENINGS:
            side = max(3, round(size * view.road.shape[1] / 640) | 1)
            hat = cv2.morphologyEx(smooth, cv2.MORPH_TOPHAT, np.ones((side, side), np.uint8))
            found |= _above(hat, view.around, view.road, _FREE)
    return _keep_long(found & near, 14)


def _above(contrast: F32, around: F32, road: U8, limits: _Limits) -> U8:
    """Return ones where a contrast exceeds its limits; its spread is that of most of the road.

    It may stand out as it is, or as a share of the brightness around: no shade hides a marking,
    and none is too wide to stand out from itself.
    """
    share = contrast / (around + np.float32(1.0))
    stands_out = [c > limits.spread * _spread(c, road) for c in (contrast, share)]
    is_above = (stands_out[0] | stands_out[1]) & (share > limits.share)
    above: U8 = (is_above & (contrast > limits.levels)).astype(np.uint8)
    return above


def _spread(contrast: F32, road: U8) -> float:
    """Return the spread on the road as if normal, from the median of its size."""
    values = np.abs(contrast[::5, ::5][road[::5, ::5] > 0])
    return 1.4826 * float(np.median(values)) if values.size else 0.0


def _keep_long(found: U8, least: int) -> U8:
    """Drop pieces that are short in both directions."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(found)
    is_long = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) >= least
    is_long[0] = False
    kept: U8 = is_long[labels].astype(np.uint8)
    return kept

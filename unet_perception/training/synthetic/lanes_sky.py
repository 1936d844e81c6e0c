"""Where a road photo shows sky, and how another sky is put there.

Knows pixels, light and the horizon; not what the new sky looks like, nor labels.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.frame import U8
from ..chance import Rng
from .lanes_clouds import random_sky
from .lanes_ground import F32, Road

_SIDE = 320  # columns in which sky is sought
_BELOW, _ROLL = 0.02, 0.22  # of the height below the fitted horizon that is sought; slope, aside
_CUT = 0.03  # of the columns: more of them mustn't show sky where the search ends
_FLAT = 11.0  # grey levels: the greatest spread of sky over 5x5 pixels
_LEAST, _STEP = 0.03, 22.0  # share of the image; grey levels from sky to what it ends at
_FRAME, _TRIANGLE = 7, 0.75  # grey levels; how well a corner of one colour fills a triangle
_REACH = 0.012  # of the width: how far leaves and wires reach into the sky
_TINT = (0.0, 0.35)  # of the change of the sky's light, that the rest of the photo follows
Mask = NDArray[np.bool_]


class Sky(NamedTuple):
    """Sky in a photo."""

    matte: F32
    """Share of each pixel that is sky (H, W)."""
    light: F32
    """Linear light of the sky nearby (H, W, 3)."""


def under_new_sky(light: F32, sky: Sky, horizon: float, rng: Rng) -> F32:
    """Return a photo's light (H, W, 3) under a random sky, and in its tint.

    A pixel that is partly sky gets that share of the difference, so that nothing of the old sky
    is left between leaves.
    """
    new = random_sky(sky.matte.shape, horizon, rng)
    share = sky.matte[..., None]
    weight = max(float(sky.matte.sum()), 1e-6)
    before, after = ((plane * share).sum(axis=(0, 1)) / weight for plane in (sky.light, new))
    change = np.clip((after + 0.03) / (before + 0.03), 0.15, 1.6)
    tint = (change ** rng.uniform(*_TINT)).astype(np.float32)
    rest = np.maximum((light - sky.light * share) * tint, 0)
    changed: F32 = rest + new * share
    return changed


def sky_from_photo(image: U8, light: F32, road: U8, shape: Road) -> Sky | None:
    """Find the sky of a photo (H, W, 3) RGB, above the road's horizon; None if there is doubt.

    Sky is flat, brighter than the land or blue, reaches the upper edge (or the frame of a turned
    photo), ends at a visible step, and does not touch the road.
    """
    height, width = road.shape
    shrink = min(1.0, _SIDE / width)
    size = (round(width * shrink), round(height * shrink))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    on = cv2.resize(road, size, interpolation=cv2.INTER_NEAREST)
    core = _core(small, on, _may_be_sky(shape, height, size, shrink))
    if core is None:
        return None
    core = cv2.resize(core, (width, height), interpolation=cv2.INTER_NEAREST)
    return _with_matte(light, core, road)


def _may_be_sky(shape: Road, height: int, size: tuple[int, int], shrink: float) -> Mask:
    """Return where sky is sought (h, w): above the horizon, which in a rolled photo is aslant."""
    middle = float(shape.columns(np.array([shape.far], np.float64), 0.5)[0])
    aside = np.abs(np.arange(size[0]) + 0.5 - np.clip(middle * shrink, 0, size[0]))
    end = (shape.horizon + _BELOW * height) * shrink + _ROLL * aside
    may_be: Mask = np.arange(size[1])[:, None] < end
    return may_be


def _core(image: U8, road: U8, may_be: Mask) -> U8 | None:
    """Return ones (h, w) where there is surely sky."""
    value = image.max(axis=2).astype(np.float32)
    land = (road == 0) & ~may_be
    if not land.any():
        return None
    is_like = _is_like_sky(image, value, float(np.median(value[land])))
    is_like &= may_be & (cv2.dilate(road, np.ones((9, 9), np.uint8)) == 0)
    flat = (is_like & (_spread(value) < _FLAT)).astype(np.uint8)
    flat = cv2.morphologyEx(flat, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    frame = _frame(image)
    core = _from_above(flat, frame)
    core = cv2.morphologyEx(core, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    core &= is_like.astype(np.uint8)
    if not _is_sure(core, value, may_be):
        return None
    is_above = np.maximum.accumulate(core[::-1], axis=0)[::-1]
    both = core | frame & is_above
    closed: U8 = cv2.morphologyEx(both, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return closed


def _is_like_sky(image: U8, value: F32, land: float) -> Mask:
    """Tell which pixels are brighter than most land, or blue."""
    red, green, blue = cv2.split(image.astype(np.float32))
    is_blue = (blue > 1.12 * red + 6) & (blue > 0.98 * green) & (value > 0.8 * land)
    is_like: Mask = (value > max(1.35 * land, land + 25, 40)) | is_blue | (value > 249)
    return is_like


def _spread(value: F32) -> F32:
    """Return the standard deviation over 5x5 pixels."""
    mean, square = cv2.blur(value, (5, 5)), cv2.blur(value**2, (5, 5))
    spread: F32 = np.sqrt(np.maximum(square - mean**2, 0))
    return spread


def _frame(image: U8) -> U8:
    """Return ones (h, w) in the triangles that a turned photo leaves in the upper corners."""
    height, width = image.shape[:2]
    frame = np.zeros((height, width), np.uint8)
    flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY
    for corner in ((0, 0), (width - 1, 0)):
        mask = np.zeros((height + 2, width + 2), np.uint8)
        area = cv2.floodFill(image, mask, corner, 0, (_FRAME,) * 3, (_FRAME,) * 3, flags)[0]
        points = cv2.findNonZero(mask[1:-1, 1:-1])
        if area > _TRIANGLE * cv2.minEnclosingTriangle(points)[0]:
            frame |= mask[1:-1, 1:-1]
    return frame


def _from_above(flat: U8, frame: U8) -> U8:
    """Keep the pieces that touch the frame."""
    _, labels = cv2.connectedComponents(flat, connectivity=4)
    frame = frame.copy()
    frame[0] = 1
    touched = np.unique(labels[cv2.dilate(frame, np.ones((7, 7), np.uint8)) > 0])
    kept: U8 = (np.isin(labels, touched) & (labels > 0)).astype(np.uint8)
    return kept


def _is_sure(core: U8, value: F32, may_be: Mask) -> bool:
    """Tell whether the sky is large enough, and ends at a step in brightness."""
    if core.sum() < _LEAST * core.size:
        return False
    is_last = may_be & ~np.roll(may_be, -1, axis=0)
    near, wide = (cv2.dilate(core, np.ones((side, side), np.uint8)) for side in (5, 15))
    if (near & is_last).any(axis=0).mean() > _CUT:
        return False
    inside = cv2.erode(core, np.ones((5, 5), np.uint8))
    rim = (wide > near) & (np.arange(len(core))[:, None] > 0.03 * len(core))
    if not rim.any() or not inside.any():
        return False
    return abs(float(np.median(value[rim])) - float(np.median(value[inside > 0]))) > _STEP


def _with_matte(light: F32, core: U8, road: U8) -> Sky:
    """Let the core fade where pixels near it differ from the sky around."""
    reach = max(2, round(_REACH * core.shape[1]))
    inside = cv2.erode(core, np.ones((3, 3), np.uint8)).astype(np.float32)
    side = (6 * reach + 1,) * 2
    weight = cv2.blur(inside, side)
    around: F32 = cv2.blur(light * inside[..., None], side) / np.maximum(weight, 1e-4)[..., None]
    wide = cv2.dilate(core, np.ones((2 * reach + 1,) * 2, np.uint8))
    level = np.sqrt(np.maximum(around.sum(axis=2), 1e-4))
    below = np.sqrt(light.sum(axis=2)) / level  # dark leaves before a bright sky
    matte = np.clip((below - np.float32(0.45)) / np.float32(0.45), 0, 1) * wide
    matte = np.maximum(matte, inside) * (1 - cv2.dilate(road, np.ones((3, 3), np.uint8)))
    matte = np.where(weight > 1e-3, cv2.GaussianBlur(matte.astype(np.float32), (0, 0), 0.6), 0)
    local = np.where(inside[..., None] > 0, light, around)
    return Sky(matte.astype(np.float32), local.astype(np.float32))

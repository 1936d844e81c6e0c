"""Strips of paint on the ground, and how much of each pixel they cover.

Knows metres, perspective and coverage; not colours, wear or why a strip is there.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ...core.geometry import Size
from ...core.scores import F64
from ..chance import Rng, log_uniform
from .lanes_ground import F32, Road

_SAMPLES = 4  # rows of samples a pixel; along a row the coverage is exact
_FIRM = 1.0  # pixels: a thinner strip shimmers, so that no pixel is surely paint


class Ground(NamedTuple):
    """A road with a scale: how wide it is, how far away a row is, how its camera leans."""

    road: Road
    width_m: float
    reach: float
    """Metres times rows: the distance ahead is reach / (row - horizon)."""
    tilt: float
    """Rows a column by which a line straight across the road falls."""
    near_m: float
    """How far ahead the image's last row is."""

    def ahead(self, rows: F64, columns: F64 | float) -> F64:
        """Return the metres ahead of pixels; `columns` count from the middle of the road."""
        t = np.maximum(rows, self.road.far) - self.road.horizon
        ahead: F64 = self.reach / np.maximum(t - self.tilt * columns, 1e-3 + 0.2 * t)
        return ahead


def ground_from_road(road: Road, size: Size, rng: Rng) -> Ground:
    """Give a road in an image of `size` a scale that a camera could have, at random.

    The road is 5.5 to 16 m wide, the focal length 0.55 to 1.1 image widths.
    """
    width_m = log_uniform(rng, 5.5, 16.0)
    reach = rng.uniform(0.55, 1.1) * size.width * width_m / (road.right - road.left)
    near_m = reach / (size.height - road.horizon)
    return Ground(road, width_m, reach, rng.normal(0.0, 0.03), near_m)


class Strip(NamedTuple):
    """A strip of paint: a path over the ground, a width, and where along it there is paint."""

    ahead_m: tuple[float, ...]
    """Increasing; beyond its ends the path goes on straight ahead."""
    across_m: tuple[float, ...]
    """From the road's left side, at each `ahead_m`."""
    width_m: tuple[float, ...]
    spans: tuple[tuple[float, float], ...]
    """Metres ahead, ascending, none overlapping."""


class Coverage(NamedTuple):
    """Shares of each pixel (H, W): under any strip, and under one that is not too thin."""

    all: F32
    firm: F32


def coverage(ground: Ground, strips: Iterable[Strip], size: Size) -> Coverage:
    """Draw strips into one plane; where they overlap, the greater share counts."""
    total = Coverage(np.zeros(size, np.float32), np.zeros(size, np.float32))
    for strip in strips:
        _draw(ground, strip, total)
    return total


def _draw(ground: Ground, strip: Strip, total: Coverage) -> None:
    """Add one strip: a window of columns in each row of samples, then means over pixels."""
    height, width = total.all.shape
    rows = _rows(ground, strip, height)
    if not len(rows):
        return
    middle = ground.road.columns(rows, 0.5)
    ahead = ground.ahead(rows, 0.0)
    scale = ground.road.widths(rows) / ground.width_m  # pixels a metre
    across = np.interp(ahead, strip.ahead_m, strip.across_m)
    centre = ground.road.columns(rows, across / ground.width_m)
    half = np.interp(ahead, strip.ahead_m, strip.width_m) * scale * _slant(across, ahead) / 2
    window = np.arange(int(np.ceil(2 * half.max())) + 2)
    columns = np.floor(centre - half)[:, None] + window
    left, right = (centre - half)[:, None], (centre + half)[:, None]
    share = np.clip(np.minimum(columns + 1, right) - np.maximum(columns, left), 0, 1)
    share *= _is_on(ground.ahead(rows[:, None], columns + 0.5 - middle[:, None]), strip)
    share[(columns < 0) | (columns >= width)] = 0
    places = np.floor(rows)[:, None] * width + np.clip(columns, 0, width - 1)
    flat = places.ravel().astype(np.int64)
    start = int(rows[0]) * width
    drawn = np.bincount(flat - start, share.ravel(), (int(rows[-1]) + 1) * width - start)
    plane = (drawn / _SAMPLES).astype(np.float32).reshape(-1, width)
    _take_greater(total.all, plane, int(rows[0]))
    firm = int(rows[np.argmax(2 * half >= _FIRM)]) if 2 * half.max() >= _FIRM else height
    _take_greater(total.firm, plane[max(0, firm - int(rows[0])) :], firm)


def _slant(across: F64, ahead: F64) -> F64:
    """Return by what factor a slanted strip is wider straight across than at right angles."""
    slope = np.gradient(across) / np.gradient(ahead) if len(ahead) > 1 else np.zeros(1)
    slant: F64 = np.sqrt(1 + np.minimum(np.abs(slope), 4.0) ** 2)
    return slant


def _rows(ground: Ground, strip: Strip, height: int) -> F64:
    """Return the rows of samples (N,) that can show the strip."""
    every = np.arange(ground.road.far * _SAMPLES, height * _SAMPLES)
    rows: F64 = (every + 0.5) / _SAMPLES
    ahead = ground.ahead(rows, 0.0)
    slack = 1.0 + 8.0 * abs(ground.tilt)  # a leaning camera sees other parts in a row
    near, far = strip.spans[0][0] / slack, strip.spans[-1][1] * slack
    used = np.flatnonzero((ahead >= near) & (ahead <= far))
    if not len(used):
        return rows[:0]
    first = used[0] // _SAMPLES * _SAMPLES
    return rows[first : used[-1] + 1]


def _is_on(ahead: F64, strip: Strip) -> F64:
    """Return 1.0 where a distance lies in a span, else 0.0."""
    bounds = np.asarray(strip.spans, np.float64).ravel()
    is_on: F64 = (np.searchsorted(bounds, ahead) % 2).astype(np.float64)
    return is_on


def _take_greater(total: F32, plane: F32, row: int) -> None:
    target = total[row : row + len(plane)]
    np.maximum(target, plane[: len(target)], out=target)

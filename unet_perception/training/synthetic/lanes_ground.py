"""Where on the ground a road's pixels lie, from its mask alone.

Knows a flat ground seen by a level camera; not colours, markings or files.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.frame import U8
from ...core.scores import F64

F32 = NDArray[np.float32]
MARGIN = 0.1  # of the image: there the frame, not the road, may end the mask (turned photos)
_HORIZONS = np.geomspace(0.004, 0.5, 28)  # of the height, above the road's far end
_ROUNDS = 6  # of re-weighting; the fit no longer moves visibly
_LEAST_ROWS, _LEAST_SPREAD, _MOST_ERROR = 10, 0.25, 0.02


class Road(NamedTuple):
    """A road on flat ground, as the columns that its sides have in each row.

    With t = row - horizon, the depth is proportional to 1 / t, and a side that lies at a fixed
    distance from a bending centre line (offset, heading, curvature, change of curvature) is at
    column slope·t + shift + bend/t + twist/t².
    """

    horizon: float
    far: int
    """First row that shows road."""
    left: float
    right: float
    """Columns per row, of the sides."""
    shift: float
    bend: float
    twist: float

    def columns(self, rows: F64, across: F64 | float) -> F64:
        """Return the column at `across` of the width, 0 = left side, in each of `rows`."""
        t = np.maximum(rows, self.far) - self.horizon
        slope = self.left + across * (self.right - self.left)
        columns: F64 = slope * t + self.shift + self.bend / t + self.twist / t**2
        return columns

    def widths(self, rows: F64) -> F64:
        """Return the road's width in pixels in each of `rows`."""
        widths: F64 = (self.right - self.left) * (np.maximum(rows, self.far) - self.horizon)
        return widths


class _Sides(NamedTuple):
    """What the mask shows of a road's sides: one point per row and side, (N,) each."""

    rows: F64
    columns: F64
    is_right: F64
    height: int
    width: int


def road_from_mask(road: U8) -> Road | None:
    """Fit a road to a mask (H, W) of zeros and ones; None if the mask shows no plausible one.

    The horizon is the one, of a range above the far end, whose robust fit of both sides (Cauchy
    weights; Holland and Welsch 1977) leaves the least error.
    """
    component = _largest(road)
    found = np.flatnonzero(component.any(axis=1))
    if len(found) < _LEAST_ROWS:
        return None
    far, sides = int(found[0]), _sides(component)
    if min(sides.is_right.sum(), (1 - sides.is_right).sum()) < _LEAST_ROWS:
        return None
    fits = [_fit(sides, far, far - gap * len(road)) for gap in _HORIZONS]
    _, error, best = min(fits, key=lambda fit: fit[0])
    is_plausible = error < _MOST_ERROR and best.right - best.left > _LEAST_SPREAD
    return best if is_plausible else None


def _largest(road: U8) -> U8:
    """Return the largest piece of road, small gaps closed."""
    closed = cv2.morphologyEx(road, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    if len(stats) < 2:
        return np.zeros_like(road)
    largest: U8 = (labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    return largest


def _sides(component: U8) -> _Sides:
    """Take the outermost pixels of each row, where the frame can't be what ends the road."""
    height, width = component.shape
    step = max(1, height // 160)
    rows = np.flatnonzero(component.any(axis=1))[::step]
    rows = rows[rows < height * (1 - MARGIN)]
    first = component[rows].argmax(axis=1).astype(np.float64)
    last = width - component[rows, ::-1].argmax(axis=1).astype(np.float64)
    columns, both = np.concatenate([first, last]), np.concatenate([rows, rows]) + 0.5
    is_right = np.repeat([0.0, 1.0], len(rows))
    inside = np.abs(columns / width - 0.5) < 0.5 - MARGIN
    return _Sides(both[inside], columns[inside], is_right[inside], height, width)


def _fit(sides: _Sides, far: int, horizon: float) -> tuple[float, float, Road]:
    """Fit all but the horizon: return cost, median error as share of the image, and the road."""
    unit = sides.height - horizon  # so that the unknowns are all of the size of an image
    u = (sides.rows - horizon) / unit
    terms = [u * (1 - sides.is_right), u * sides.is_right, np.ones_like(u), 0.1 / u, 0.01 / u**2]
    basis = np.column_stack(terms)
    tolerance = 1.5 + 0.02 * sides.width * u
    ridge = np.diag([0.0, 0.0, 0.0, 1e-3, 1e-2])  # straight, unless the mask says otherwise
    weights = np.ones_like(u)
    for _ in range(_ROUNDS):
        weighted = basis * (weights / tolerance**2)[:, None]
        normal = weighted.T @ basis
        solution = np.linalg.solve(normal + ridge, weighted.T @ sides.columns)
        error = basis @ solution - sides.columns
        weights = 1 / (1 + (error / tolerance) ** 2)
    cost = float(np.log1p((error / tolerance) ** 2).sum())
    left, right, shift, bend, twist = (float(value) for value in solution)
    road = Road(
        horizon, far, left / unit, right / unit, shift, 0.1 * bend * unit, 0.01 * twist * unit**2
    )
    return cost, float(np.median(np.abs(error))) / sides.width, road

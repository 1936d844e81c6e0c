"""How much of the painted lines a mask finds, and how much of the mask is paint, to a tolerance.

Knows polylines and masks; not where either comes from, nor classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .line_labels import Line
from .scores import F64, I64, ratio

Bools = NDArray[np.bool_]


class LineScores:
    """Line recall and precision over any number of frames.

    Recall is the share of the labelled lines that has a predicted pixel within `tolerance_px` of
    its centre, or between its edges. Lines are sampled at every pixel row that their centre
    crosses, as TuSimple's lane benchmark samples its lanes, so a line counts by its rows.
    Precision is the share of predicted pixels within `tolerance_px` of a labelled stripe.
    What lies above row `ignore_above` isn't counted on either side, but can be what a line or
    pixel below is near to.
    """

    def __init__(self, tolerance_px: float = 5.0, ignore_above: int = 0) -> None:
        self._tolerance = tolerance_px
        self._ignore_above = ignore_above
        self._labelled = self._found = self._predicted = self._right = 0

    def add(self, lines: Sequence[Line], mask_is_line: Bools) -> None:
        """Count one frame: its lines, in pixels of the mask (H, W) of what was called line."""
        stripes = _stripes_from_lines(lines)
        used = stripes.of_rows(stripes.row >= self._ignore_above)
        is_found = _distances_to(mask_is_line)[used.row, used.column] <= self._tolerance
        is_found |= _holds_any(mask_is_line, used)
        predicted = mask_is_line[self._ignore_above :]
        distances = _distances_to(_mask_from_stripes(stripes, mask_is_line.shape))
        is_near = distances[self._ignore_above :] <= self._tolerance
        self._labelled += is_found.size
        self._found += np.count_nonzero(is_found)
        self._predicted += np.count_nonzero(predicted)
        self._right += np.count_nonzero(predicted & is_near)

    def recall(self) -> float:
        """Share of the labelled lines' rows that was found; NaN without any."""
        return float(ratio(np.array(self._found), np.array(self._labelled)))

    def precision(self) -> float:
        """Share of the predicted pixels that lie on or near a line; NaN without any."""
        return float(ratio(np.array(self._right), np.array(self._predicted)))


class _Stripes(NamedTuple):
    """Paint by rows; each array is (N,), N the rows of all lines one after the other."""

    row: I64
    centre: F64
    width: F64

    @property
    def column(self) -> I64:
        """The pixel nearest to the centre."""
        return np.rint(self.centre).astype(np.int64)

    def of_rows(self, wanted: Bools) -> '_Stripes':
        return _Stripes(self.row[wanted], self.centre[wanted], self.width[wanted])


def _stripes_from_lines(lines: Sequence[Line]) -> _Stripes:
    """Cut lines into their rows; between two points, centre and width change evenly."""
    parts = [np.zeros((3, 0)), *(_rows_of(line) for line in lines)]
    row, centre, width = np.concatenate(parts, 1)
    return _Stripes(row.astype(np.int64), centre, width)


def _rows_of(line: Line) -> F64:
    x, y, width = line[np.argsort(line[:, 1])].T
    rows = np.arange(np.ceil(y[0]), np.floor(y[-1]) + 1)
    return np.stack([rows, np.interp(rows, y, x), np.interp(rows, y, width)])  # (3, rows)


def _mask_from_stripes(stripes: _Stripes, shape: tuple[int, ...]) -> Bools:
    """Mark the pixels whose centre lies between a stripe's edges, at least one in each row."""
    half = np.maximum(stripes.width, 1.0) / 2
    is_inside = np.abs(np.arange(shape[1]) - stripes.centre[:, None]) <= half[:, None]  # (N, W)
    mask = np.zeros(shape, np.bool_)
    np.logical_or.at(mask, stripes.row, is_inside)
    return mask


def _holds_any(mask: Bools, stripes: _Stripes) -> Bools:
    """Tell of each stripe's row whether a marked pixel lies between the edges, (N,)."""
    counts = np.pad(np.cumsum(mask, 1), ((0, 0), (1, 0)))  # (H, W + 1): marked pixels before it
    half = stripes.width / 2
    edges = np.ceil(stripes.centre - half), np.floor(stripes.centre + half)
    first, last = (np.clip(edge, 0, mask.shape[1] - 1).astype(np.int64) for edge in edges)
    is_held: Bools = counts[stripes.row, last + 1] > counts[stripes.row, first]
    return is_held


def _distances_to(mask: Bools) -> NDArray[np.float32]:
    """Return each pixel's distance to the nearest marked one, in pixels; infinite without any."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    elsewhere = (~mask).astype(np.uint8)
    found: NDArray[np.float32] = cv2.distanceTransform(
        elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return found

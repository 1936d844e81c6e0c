"""How good a segmentation is: pixels are counted once, every score is a line on the counts.

Knows class ids; not confidences, neighbours (`reliability`, `boundary`, `islands`) or files.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .frame import U8

IGNORE = 255
"""Class id of a pixel without a label in ground truth, and of an unknown pixel in a mask."""

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def ratio(part: I64, whole: I64) -> F64:
    """Divide counts of one shape; NaN where there is nothing to be a part of."""
    result = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def mean_defined(scores: F64) -> float:
    """Return the mean of the scores that are not NaN; NaN if none is."""
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if defined.size else float('nan')


class Confusion:
    """Counts of (true class, predicted class) over any number of masks.

    A labelled pixel that the model calls unknown is no answer, neither right nor wrong: scores
    are of the answers, and `coverage` tells how many pixels got one. Whoever holds that unknown
    is a miss multiplies: `recall() * class_coverage()` is the share found of all labelled pixels.

    `parts` maps a class to the one it is a part of, as lines on a road: a class's scores are those
    of it and its parts together. Pixel accuracy tells all classes apart.
    """

    def __init__(self, classes: int, parts: Mapping[int, int] | None = None) -> None:
        self.counts = np.zeros((classes, classes), np.int64)  # [truth, prediction]
        self.unknown = np.zeros(classes, np.int64)  # [truth]
        self._belongs = np.eye(classes, dtype=np.int64)  # [whole, part]
        for part, whole in (parts or {}).items():
            self._belongs[whole, part] = 1

    def add(self, truth: U8, prediction: U8) -> None:
        """Count two masks of one shape; pixels that are `IGNORE` in the truth are left out."""
        classes = len(self.counts)
        pairs = truth.astype(np.uint16) << 8 | prediction
        table = np.bincount(pairs.ravel(), minlength=1 << 16).reshape(256, 256)
        counts, unknown = table[:classes, :classes], table[:classes, IGNORE]
        known = counts.sum() + unknown.sum() + table[IGNORE].sum()
        assert known == truth.size, 'an id is neither a class nor IGNORE'
        self.counts += counts
        self.unknown += unknown

    def iou(self) -> F64:
        """Intersection over union of each class, (C,); NaN for a class that never occurs."""
        return ratio(self._hits(), self._true() + self._predicted() - self._hits())

    def miou(self) -> float:
        """Mean IoU over the classes that occur; NaN if none does."""
        return mean_defined(self.iou())

    def dice(self) -> F64:
        """Dice coefficient (F1) of each class, (C,); NaN for a class that never occurs."""
        return ratio(2 * self._hits(), self._true() + self._predicted())

    def precision(self) -> F64:
        """Share of each class's predictions that are right, (C,); NaN if it has none."""
        return ratio(self._hits(), self._predicted())

    def recall(self) -> F64:
        """Share of each class's answered pixels that it was found in, (C,); NaN if it has none."""
        return ratio(self._hits(), self._true())

    def pixel_accuracy(self) -> float:
        """Share of answered pixels whose class is right; NaN without any."""
        return float(ratio(self.counts.trace(), self.counts.sum()))

    def coverage(self) -> float:
        """Share of labelled pixels that got an answer, and not unknown; NaN without any."""
        return float(ratio(self.counts.sum(), self.counts.sum() + self.unknown.sum()))

    def class_coverage(self) -> F64:
        """`coverage` of the pixels of each true class, (C,)."""
        return ratio(self._true(), self._true() + self._belongs @ self.unknown)

    def _hits(self) -> I64:
        pixels: I64 = (self._belongs @ self.counts @ self._belongs.T).diagonal()
        return pixels

    def _true(self) -> I64:
        pixels: I64 = self._belongs @ self.counts.sum(1)
        return pixels

    def _predicted(self) -> I64:
        pixels: I64 = self._belongs @ self.counts.sum(0)
        return pixels

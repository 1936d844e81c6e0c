"""Whether confidences mean what they say: confidence against accuracy.

Knows class ids and confidences as bytes; not how probabilities are made or calibrated.
"""

from typing import NamedTuple

import numpy as np

from .boundary import near_boundary
from .frame import U8
from .scores import I64, IGNORE

BINS = 15
NEAR_PX = 8
"""How far from a boundary between two classes a pixel counts as near it."""


class ReliabilityBin(NamedTuple):
    """Pixels whose confidence fell into one of the equal bins of [0, 1]."""

    pixels: int
    confidence: float
    accuracy: float


class Reliability(NamedTuple):
    """Confidence against accuracy; the expected calibration error of Guo et al. 2017, eq. 3.

    Confidences are the pipeline's bytes, 0 to 255 for 0 to 1; each byte value is counted on its
    own, so the paper's 15 bins, open below and closed above, are formed exactly.
    """

    pixels: I64  # (256,)
    hits: I64  # (256,)

    def bins(self) -> list[ReliabilityBin]:
        """Return the `BINS` equal bins, lowest confidence first; NaN where there are no pixels."""
        levels = np.arange(256) / 255.0
        index = np.maximum(-(-np.arange(256) * BINS // 255) - 1, 0)  # ceil(level * BINS) - 1
        rows = []
        for k in range(BINS):
            inside = index == k
            pixels = int(self.pixels[inside].sum())
            if pixels:
                confidence = float((levels[inside] * self.pixels[inside]).sum() / pixels)
                accuracy = float(self.hits[inside].sum() / pixels)
            else:
                confidence = accuracy = float('nan')
            rows.append(ReliabilityBin(pixels, confidence, accuracy))
        return rows

    def ece(self) -> float:
        """Return the expected calibration error, 0 to 1; NaN without pixels."""
        rows = [row for row in self.bins() if row.pixels]
        total = sum(row.pixels for row in rows)
        if not total:
            return float('nan')
        return sum(row.pixels * abs(row.accuracy - row.confidence) for row in rows) / total


class ReliabilityCounts:
    """Counts answers by confidence, over any number of masks, and tells them apart in groups."""

    def __init__(self, classes: int) -> None:
        self._counts = np.zeros((2, classes, 2, 256), np.int64)  # [near, prediction, hit, level]

    def add(self, truth: U8, prediction: U8, confidence: U8) -> None:
        """Count masks and confidences (H, W); `IGNORE` in either mask is left out."""
        used = (truth != IGNORE) & (prediction != IGNORE)
        near, hit = near_boundary(truth, NEAR_PX), truth == prediction
        index = np.ravel_multi_index(
            (near[used].astype(int), prediction[used], hit[used].astype(int), confidence[used]),
            self._counts.shape,
        )
        counts = np.bincount(index, minlength=self._counts.size)
        self._counts += counts.reshape(self._counts.shape)

    def overall(self) -> Reliability:
        """Return the reliability of all answers."""
        return _reliability(self._counts.sum((0, 1)))

    def by_class(self) -> list[Reliability]:
        """Return that of the answers with each class."""
        return [_reliability(counts) for counts in self._counts.sum(0)]

    def near_boundary(self) -> Reliability:
        """Return that of the answers within `NEAR_PX` of a boundary between two true classes."""
        return _reliability(self._counts[1].sum(0))


def _reliability(counts: I64) -> Reliability:
    """Return what counts [hit, level] say."""
    return Reliability(counts.sum(0), counts[1])

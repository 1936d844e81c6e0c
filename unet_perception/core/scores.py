"""How good a segmentation is: pixels are counted once, every score is a line on the counts.

Knows class ids and probabilities; not models, files or images.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .frame import U8

IGNORE = 255
"""Class id of a pixel without a label in ground truth, and of an unknown pixel in a mask."""

F64 = NDArray[np.float64]


class Confusion:
    """Counts of (true class, predicted class) over any number of masks."""

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, classes), np.int64)  # [truth, prediction]

    def add(self, truth: U8, prediction: U8) -> None:
        """Count two masks of one shape; pixels that are `IGNORE` in either are left out."""
        classes = len(self.counts)
        used = (truth != IGNORE) & (prediction != IGNORE)
        pairs = truth[used].astype(np.int64) * classes + prediction[used]
        self.counts += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def iou(self) -> F64:
        """Intersection over union of each class, (C,); NaN for a class that never occurs."""
        hits = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - hits
        iou = np.full_like(hits, np.nan)
        np.divide(hits, union, out=iou, where=union > 0)
        return iou

    def miou(self) -> float:
        """Mean IoU over the classes that occur; NaN if none does."""
        iou = self.iou()
        return float(np.nanmean(iou)) if np.isfinite(iou).any() else float('nan')

    def pixel_accuracy(self) -> float:
        """Share of pixels whose class is right; NaN without pixels."""
        total = int(self.counts.sum())
        return float(np.trace(self.counts) / total) if total else float('nan')


class ReliabilityBin(NamedTuple):
    """Pixels whose confidence fell into one of the equal bins of [0, 1]."""

    pixels: int
    confidence: float
    accuracy: float


class Reliability:
    """Confidence against accuracy; the expected calibration error of Guo et al. 2017, eq. 3.

    Confidences are the pipeline's bytes, 0 to 255 for 0 to 1; each byte value is counted on its
    own, so the paper's 15 bins, open below and closed above, are formed exactly.
    """

    BINS = 15

    def __init__(self) -> None:
        self._pixels = np.zeros(256, np.int64)
        self._hits = np.zeros(256, np.int64)

    def add(self, truth: U8, prediction: U8, confidence: U8) -> None:
        """Count masks and confidences of one shape; `IGNORE` in either mask is left out."""
        used = (truth != IGNORE) & (prediction != IGNORE)
        level = confidence[used]
        self._pixels += np.bincount(level, minlength=256)
        self._hits += np.bincount(level[truth[used] == prediction[used]], minlength=256)

    def bins(self) -> list[ReliabilityBin]:
        """Return the `BINS` equal bins, lowest confidence first; NaN where there are no pixels."""
        levels = np.arange(256) / 255.0
        index = np.maximum(-(-np.arange(256) * self.BINS // 255) - 1, 0)  # ceil(level * BINS) - 1
        rows = []
        for k in range(self.BINS):
            inside = index == k
            pixels = int(self._pixels[inside].sum())
            if pixels:
                confidence = float((levels[inside] * self._pixels[inside]).sum() / pixels)
                accuracy = float(self._hits[inside].sum() / pixels)
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

"""Removes specks from a segmentation and closes its gaps, at network size.

Knows planes of probabilities; not the camera's size: the analysis of regions in a 720p mask
would cost more than the rest of the pipeline together.
"""

from typing import NamedTuple

import cv2
import numpy as np

from .argmax import Argmax
from .frame import U8


class Cleaning(NamedTuple):
    """What is cleaned, in pixels of the network's input; 0 is off."""

    opening_px: int = 0
    """What is thinner than this is removed from every class but 0."""
    closing_px: int = 0
    """Gaps narrower than this in every class but 0 are filled with that class; a gap is of class
    0 or of removed pixels, never of another class that the network saw there."""
    min_region_px: int = 0
    """Connected regions of any class that have fewer pixels are removed."""

    def scaled(self, factor: float) -> 'Cleaning':
        """Return the same cleaning for an input whose sides are `factor` times as long."""
        return Cleaning(
            round(self.opening_px * factor),
            round(self.closing_px * factor),
            round(self.min_region_px * factor**2),
        )


NOTHING = Cleaning()


class Cleaner:
    """Cleans the probabilities of one image at a time, on a copy of its own.

    A removed pixel has probability 0 of every class. A filled one keeps its probability of the
    class that fills it, so that its confidence says how little of it the network saw there.
    """

    def __init__(self, settings: Cleaning, classes: int, height: int, width: int) -> None:
        opening, closing, self._least_area = settings
        self._opening, self._closing = _disc(opening), _disc(closing)
        self._only = np.eye(classes, 256, dtype=np.uint8) * np.uint8(255)  # (C, 256)
        self._argmax = Argmax(height, width)
        self._regions = np.empty((height, width), np.int32)
        self._index = np.empty((height, width), np.intp)
        self._class, self._changed, self._spare, self.removed = (
            np.empty((height, width), np.uint8) for _ in range(4)
        )
        self.planes: U8 = np.empty((classes, height, width), np.uint8)
        """The cleaned probabilities; `removed` is 255 where a pixel was removed, else 0."""

    def clean(self, planes: U8) -> None:
        """Fill `planes` and `removed` from the probabilities (C, H, W)."""
        np.copyto(self.planes, planes)
        self._classify()
        self.removed.fill(0)
        for k in range(1, len(planes)) if self._opening is not None else ():
            self._open(k)
        for k in range(1, len(planes)) if self._closing is not None else ():
            self._close(k)
        for k in range(len(planes)) if self._least_area > 1 else ():
            self._remove_islands(k)
        for plane in self.planes:
            cv2.subtract(plane, self.removed, dst=plane)

    def _classify(self) -> None:
        np.copyto(self._argmax.highest, self.planes[0])
        self._argmax.start()
        for plane in self.planes[1:]:
            self._argmax.add(plane)

    def _select(self, k: int) -> None:
        """Mark what is left of class `k` in `_class`."""
        cv2.LUT(self._argmax.winner, self._only[k], dst=self._class)
        cv2.subtract(self._class, self.removed, dst=self._class)

    def _open(self, k: int) -> None:
        self._select(k)
        cv2.morphologyEx(self._class, cv2.MORPH_OPEN, self._opening, dst=self._changed)
        cv2.subtract(self._class, self._changed, dst=self._changed)
        cv2.max(self.removed, self._changed, dst=self.removed)

    def _close(self, k: int) -> None:
        self._select(k)
        cv2.morphologyEx(self._class, cv2.MORPH_CLOSE, self._closing, dst=self._changed)
        filled = cv2.subtract(self._changed, self._class, dst=self._changed)
        cv2.LUT(self._argmax.winner, self._only[0], dst=self._spare)
        cv2.max(self._spare, self.removed, dst=self._spare)
        cv2.min(filled, self._spare, dst=filled)
        cv2.subtract(self.removed, filled, dst=self.removed)
        for other, plane in enumerate(self.planes):
            if other != k:
                cv2.subtract(plane, filled, dst=plane)
        self._raise_to(1, self.planes[k], filled)  # a probability of 0 would not be the highest
        cv2.subtract(self._argmax.winner, filled, dst=self._argmax.winner)
        self._raise_to(k, self._argmax.winner, filled)

    def _raise_to(self, least: int, plane: U8, where: U8) -> None:
        np.bitwise_and(where, least, out=self._spare)
        cv2.max(plane, self._spare, dst=plane)

    def _remove_islands(self, k: int) -> None:
        """Remove small regions; OpenCV's list of them, 36 bytes each, is all that is allocated."""
        self._select(k)
        _, regions, found, _ = cv2.connectedComponentsWithStats(self._class, self._regions)
        is_small = found[:, cv2.CC_STAT_AREA] < self._least_area
        is_small[0] = False  # all that is not of this class
        if is_small.any():
            np.copyto(self._index, regions)
            marks = np.where(is_small, np.uint8(255), np.uint8(0))
            np.take(marks, self._index, out=self._changed, mode='clip')
            cv2.max(self.removed, self._changed, dst=self.removed)


def _disc(diameter: int) -> U8 | None:
    """Return a round structuring element, or None if it would change nothing."""
    if diameter < 2:
        return None
    disc: U8 = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    return disc

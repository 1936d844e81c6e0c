"""Which of several planes is highest, pixel by pixel, one plane at a time.

Knows planes of bytes of one size; not what they mean. Nothing is allocated after the start.
"""

import cv2
import numpy as np

from .frame import U8


class Argmax:
    """A running maximum; ties go to the lower index, as in `numpy.argmax`.

    Fill `highest` with the first plane and call `start`, then `add` the others in their order.
    """

    def __init__(self, height: int, width: int) -> None:
        self.winner: U8 = np.empty((height, width), np.uint8)
        """Index of the highest plane so far."""
        self.highest: U8 = np.empty((height, width), np.uint8)
        """Its value."""
        self._wins: U8 = np.empty((height, width), np.uint8)
        self._index = 0

    def start(self) -> None:
        """Begin anew: `highest` holds plane 0."""
        self.winner.fill(0)
        self._index = 0

    def add(self, plane: U8) -> None:
        """Take the next plane into account."""
        self._index += 1
        cv2.compare(plane, self.highest, cv2.CMP_GT, dst=self._wins)
        cv2.max(self.highest, plane, dst=self.highest)
        np.bitwise_and(self._wins, self._index, out=self._wins)
        cv2.max(self.winner, self._wins, dst=self.winner)  # later indices are larger

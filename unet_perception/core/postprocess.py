"""From network-size probabilities to a mask and its confidence at camera size.

Knows planes of bytes; not engines or messages. Probabilities are upsampled before the argmax:
upsampling an argmax mask would cut thin classes and boundaries down to the network's grid.
"""

import cv2
import numpy as np

from .frame import U8
from .geometry import Placement


class MaskBuffers:
    """The planes that one camera size needs; written in place by every `segment`."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.mask: U8 = np.empty(placement.source, np.uint8)
        self.confidence: U8 = np.empty(placement.source, np.uint8)
        self._plane: U8 = np.empty(placement.source, np.uint8)
        self._wins: U8 = np.empty(placement.source, np.uint8)

    def segment(self, probabilities: U8, unknown_below: int) -> None:
        """Fill `mask` and `confidence` from `probabilities` (C, h, w).

        A running maximum over the upsampled planes; ties go to the lower id, as in
        `numpy.argmax`. Where the winner is below `unknown_below` (0 to 255) the class is 255.
        """
        self.placement.undo(probabilities[0], self.confidence)
        self.mask.fill(0)
        for k in range(1, len(probabilities)):
            self.placement.undo(probabilities[k], self._plane)
            cv2.compare(self._plane, self.confidence, cv2.CMP_GT, dst=self._wins)
            cv2.max(self.confidence, self._plane, dst=self.confidence)
            np.bitwise_and(self._wins, k, out=self._wins)
            cv2.max(self.mask, self._wins, dst=self.mask)  # later ids are larger
        if unknown_below > 0:
            cv2.compare(self.confidence, unknown_below, cv2.CMP_LT, dst=self._wins)
            cv2.max(self.mask, self._wins, dst=self.mask)

"""From network-size probabilities to a mask and its confidence at camera size.

Knows planes of bytes; not engines or messages. Probabilities are upsampled before the argmax:
upsampling an argmax mask would cut thin classes and boundaries down to the network's grid.
"""

import cv2
import numpy as np

from .argmax import Argmax
from .cleaning import NOTHING, Cleaner, Cleaning
from .frame import U8
from .geometry import Placement


class MaskBuffers:
    """The planes that one camera size needs; written in place by every `segment`."""

    def __init__(self, placement: Placement, classes: int, cleaning: Cleaning = NOTHING) -> None:
        self.placement = placement
        content = placement.height, placement.width
        self._cleaner = Cleaner(cleaning, classes, *content) if any(cleaning) else None
        self._argmax = Argmax(*placement.source)
        self._plane: U8 = np.empty(placement.source, np.uint8)
        self.mask, self.confidence = self._argmax.winner, self._argmax.highest

    def segment(self, probabilities: U8, unknown_below: int) -> None:
        """Fill `mask` and `confidence` from `probabilities` (C, h, w).

        Where the winner is below `unknown_below` (0 to 255) the class is 255, unknown; what
        cleaning removes is unknown with confidence 0.
        """
        planes = self.placement.contents(probabilities)
        if self._cleaner:
            self._cleaner.clean(planes)
            planes = self._cleaner.planes
        self.placement.undo(planes[0], self.confidence)
        self._argmax.start()
        for plane in planes[1:]:
            self.placement.undo(plane, self._plane)
            self._argmax.add(self._plane)
        if self._cleaner:
            self._remove(self._cleaner.removed)
        if unknown_below > 0:
            below = cv2.THRESH_BINARY_INV
            cv2.threshold(self.confidence, unknown_below - 1, 255, below, dst=self._plane)
            cv2.max(self.mask, self._plane, dst=self.mask)

    def _remove(self, removed: U8) -> None:
        """Make the pixels of `removed` (network size, 255 or 0) unknown."""
        size = self.placement.source.width, self.placement.source.height
        cv2.resize(removed, size, dst=self._plane, interpolation=cv2.INTER_NEAREST_EXACT)
        cv2.max(self.mask, self._plane, dst=self.mask)
        cv2.subtract(self.confidence, self._plane, dst=self.confidence)

"""False-positive islands: regions of a class where that class is nowhere.

Knows connected pixels of class ids; not confidences or files.
"""

import cv2
import numpy as np

from .frame import U8
from .scores import IGNORE


class Islands:
    """Counts each class's false-positive islands, and their pixels, over any number of masks.

    An island is a connected component (8 neighbours) of the pixels predicted as a class, no pixel
    of which is that class in the truth; of the background it is a hole. One that lies wholly
    where the truth is `IGNORE` can't be called false and is left out; of one that lies there in
    part, only the labelled pixels are counted.
    """

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros(classes, np.int64)
        self.pixels = np.zeros(classes, np.int64)

    def add(self, truth: U8, prediction: U8) -> None:
        """Count the islands of one image, (H, W)."""
        labelled = truth != IGNORE
        for k in range(len(self.counts)):
            is_class = (prediction == k).astype(np.uint8)
            parts, part_of = cv2.connectedComponents(is_class, connectivity=8)
            labelled_pixels = np.bincount(part_of[labelled], minlength=parts)
            hits = np.bincount(part_of[truth == k], minlength=parts)
            is_island = (labelled_pixels > 0) & (hits == 0)
            is_island[0] = False  # part 0 is all that is not predicted as k
            self.counts[k] += np.count_nonzero(is_island)
            self.pixels[k] += labelled_pixels[is_island].sum()

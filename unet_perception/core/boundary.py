"""How well a segmentation follows the boundaries between classes.

Knows class ids and which pixels are near others; not probabilities or files.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from .frame import U8
from .scores import F64, IGNORE, mean_defined, ratio

WIDTH_RATIO = 0.02
"""Width of the band that boundary IoU looks at, as a share of the image diagonal (section 5)."""

_NO_CLASS, _ANOTHER_CLASS = 0, IGNORE - 1  # to a maximum: no influence, and above every class


class BoundaryIoU:
    """Boundary IoU of each class, after Cheng et al. 2021, eq. 1, over any number of masks.

    A class's band is what lies in it within `width` pixels of another class or of the image's
    border, by the larger of the two offsets, as in the paper's code (an erosion by a square).
    The paper scores one object in one image; here the intersections of the bands are added over
    all images, and so are the unions, as IoU does.
    Pixels that are `IGNORE` in either mask are left out, and next to them is no boundary.
    """

    def __init__(self, classes: int, width_ratio: float = WIDTH_RATIO) -> None:
        self._width_ratio = width_ratio
        self._intersection = np.zeros(classes, np.int64)
        self._union = np.zeros(classes, np.int64)

    def add(self, truth: U8, prediction: U8) -> None:
        """Count two masks of one shape (H, W)."""
        width = max(1, round(self._width_ratio * math.hypot(*truth.shape)))
        unused = (truth == IGNORE) | (prediction == IGNORE)
        wanted, found = (
            _bands(np.where(unused, np.uint8(IGNORE), mask), width) for mask in (truth, prediction)
        )
        for k in range(len(self._union)):
            is_wanted, is_found = wanted == k, found == k
            self._intersection[k] += np.count_nonzero(is_wanted & is_found)
            self._union[k] += np.count_nonzero(is_wanted | is_found)

    def iou(self) -> F64:
        """Boundary IoU of each class, (C,); NaN for a class that never occurs."""
        return ratio(self._intersection, self._union)

    def miou(self) -> float:
        """Mean boundary IoU over the classes that occur; NaN if none does."""
        return mean_defined(self.iou())


def near_boundary(mask: U8, distance: int) -> NDArray[np.bool_]:
    """Mark the labelled pixels within `distance` of a pixel of another class, centre to centre.

    `IGNORE` is no class: beside it is no boundary, but across a thin line of it there is. Nor is
    the image's border a boundary.
    """
    y, x = np.ogrid[-distance : distance + 1, -distance : distance + 1]
    disc = (x * x + y * y <= distance * distance).astype(np.uint8)
    return _is_near_another_class(mask, disc, outside=_NO_CLASS)


def _bands(mask: U8, width: int) -> U8:
    """Keep of each class the pixels within `width` of its edge; the others become `IGNORE`."""
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    is_in_band = _is_near_another_class(mask, square, _ANOTHER_CLASS)
    return np.where(is_in_band, mask, np.uint8(IGNORE))


def _is_near_another_class(mask: U8, shape: U8, outside: int) -> NDArray[np.bool_]:
    """Mark labelled pixels around which `shape` holds two classes: its least id is not its most.

    All classes at once; `outside` is the id that lies beyond the image.
    """
    unlabelled = mask == IGNORE
    least = cv2.erode(mask, shape)  # IGNORE is above every class: no influence
    most = cv2.dilate(
        np.where(unlabelled, np.uint8(_NO_CLASS), mask),
        shape,
        borderType=cv2.BORDER_CONSTANT,
        borderValue=outside,
    )
    marked: NDArray[np.bool_] = ~unlabelled & (least != most)
    return marked

"""A picture for people: the image, tinted by class, dark where the class is unknown.

Knows pixels and colours; not models or messages.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from .frame import U8

Color = tuple[int, int, int]
UNKNOWN_COLOR: Color = (32, 32, 32)


def bgr_table(colors: Sequence[Color]) -> U8:
    """Return a look-up table (256, 1, 3) from class id to BGR; ids without a colour are dark."""
    table = np.empty((256, 1, 3), np.uint8)
    table[:] = UNKNOWN_COLOR
    for k, color in enumerate(colors):
        table[k, 0] = color[::-1]
    return table


def overlay(bgr: U8, mask: U8, table: U8, opacity: float = 0.45) -> U8:
    """Blend `bgr` (H, W, 3) with the mask's colours; class 0 (background) stays as it is."""
    tint = cv2.LUT(cv2.merge([mask, mask, mask]), table)
    blend = cv2.addWeighted(bgr, 1.0 - opacity, tint, opacity, 0.0)
    return np.where((mask == 0)[..., None], bgr, blend)

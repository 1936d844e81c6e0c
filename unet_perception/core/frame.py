"""One camera image on its way in, exactly as it was published.

Knows the bytes and where they came from; not what they mean (`decode`), nor any ROS type.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]

COMPRESSED = 'compressed'
"""Encoding of a frame whose data is a JPEG or PNG file; height, width and step are then 0, which
tells it from a raw image that claims this encoding."""


class Frame(NamedTuple):
    """An undecoded image; `stamp_ns` and `frame_id` travel untouched to every output."""

    sequence: int
    stamp_ns: int
    """Capture time on the publisher's clock, ns."""
    frame_id: str
    received_ns: int
    """Arrival on this process's monotonic clock, ns."""
    encoding: str
    data: U8  # (bytes,)
    height: int
    width: int
    step: int
    """Bytes from the start of one row to the start of the next."""
    is_bigendian: bool = False
    """Whether samples of more than a byte begin with their high byte."""


def frame_from_pixels(pixels: U8, encoding: str) -> Frame:
    """Return an image (H, W[, C]) as a frame of its own, without stamp: for offline use."""
    height, width = pixels.shape[:2]
    step = pixels.size // height
    return Frame(0, 0, '', 0, encoding, pixels.reshape(-1), height, width, step)

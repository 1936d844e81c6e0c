"""Camera pixels to network pixels and back, exactly.

Knows sizes and rectangles; not what the pixels show.
"""

from enum import Enum
from typing import NamedTuple

import cv2
import numpy as np

from .frame import U8


class Resize(Enum):
    """How an image is made to fit the network's input."""

    LETTERBOX = 'letterbox'  # aspect ratio kept, centred, the rest zero
    STRETCH = 'stretch'  # aspect ratio given up, nothing left over


class Size(NamedTuple):
    """Height and width in pixels."""

    height: int
    width: int


class Placement(NamedTuple):
    """Where a source image lies on the network's canvas.

    The source's pixel areas map linearly onto the rectangle `x, y, width, height` (network
    pixels), so `undo` after `apply` lands on the source's own pixel grid without an offset.
    """

    source: Size
    network: Size
    x: int
    y: int
    width: int
    height: int

    def apply(self, image: U8, canvas: U8) -> None:
        """Resize `image` (source size) into its rectangle of `canvas` (network size), in place."""
        cv2.resize(image, (self.width, self.height), dst=self.content(canvas))

    def content(self, plane: U8) -> U8:
        """Return the view of `plane` (network size) that the source image occupies."""
        return plane[self.y : self.y + self.height, self.x : self.x + self.width]

    def contents(self, planes: U8) -> U8:
        """Return the view of `planes` (C, *network size) that the source image occupies."""
        return planes[:, self.y : self.y + self.height, self.x : self.x + self.width]

    def undo(self, content: U8, out: U8) -> None:
        """Resize `content`, the image's part of a plane, linearly to `out` (source size)."""
        cv2.resize(content, (self.source.width, self.source.height), dst=out)


def letterboxed(image: U8, network: Size) -> tuple[U8, Placement]:
    """Return `image` (H, W, 3) on a new canvas of size `network`, and where it lies there.

    What the pipeline does in place for every frame; for training and export.
    """
    placement = placement_from_sizes(Size(*image.shape[:2]), network, Resize.LETTERBOX)
    canvas: U8 = np.zeros((*network, 3), np.uint8)
    placement.apply(image, canvas)
    return canvas, placement


def placement_from_sizes(source: Size, network: Size, resize: Resize) -> Placement:
    """Place an image of size `source` on a canvas of size `network`."""
    if resize is Resize.STRETCH:
        return Placement(source, network, 0, 0, network.width, network.height)
    scale = min(network.height / source.height, network.width / source.width)
    width = max(1, round(source.width * scale))
    height = max(1, round(source.height * scale))
    x, y = (network.width - width) // 2, (network.height - height) // 2
    return Placement(source, network, x, y, width, height)

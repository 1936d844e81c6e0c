"""A picture in the making: colours, distances and labels, onto which flat faces are painted.

Knows projection and what hides what; not what a face is of.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ...core.frame import U8
from ...core.scores import F64
from .streets_camera import F32, Camera

BACKGROUND, ROAD = 0, 1
NEAR = 0.25  # metres of depth; what is nearer is not painted
_SHIFT = 4  # binary digits of a fraction of a pixel
_FAR_OUT = 8000.0  # pixels; OpenCV's polygons may reach as far beyond the picture
Gain = tuple[float, float, float]
PLAIN: Gain = (1.0, 1.0, 1.0)


class Face(NamedTuple):
    """A flat piece of surface.

    A texture fills the parallelogram of its first, second and last corner: top left, top right,
    bottom left.
    """

    corners: F64  # (N, 3) world metres
    texture: U8  # (H, W, 3) RGB; (1, 1, 3) for one colour
    gain: Gain = PLAIN
    alpha: U8 | None = None  # (H, W) of the texture; opaque above 127
    ahead: float = 1.0
    """By how much it is favoured over what it lies on: 1.01 is 1 % nearer."""


class Canvas:
    """What is painted so far."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.color: U8 = np.zeros((*camera.size, 3), np.uint8)
        self.nearness: F32 = np.zeros(camera.size, np.float32)
        """One over the depth in metres; 0 is the sky's."""
        self.labels: U8 = np.zeros(camera.size, np.uint8)

    def paint(self, face: Face) -> None:
        """Paint a face where nothing is nearer; it is background."""
        seen = self.camera.seen(face.corners)
        outline = self._outline(seen)
        if outline is None:
            return
        x, y, width, height = self._bounds(outline)
        if width < 1 or height < 1:
            return
        where = (slice(y, y + height), slice(x, x + width))
        stencil = filled(outline - (x, y), (height, width))
        nearness = self._nearness(seen, (x, y, width, height)) * np.float32(face.ahead)
        visible = (stencil > 0) & (nearness > self.nearness[where])
        if not visible.any():
            return
        color, alpha = self._texture(face, seen, outline, (x, y, width, height))
        if alpha is not None:
            visible &= alpha > 127
        cv2.copyTo(color, visible.view(np.uint8), self.color[where])
        np.copyto(self.nearness[where], nearness, where=visible)
        np.copyto(self.labels[where], np.uint8(BACKGROUND), where=visible)

    def _outline(self, seen: F64) -> F64 | None:
        """Return the columns and rows of what lies ahead, (N, 2); None if nothing does."""
        ahead = clipped(seen, np.array([0.0, 0.0, 1.0]), NEAR)
        if len(ahead) < 3:
            return None
        pixels = self.camera.pixels(ahead)
        if np.abs(pixels).max() < _FAR_OUT:
            return pixels
        for side in ((1.0, 0.0, 3.0), (-1.0, 0.0, 3.0), (0.0, 1.0, 3.0), (0.0, -1.0, 3.0)):
            ahead = clipped(ahead, np.array(side), 0.0)
        return self.camera.pixels(ahead) if len(ahead) > 2 else None

    def _bounds(self, outline: F64) -> tuple[int, int, int, int]:
        """Return the part of the picture that holds an outline: x, y, width, height."""
        size = self.camera.size
        low = np.floor(outline.min(axis=0)).clip(0, (size.width, size.height)).astype(int)
        high = np.ceil(outline.max(axis=0)).clip(0, (size.width, size.height)).astype(int)
        return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])

    def _nearness(self, seen: F64, bounds: tuple[int, int, int, int]) -> F32:
        """Return one over the depth of the plane through the corners, for a part of the picture.

        On a plane n·P = k, P = depth · ray, so 1 / depth = n·ray / k: linear in the pixels.
        """
        x, y, width, height = bounds
        size, focal = self.camera.size, self.camera.focal
        normal = crossed(seen[1] - seen[0], seen[-1] - seen[0])
        k = normal @ seen[0]
        a, b, c = normal / (k if abs(k) > 1e-9 else 1e-9)
        columns = (np.arange(x, x + width) + 0.5 - size.width / 2) * (a / focal) + c
        rows = (np.arange(y, y + height) + 0.5 - size.height / 2) * (b / focal)
        nearness: F32 = np.add.outer(rows.astype(np.float32), columns.astype(np.float32))
        return nearness

    def _texture(
        self, face: Face, seen: F64, outline: F64, bounds: tuple[int, int, int, int]
    ) -> tuple[U8, U8 | None]:
        """Return the face's colours and opacity in a part of the picture."""
        x, y, width, height = bounds
        texture, alpha = face.texture, face.alpha
        if texture.shape[:2] == (1, 1):
            bright = lit(texture, face.gain)
            return np.broadcast_to(bright, (height, width, 3)).copy(), None
        wide, tall = (outline.max(axis=0) - outline.min(axis=0)) * 1.3
        shape = (  # finer than it is seen, it would flicker
            min(texture.shape[1], max(2, round(wide))),
            min(texture.shape[0], max(2, round(tall))),
        )
        texture = lit(cv2.resize(texture, shape, interpolation=cv2.INTER_AREA), face.gain)
        matrix = self._from_texture(seen, shape, (x, y))
        warp = {'flags': cv2.INTER_LINEAR, 'borderMode': cv2.BORDER_REPLICATE}
        color = cv2.warpPerspective(texture, matrix, (width, height), **warp)
        if alpha is not None:
            alpha = cv2.resize(alpha, shape, interpolation=cv2.INTER_AREA)
            alpha = cv2.warpPerspective(alpha, matrix, (width, height), **warp)
        return color, alpha

    def _from_texture(self, seen: F64, shape: tuple[int, int], start: tuple[int, int]) -> F64:
        """Return the homography of texture pixels to pixels of the picture after `start`."""
        size, focal = self.camera.size, self.camera.focal
        across, down = (seen[1] - seen[0]) / shape[0], (seen[-1] - seen[0]) / shape[1]
        first = seen[0] + (across + down) / 2  # pixel centres lie half a pixel in
        columns = np.stack([across, down, first], axis=1)
        middle = (size.width / 2 - start[0] - 0.5, size.height / 2 - start[1] - 0.5)
        matrix = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
        homography: F64 = matrix @ columns
        return homography


def crossed(a: F64, b: F64) -> F64:
    """Return the cross product of two vectors; numpy's takes ten times as long."""
    x, y, z = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    return np.array([x, y, z])


def filled(outline: F64, shape: tuple[int, int]) -> U8:
    """Return ones inside a polygon of columns and rows, (H, W)."""
    stencil = np.zeros(shape, np.uint8)
    points = np.round((outline - 0.5) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(stencil, [points], (1,), cv2.LINE_8, _SHIFT)
    return stencil


def clipped(polygon: F64, normal: F64, least: float) -> F64:
    """Cut off what lies below `least` along `normal` (Sutherland and Hodgman 1974), (N, 3)."""
    height = polygon @ normal - least
    if (height >= 0).all():
        return polygon
    kept: list[F64] = []
    for k in range(len(polygon)):
        here, other = height[k - 1], height[k]
        if (here >= 0) != (other >= 0):
            share = here / (here - other)
            kept.append(polygon[k - 1] + share * (polygon[k] - polygon[k - 1]))
        if other >= 0:
            kept.append(polygon[k])
    return np.array(kept).reshape(-1, 3)


def lit(texture: U8, gain: Gain) -> U8:
    """Return a texture in coloured light."""
    table = np.arange(256)[:, None] * np.array(gain)
    bright: U8 = cv2.LUT(texture, np.clip(table, 0, 255).astype(np.uint8)[:, None])
    return bright.reshape(texture.shape)

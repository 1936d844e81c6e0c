"""A dash camera: where it is, how it is turned, and where it sees a point of the world.

Knows metres and pixels; not streets. The world's axes are right, up, ahead; the camera's right,
down, ahead.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import Size
from ...core.scores import F64
from ..chance import Rng

F32 = NDArray[np.float32]


class Camera(NamedTuple):
    """A pinhole camera without distortion."""

    size: Size
    focal: float  # pixels
    place: F64  # (3,) metres
    axes: F64  # (3, 3): right, down, ahead, as rows

    def seen(self, points: F64) -> F64:
        """Convert world to camera coordinates, (N, 3)."""
        seen: F64 = (points - self.place) @ self.axes.T
        return seen

    def pixels(self, seen: F64) -> F64:
        """Project camera coordinates that lie ahead, (N, 3) to columns and rows, (N, 2)."""
        middle = np.array([self.size.width, self.size.height]) / 2
        pixels: F64 = seen[:, :2] / seen[:, 2:] * self.focal + middle
        return pixels

    def rays(self) -> tuple[F32, F32, F32]:
        """Return right, up and ahead of each pixel's ray, (H, W) each; one metre of depth long."""
        x = (np.arange(self.size.width) + 0.5 - self.size.width / 2) / self.focal
        y = (np.arange(self.size.height) + 0.5 - self.size.height / 2) / self.focal
        right, down, ahead = self.axes.astype(np.float32)
        columns = [np.add(np.float32(r) * x, a) for r, a in zip(right, ahead, strict=True)]
        parts = (
            np.add.outer(np.float32(d) * y, column).astype(np.float32)
            for d, column in zip(down, columns, strict=True)
        )
        first, second, third = parts
        return first, second, third


def random_camera(size: Size, rng: Rng) -> Camera:
    """Draw a camera behind a windscreen, looking ahead along the road."""
    view = np.deg2rad(rng.uniform(45, 100))
    focal = size.width / 2 / np.tan(view / 2)
    tall = np.arctan(size.height / 2 / focal)  # half of the view, top to bottom
    yaw, roll = np.deg2rad(rng.normal(0, (4.0, 1.2)))
    pitch = np.clip(np.deg2rad(rng.normal(2.0, 4.0)), -0.5 * tall, 0.6 * tall)
    height = rng.uniform(1.0, 2.2) if rng.random() < 0.9 else rng.uniform(2.2, 3.2)
    return Camera(size, focal, np.array([0.0, height, 0.0]), _axes(yaw, pitch, roll))


def _axes(yaw: float, pitch: float, roll: float) -> F64:
    """Turn a level camera right by `yaw`, down by `pitch`, then clockwise by `roll`."""
    ahead = np.array([np.sin(yaw) * np.cos(pitch), -np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    down = np.cross(right, ahead)
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([c * right + s * down, c * down - s * right, ahead])

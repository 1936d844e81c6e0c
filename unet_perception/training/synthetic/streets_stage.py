"""A street to put things on: what is placed becomes faces on the canvas and shadows on the ground.

Knows street coordinates (across, ahead, up) and light; not what is placed.
"""

from typing import NamedTuple

import numpy as np

from ...core.frame import U8
from ...core.scores import F64
from .colors import Color
from .streets_canvas import Canvas, Face, Gain, crossed
from .streets_ground import Shade, Site
from .streets_light import Light

UP = np.array([0.0, 1.0, 0.0])


class Sprite(NamedTuple):
    """A thing as seen from the road: a picture that always turns to the camera."""

    texture: U8  # (H, W, 3) RGB
    alpha: U8  # (H, W), opaque above 127
    wide: float  # metres
    tall: float


class Stage(NamedTuple):
    """Where all that stands is painted."""

    canvas: Canvas
    shade: Shade
    site: Site
    light: Light

    def face(
        self,
        corners: F64,
        texture: U8,
        ahead: float = 1.0,
        dim: float = 1.0,
        alpha: U8 | None = None,
    ) -> None:
        """Paint a flat face (N, 3), lit by where it faces; the camera sees both its sides."""
        normal = crossed(corners[1] - corners[0], corners[-1] - corners[0])
        length = float(np.linalg.norm(normal))
        if length < 1e-9:
            return
        toward = (self.canvas.camera.place - corners[0]) @ normal
        normal *= (1 if toward > 0 else -1) / length
        red, green, blue = self.light.on(normal)
        gain = (red * dim, green * dim, blue * dim)
        self.canvas.paint(Face(corners, texture, self._lamps(gain, corners), alpha, ahead))

    def is_seen(self, corners: F64, inside: F64) -> bool:
        """Tell whether the camera sees the outer side of a face of a solid around `inside`."""
        normal = crossed(corners[1] - corners[0], corners[-1] - corners[0])
        to_camera = float(normal @ (self.canvas.camera.place - corners[0]))
        return to_camera * float(normal @ (inside - corners[0])) < 0

    def plain(self, corners: F64, color: Color, ahead: float = 1.0) -> None:
        """Paint a face of one colour."""
        self.face(corners, one_texel(color), ahead)

    def glowing(self, corners: F64, color: Color, ahead: float = 1.0) -> None:
        """Paint a face that gives light itself."""
        self.canvas.paint(Face(corners, one_texel(color), ahead=ahead))

    def sprite(self, sprite: Sprite, foot: F64) -> None:
        """Put up a sprite on a foot (3,), with its shadow."""
        corners = self._upright(sprite, foot)
        facing = self.canvas.camera.place - foot
        normal = 0.5 * UP + 0.5 * facing / np.linalg.norm(facing)
        gain = self._lamps(self.light.on(normal), corners)
        self.canvas.paint(Face(corners, sprite.texture, gain, sprite.alpha))
        self.shade.cast_sprite(sprite.alpha, sprite.wide, sprite.tall, foot)

    def _upright(self, sprite: Sprite, foot: F64) -> F64:
        """Return the corners of a sprite that faces the camera, (4, 3)."""
        away = foot - self.canvas.camera.place
        aside = crossed(UP, away) / np.hypot(away[0], away[2]) * sprite.wide / 2
        top = foot + UP * sprite.tall
        return np.stack([top - aside, top + aside, foot + aside, foot - aside])

    def _lamps(self, gain: Gain, corners: F64) -> Gain:
        """At night, add the light of our own headlamps."""
        if not self.light.is_night:
            return gain
        away = float(np.linalg.norm(corners.mean(axis=0) - self.canvas.camera.place))
        added = 0.8 / (1 + (away / 9) ** 2)
        return gain[0] + added, gain[1] + added, gain[2] + 0.9 * added


def one_texel(color: Color) -> U8:
    """Return the texture of one colour, (1, 1, 3)."""
    return np.array([[color]], np.uint8)


def upright(first: F64, second: F64, tall: float) -> F64:
    """Return a wall from one foot to another, (4, 3), top left first if seen so."""
    rise = UP * tall
    return np.stack([first + rise, second + rise, second, first])

"""Vehicles: cars, vans, lorries and buses of a few faces each, with windows, wheels and lamps.

Knows their shapes; not where they drive or stand.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...core.scores import F64
from ..chance import Rng, weighted_index
from .colors import Color, random_color, rgb
from .streets_bodies import SHAPES, Shape
from .streets_canvas import crossed
from .streets_stage import UP, Stage

_WHEEL = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_DETAILED = 0.05  # metres a pixel of focal length; farther, wheels and lamps are not drawn
_ON = 1.004  # what lies on a body is so much nearer


class Vehicle(NamedTuple):
    """A body of a shape, its size in metres and its paint."""

    shape: Shape
    size: F64  # (3,): length, height, width
    paint: Color
    glass: Color
    is_lit: bool


def random_vehicle(rng: Rng, is_lit: bool) -> Vehicle:
    """Draw a vehicle."""
    shapes = list(SHAPES.values())
    shape = shapes[weighted_index(rng, [one.share for one in shapes])]
    size = np.array(
        [rng.uniform(*shape.length), rng.uniform(*shape.height), rng.uniform(*shape.width)]
    )
    glass = rgb(rng.uniform(0.5, 0.65), rng.uniform(0, 0.3), rng.uniform(0.08, 0.45))
    return Vehicle(shape, size, random_paint(rng), glass, is_lit)


def random_paint(rng: Rng) -> Color:
    """Draw the paint of a vehicle: many are white, grey or black."""
    if rng.random() < 0.45:
        return random_color(rng)
    value = rng.choice([0.08, 0.2, 0.4, 0.65, 0.9, 1.0])
    return rgb(rng.uniform(0, 1), rng.uniform(0, 0.12), value)


class _Body(NamedTuple):
    """A vehicle in its place: converts shares of length, height and half width to the world."""

    vehicle: Vehicle
    foot: F64  # below its middle
    ahead: F64
    aside: F64

    @property
    def middle(self) -> F64:
        """A point inside."""
        middle: F64 = self.foot + UP * self.vehicle.size[1] / 2
        return middle

    def corners(self, *points: tuple[float, float, float]) -> F64:
        """Return points, (N, 3): 0 to 1 from front to back, 0 to 1 upward, -1 to 1 across."""
        shape, (long, tall, wide) = self.vehicle.shape, self.vehicle.size
        along, up, across = np.array(points).T[..., None]
        above = np.maximum(up - shape.belt, 0) / (1 - shape.belt)
        half = wide / 2 * (1 - (1 - shape.taper) * above)
        ahead = (0.5 - along) * long * self.ahead
        corners: F64 = self.foot + ahead + UP * up * tall + self.aside * across * half
        return corners


def park(stage: Stage, vehicle: Vehicle, foot: F64, ahead: F64) -> None:
    """Put a vehicle on the ground, its front toward `ahead` (3,)."""
    body = _Body(vehicle, foot, ahead, crossed(UP, ahead))
    _shadows(stage, body)
    _shell(stage, body)
    is_far = (
        np.linalg.norm(foot - stage.canvas.camera.place) > _DETAILED * stage.canvas.camera.focal
    )
    for side in (-1.0, 1.0):
        if (stage.canvas.camera.place - body.corners((0.5, 0.3, side))[0]) @ body.aside * side > 0:
            _flank(stage, body, side)
            if not is_far:
                _wheels(stage, body, side)
    if not is_far:
        _ends(stage, body)


def _shadows(stage: Stage, body: _Body) -> None:
    below = body.corners((0.02, 0, -0.95), (0.02, 0, 0.95), (0.98, 0, 0.95), (0.98, 0, -0.95))
    stage.shade.cover(below)
    profile = [(x, y, side) for x, y in body.vehicle.shape.profile for side in (-1.0, 1.0)]
    stage.shade.cast(body.corners(*profile))
    for end in (0.04, 0.96):
        stage.plain(_panel(body, end, 0.0, 1.8, (0.09, 0.24)), (18, 18, 20))
        for side in (-0.8, 0.8):
            stage.plain(_tyre(body, end, side), (22, 22, 24))


def _tyre(body: _Body, along: float, across: float) -> F64:
    """Return a tyre seen from the end, (4, 3)."""
    wide, tall = 0.22 / body.vehicle.size[2] * 2, min(0.3, 0.5 / body.vehicle.size[1])
    places = ((-1, tall), (1, tall), (1, 0.0), (-1, 0.0))
    return body.corners(*((along, up, across + sign * wide / 2) for sign, up in places))


def _shell(stage: Stage, body: _Body) -> None:
    """Paint front, bonnet, windscreen, roof and back."""
    shape, vehicle, middle = body.vehicle.shape, body.vehicle, body.middle
    for k, ((x, y), (u, v)) in enumerate(pairwise(shape.profile)):
        face = body.corners((u, v, -1), (u, v, 1), (x, y, 1), (x, y, -1))
        if not stage.is_seen(face, middle):
            continue
        stage.plain(face, vehicle.paint)
        if k in shape.glass:
            a, b = 0.1, 0.9
            inner = [
                (x + (u - x) * t, y + (v - y) * t, s)
                for t, s in ((b, -0.9), (b, 0.9), (a, 0.9), (a, -0.9))
            ]
            stage.plain(body.corners(*inner), vehicle.glass, _ON)


def _flank(stage: Stage, body: _Body, side: float) -> None:
    """Paint a side: sheet below and above the belt, windows, wheels."""
    shape, vehicle = body.vehicle.shape, body.vehicle
    outline = np.array(shape.profile)
    low = np.minimum(outline, (1.0, shape.belt))
    stage.plain(body.corners(*((x, y, side) for x, y in low)), vehicle.paint)
    if (outline[:, 1] > shape.belt).any():
        high = np.maximum(outline, (0.0, shape.belt))
        kept = high[(outline[:, 1] >= shape.belt - 0.03)]
        stage.plain(body.corners(*((x, y, side) for x, y in kept)), vehicle.paint)
    for start, end, bottom, top in shape.windows:
        slant = 0.04 if shape.taper < 0.9 else 0.0
        corners = ((start + slant, top), (end - slant, top), (end, bottom), (start, bottom))
        stage.plain(body.corners(*((x, y, side) for x, y in corners)), vehicle.glass, _ON)


def _wheels(stage: Stage, body: _Body, side: float) -> None:
    long, tall, _ = body.vehicle.size
    radius = 0.32 if tall < 2.2 else 0.45
    for middle in (0.18, 0.8):
        for share, color in ((1.25, (12, 12, 14)), (1.0, (25, 25, 27)), (0.6, (150, 150, 155))):
            along = middle + np.cos(_WHEEL) * share * radius / long
            up = np.maximum((radius + np.sin(_WHEEL) * share * radius) / tall, 0.0)
            points = ((x, y, side) for x, y in zip(along, up, strict=True))
            stage.plain(body.corners(*points), color, _ON + 0.002 * (1.25 - share))


def _ends(stage: Stage, body: _Body) -> None:
    """Paint lamps, plates and a grille at front and back."""
    for along, is_front in ((0.0, True), (1.0, False)):
        if not stage.is_seen(_panel(body, along, 0.0, 1.0, (0.2, 0.4)), body.middle):
            continue
        color: Color = (235, 235, 225) if is_front else (190, 25, 25)
        draw = stage.glowing if body.vehicle.is_lit else stage.plain
        for side in (-0.78, 0.78):
            draw(_panel(body, along, side, 0.3, (0.38, 0.5)), color, _ON)
        stage.plain(_panel(body, along, 0.0, 0.5, (0.28, 0.36)), (225, 225, 215), _ON)
        if is_front:
            stage.plain(_panel(body, along, 0.0, 0.9, (0.38, 0.48)), (30, 30, 32), _ON)


def _panel(
    body: _Body, along: float, across: float, wide: float, rows: tuple[float, float]
) -> F64:
    low, high = rows
    left, right = across - wide / 2, across + wide / 2
    return body.corners(
        (along, high, left), (along, high, right), (along, low, right), (along, low, left)
    )

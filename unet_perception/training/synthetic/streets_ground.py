"""The ground of a street in perspective: road, kerbs, pavements, verges, fields, and shadows.

Knows where each pixel's ray meets the ground; not what stands on it.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.frame import U8
from ...core.scores import F64
from .streets_camera import F32
from .streets_canvas import NEAR, ROAD, Canvas, clipped, filled
from .streets_layout import Layout
from .streets_light import Light
from .streets_style import Zone
from .streets_surfaces import Surface, surface_from_tile
from .streets_wear import DOTS, SHAPE

Mask = NDArray[np.bool_]
_LEAST = 1 / 3500  # nearness; the ground ends there


class Site(NamedTuple):
    """A road, what it is made of, and what lies beside it."""

    layout: Layout
    road: Surface
    wear: F32
    left: tuple[Zone, ...]
    right: tuple[Zone, ...]
    turn: float  # radians; of the fields

    def reach(self, side: int) -> float:
        """Return where the strips of one side (-1 left, 1 right) end, from the road's middle."""
        zones = self.left if side < 0 else self.right
        return self.layout.width / 2 + (zones[-2].until if len(zones) > 1 else 0.5)


class Ground(NamedTuple):
    """Where the rays of the rows below the horizon meet the ground, (rows, W) each."""

    top: int  # first row
    right: F32
    ahead: F32
    is_met: Mask
    footprint: F32  # (rows,) metres that a pixel covers there


def paint_ground(canvas: Canvas, site: Site) -> Ground | None:
    """Paint all that lies; None if no ground is in view."""
    ground = _ground(canvas, site.layout)
    if ground is None:
        return None
    here = slice(ground.top, None)
    color = canvas.color[here]
    beyond = site.layout.beyond(ground.right, ground.ahead)
    across = site.layout.across(ground.right, ground.ahead)
    is_road = (beyond < 0) & ground.is_met
    _lay(color, site.road, is_road, across, ground.ahead, ground)
    _wear_out(color, site.wear, is_road, across, ground)
    for zones, is_side in ((site.left, across < 0), (site.right, across >= 0)):
        _lay_zones(color, zones, (is_side & ground.is_met, beyond, across), ground, site.turn)
    canvas.labels[here][is_road] = ROAD
    return ground


def _ground(canvas: Canvas, layout: Layout) -> Ground | None:
    """Meet the ground with the rays, and note how near it is."""
    camera = canvas.camera
    right, up, ahead = camera.rays()
    descent = -up / ahead
    rows = np.flatnonzero((descent > -0.08).any(axis=1))
    if not len(rows):
        return None
    top = int(rows[0])
    nearness = layout.nearness(descent[top:], float(camera.place[1]))
    is_met = nearness > _LEAST
    distance: F32 = np.float32(1) / np.maximum(nearness, np.float32(_LEAST))
    canvas.nearness[top:][is_met] = (nearness * ahead[top:])[is_met]
    x: F32 = right[top:] / ahead[top:] * distance + np.float32(camera.place[0])
    middle = distance[:, distance.shape[1] // 2]
    footprint = np.sqrt(np.abs(np.gradient(middle)) * middle / camera.focal)
    return Ground(top, x, distance, is_met, footprint.astype(np.float32))


def _lay_zones(
    color: U8, zones: tuple[Zone, ...], where: tuple[Mask, F32, F32], ground: Ground, turn: float
) -> None:
    """Lay the strips of one side."""
    is_side, beyond, across = where
    start = 0.0
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    for zone in zones:
        is_here = is_side & (beyond >= start) & (beyond < zone.until)
        start = zone.until
        x, y = across, ground.ahead
        if not zone.is_street:
            x, y = c * ground.right - s * ground.ahead, s * ground.right + c * ground.ahead
        _lay(color, zone.surface, is_here, x, y, ground)


def _lay(color: U8, surface: Surface, is_here: Mask, x: F32, y: F32, ground: Ground) -> None:
    """Lay a surface on some pixels, in each row from the tile whose pixels are as large."""
    found = np.flatnonzero(is_here.any(axis=1))
    if not len(found):
        return
    dots = surface.levels[0].shape[1] / surface.metres
    levels = np.log2(np.maximum(ground.footprint * dots, 1)).round().astype(int)
    levels = np.minimum(levels, len(surface.levels) - 1)
    for level in np.unique(levels[found]):
        rows = found[levels[found] == level]
        columns = np.flatnonzero(is_here[rows[0] : rows[-1] + 1].any(axis=0))
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        scale, wrap = np.float32(dots / 2**level), cv2.BORDER_WRAP
        places = (x[part] * scale, y[part] * scale)
        looked_up = cv2.remap(surface.levels[level], *places, cv2.INTER_LINEAR, borderMode=wrap)
        cv2.copyTo(looked_up, is_here[part].view(np.uint8), color[part])


def _wear_out(color: U8, wear: F32, is_road: Mask, across: F32, ground: Ground) -> None:
    """Multiply the road by what wear leaves of its light."""
    sheet = np.clip(wear * 128, 0, 255).astype(np.uint8)
    surface = surface_from_tile(np.repeat(sheet[..., None], 3, 2), SHAPE[1] / DOTS)
    factors = np.full_like(color, 128)
    middle = np.float32(SHAPE[1] / 2 / DOTS)
    _lay(factors, surface, is_road, across + middle, ground.ahead, ground)
    cv2.multiply(color, factors, dst=color, scale=1 / 128)


class Shade:
    """The shadows on the ground: how much of the light is left, (H, W)."""

    def __init__(self, canvas: Canvas, layout: Layout, light: Light) -> None:
        self._canvas, self._layout, self._light = canvas, layout, light
        self._sun = np.zeros(canvas.camera.size, np.uint8)
        self._sky = np.zeros(canvas.camera.size, np.uint8)

    def cast(self, corners: F64) -> None:
        """Cast the shadow of a flat or solid thing by its corners (N, 3)."""
        if not self._light.has_sun:
            return
        height = corners[:, 1] - self._layout.height(np.maximum(corners[:, 2], 0))
        fallen = corners - np.outer(height / self._light.to_sun[1], self._light.to_sun)
        self._fill(self._sun, _hull(fallen))

    def cover(self, corners: F64) -> None:
        """Darken the ground right below a thing, (N, 3): the sky does not reach it, either."""
        self._fill(self._sky, corners)

    def cast_sprite(self, alpha: U8, wide: float, tall: float, foot: F64) -> None:
        """Cast the outline of a flat picture that is turned to the sun."""
        if not self._light.has_sun:
            return
        small = cv2.resize(alpha, (48, 48), interpolation=cv2.INTER_AREA)
        binary = (small > 100).astype(np.uint8)
        outlines = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        sun = self._light.to_sun
        away = -np.array([sun[0], 0.0, sun[2]]) / sun[1]
        aside = np.array([sun[2], 0.0, -sun[0]]) / np.hypot(sun[0], sun[2])
        for outline in outlines:
            x, y = (outline[:, 0].T + 0.5) / 48
            across, up = (x - 0.5) * wide, (1 - y) * tall
            self._fill(self._sun, foot + np.outer(across, aside) + np.outer(up, away))

    def apply(self, color: U8, is_ground: Mask) -> None:
        """Darken the ground in a picture."""
        self._darken(color, self._sun, is_ground, np.array(self._light.shadow), 1.2)
        self._darken(color, self._sky, is_ground, np.full(3, 0.42), 3.0)

    def _darken(self, color: U8, where: U8, is_ground: Mask, left: F64, soft: float) -> None:
        if not where.any():
            return
        amount = cv2.GaussianBlur(where, (0, 0), soft).astype(np.float32) / 255
        amount *= is_ground
        rows = np.flatnonzero(where.any(axis=1))
        band = slice(max(0, rows[0] - 8), rows[-1] + 8)
        factor = 1 - amount[band][..., None] * (1 - left).astype(np.float32)
        color[band] = (color[band] * factor).astype(np.uint8)

    def _fill(self, where: U8, corners: F64) -> None:
        """Mark a polygon that lies on the ground."""
        ground = corners.copy()
        ground[:, 1] = self._layout.height(np.maximum(corners[:, 2], 0))
        ahead = clipped(self._canvas.camera.seen(ground), np.array([0.0, 0.0, 1.0]), NEAR)
        if len(ahead) > 2:
            pixels = self._canvas.camera.pixels(ahead).clip(-8000, 8000)
            where[filled(pixels, where.shape) > 0] = 255


def _hull(points: F64) -> F64:
    """Return the convex hull of points on the ground, seen from above, (N, 3)."""
    order = cv2.convexHull(points[:, [0, 2]].astype(np.float32), returnPoints=False)
    hull: F64 = points[order[:, 0]]
    return hull

"""Where a road lies: its bends, width, rise, and the side road that joins it.

Knows metres on the ground; not surfaces or pixels. `across` is measured from the road's middle,
to the right; `ahead` along the view.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.scores import F64
from ..chance import Rng, log_uniform
from .streets_camera import F32

Metres = NDArray[np.floating]
_STRAIGHT_FROM, _STEEPEST = 140.0, 1.3  # metres ahead; sideways per metre ahead
_DEPTHS: F64 = np.geomspace(0.4, 4000.0, 700)


class SideRoad(NamedTuple):
    """A straight road that joins: its crossing point, direction, width, and what it leaves."""

    at: float  # metres ahead
    turn: float  # radians; 0 is square to the right
    width: float
    has_left: bool
    has_right: bool
    is_end: bool
    """Whether the main road ends here."""
    radius: float  # of the corners

    @property
    def direction(self) -> tuple[float, float]:
        """Return right and ahead, of length 1."""
        return float(np.cos(self.turn)), float(np.sin(self.turn))


class Layout(NamedTuple):
    """A road on the ground."""

    width: float
    offset: float  # of the camera from the middle, to the right
    curvature: float  # 1 / metres, to the right
    twist: float  # change of curvature, 1 / metres²
    rise: float  # change of slope, 1 / metres
    side: SideRoad | None = None

    def centre(self, ahead: Metres) -> Metres:
        """Return where the middle is, to the right of the camera."""
        z = np.minimum(np.maximum(ahead, 0), _STRAIGHT_FROM)
        bent = self.curvature / 2 * z**2 + self.twist / 6 * z**3
        beyond = self.slope(ahead) * np.maximum(ahead - _STRAIGHT_FROM, 0)
        centre: Metres = bent + beyond - self.offset
        return centre

    def slope(self, ahead: Metres) -> Metres:
        """Return how much the road goes to the right per metre ahead."""
        z = np.minimum(np.maximum(ahead, 0), _STRAIGHT_FROM)
        bent = self.curvature * z + self.twist / 2 * z**2
        slope: Metres = np.minimum(np.maximum(bent, -_STEEPEST), _STEEPEST)
        return slope

    def across(self, right: F32, ahead: F32) -> F32:
        """Return the distance from the middle, to the right."""
        slope = self.slope(ahead)
        across: F32 = ((right - self.centre(ahead)) / np.sqrt(1 + slope**2)).astype(np.float32)
        return across

    def beyond(self, right: F32, ahead: F32) -> F32:
        """Return the distance from the nearest road's edge, below 0 on the road.

        Corners are rounded by a smooth minimum (Quilez, polynomial smooth min).
        """
        main: F32 = np.abs(self.across(right, ahead)) - np.float32(self.width / 2)
        if self.side is None:
            return main
        other = self._beyond_side(self.side, right, ahead)
        if self.side.is_end:
            main = np.maximum(main, ahead - np.float32(self.side.at))
        reach = np.float32(2 * self.side.radius)
        blend = np.maximum(reach - np.abs(main - other), 0)
        nearest: F32 = np.minimum(main, other) - blend**2 / (4 * reach)
        return nearest

    def _beyond_side(self, side: SideRoad, right: F32, ahead: F32) -> F32:
        x, z = right - self.corner[0], ahead - np.float32(side.at)
        c, s = (np.float32(part) for part in side.direction)
        beyond: F32 = np.abs(c * z - s * x) - np.float32(side.width / 2)
        along = c * x + s * z
        if not side.has_left:
            beyond = np.maximum(beyond, -along)
        if not side.has_right:
            beyond = np.maximum(beyond, along)
        return beyond

    @property
    def corner(self) -> tuple[np.float32, np.float32]:
        """Where the middles of both roads meet, right and ahead."""
        assert self.side is not None, 'only junctions have corners'
        at = np.array([self.side.at])
        return np.float32(self.centre(at)[0]), np.float32(self.side.at)

    def height(self, ahead: F64) -> F64:
        """Return the ground's height above the place below the camera."""
        near = np.minimum(np.maximum(ahead, 0), _STRAIGHT_FROM)
        height: F64 = self.rise * near * (near / 2 + np.maximum(ahead - near, 0))
        return height

    def points(self, across: F64, ahead: F64) -> F64:
        """Convert street coordinates to points of the ground, (N, 3)."""
        slope = self.slope(ahead)
        aside = across / np.sqrt(1 + slope**2)
        at = ahead - slope * aside
        return np.stack([self.centre(ahead) + aside, self.height(at), at], axis=1)

    def point(self, across: float, ahead: float) -> F64:
        """Convert street coordinates to a point of the ground, (3,)."""
        point: F64 = self.points(np.array([across]), np.array([ahead]))[0]
        return point

    def beyond_at(self, point: F64) -> float:
        """Return `beyond` of one point of the world."""
        x, _, z = point.astype(np.float32)[:, None]
        return float(self.beyond(x, z)[0])

    def heading(self, ahead: float) -> F64:
        """Return the road's direction, (3,) of length 1."""
        slope = float(self.slope(np.array([ahead]))[0])
        heading: F64 = np.array([slope, 0.0, 1.0]) / np.hypot(slope, 1)
        return heading

    def nearness(self, descent: F32, height: float) -> F32:
        """Return one over the metres ahead at which rays meet the ground; 0 for the sky.

        `descent` is how far a ray falls per metre ahead, from `height` above the ground. What
        lies behind a crest is not met.
        """
        falls = (height - self.height(_DEPTHS)) / _DEPTHS
        is_first = falls <= np.minimum.accumulate(falls)
        x, y = falls[is_first][::-1], 1 / _DEPTHS[is_first][::-1]
        met = np.interp(descent, x, y, left=0.0)
        nearness: F32 = met.astype(np.float32)
        return nearness


def random_layout(lanes: tuple[int, int], junctions: float, rng: Rng) -> Layout:
    """Draw a road with so many lanes (from, to) and so great a chance of a side road."""
    count = int(rng.integers(lanes[0], lanes[1] + 1))
    width = float(np.clip(count * rng.uniform(2.7, 4.0) + rng.uniform(0.3, 3.0), 4, 20))
    lane = width / count
    offset = (rng.integers(count) - (count - 1) / 2) * lane + rng.normal(0, 0.25)
    curvature, twist = _random_bend(rng)
    rise = float(rng.normal(0, 2.5e-4)) if rng.random() < 0.5 else 0.0
    side = _random_side(width, rng) if rng.random() < junctions else None
    return Layout(width, float(offset), curvature, twist, rise, side)


def _random_bend(rng: Rng) -> tuple[float, float]:
    """Draw a straight road, or a bend that may tighten, end or turn back."""
    if rng.random() < 0.4:
        return float(rng.normal(0, 2e-4)), 0.0
    curvature = float(rng.choice([-1, 1]) / log_uniform(rng, 45, 800))
    return curvature, float(rng.normal(0, 0.6) * abs(curvature) / 60)


def _random_side(width: float, rng: Rng) -> SideRoad:
    kinds = ((True, True, False), (True, False, False), (False, True, False), (True, True, True))
    left, right, end = kinds[rng.choice(4, p=[0.36, 0.22, 0.22, 0.2])]
    wide = float(np.clip(width * rng.uniform(0.6, 1.3), 4, 16))
    at = log_uniform(rng, 10, 60)
    turn = float(np.deg2rad(rng.normal(0, 12)))
    return SideRoad(at, turn, wide, left, right, end, rng.uniform(2.0, 7.0))

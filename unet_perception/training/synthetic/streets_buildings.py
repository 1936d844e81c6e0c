"""Buildings beside a road: blocks, towers, houses with roofs, halls; and bridges over it.

Knows where they may stand; not how their fronts look.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ...core.scores import F64
from ..chance import Rng, log_uniform
from .colors import Color, rgb
from .streets_facades import Front, blank, facade, random_front, wall_color
from .streets_stage import UP, Stage, one_texel, upright
from .streets_style import Style, pick

_DEEP = 0.6  # metres; so far below the ground walls begin, for it is not level
_CLEAR = 0.5  # metres between a building and a road


class Plot(NamedTuple):
    """The ground a building takes, in street coordinates."""

    side: int  # -1 left, 1 right
    near: float  # metres across, from the road's middle
    deep: float
    start: float  # metres ahead
    end: float


def build_sides(stage: Stage, style: Style, rng: Rng) -> None:
    """Build along both sides."""
    for side in (-1, 1):
        kind = pick(style.buildings, rng)
        if kind != 'none':
            _build_side(stage, style, kind, side, rng)
    layout = stage.site.layout
    if layout.side is not None and layout.side.is_end:
        _close_end(stage, style, rng)


def _build_side(stage: Stage, style: Style, kind: str, side: int, rng: Rng) -> None:
    """Build one house after another, as far as one can tell them apart."""
    near = stage.site.reach(side) + rng.uniform(*style.setback)
    ahead, end = rng.uniform(-12, 12), rng.uniform(70, 190)
    while ahead < end:
        tall, long = SIZES[kind](rng)
        plot = Plot(side, near + rng.uniform(0, 0.4), rng.uniform(7, 16), ahead, ahead + long)
        if _is_free(stage, plot):
            DRAWERS[kind](stage, plot, tall, rng)
        ahead += long + rng.uniform(*style.gap)


def _corners(stage: Stage, plot: Plot) -> F64:
    """Return the feet at the street and behind, start first, (4, 3)."""
    start = stage.site.layout.point(plot.side * plot.near, plot.start)
    end = stage.site.layout.point(plot.side * plot.near, plot.end)
    along = (end - start) / np.linalg.norm(end - start)
    aside = plot.side * plot.deep * np.cross(UP, along)
    feet = np.stack([start, end, end + aside, start + aside])
    feet[:, 1] = feet[:, 1].min() - _DEEP
    return feet


def _is_free(stage: Stage, plot: Plot) -> bool:
    """Tell whether neither road crosses a plot, and the camera is not in it."""
    feet = _corners(stage, plot)
    shares = np.linspace(0, 1, 8)
    grid = np.concatenate(
        [
            feet[a] + shares[:, None] * (feet[b] - feet[a])
            for a, b in ((0, 1), (3, 2), (0, 3), (1, 2))
        ]
    )
    beyond = stage.site.layout.beyond(grid[:, 0].astype(np.float32), grid[:, 2].astype(np.float32))
    return bool(beyond.min() > _CLEAR)


def _box(stage: Stage, feet: F64, tall: float, front: Front, rng: Rng, is_blank: bool) -> None:
    """Raise the walls that can be seen, and cast their shadow."""
    long = float(np.linalg.norm(feet[1] - feet[0]))
    deep = float(np.linalg.norm(feet[2] - feet[1]))
    draw = blank if is_blank else facade
    stage.face(upright(feet[0], feet[1], tall), draw(front, long, tall, rng))
    side = (facade, blank)[int(rng.random() < 0.5)](front, deep, tall, rng)
    for first, second in ((3, 0), (1, 2)):
        wall = upright(feet[first], feet[second], tall)
        if stage.is_seen(wall, feet.mean(axis=0)):
            stage.face(wall, side)
    stage.shade.cast(np.concatenate([feet, feet + UP * tall]))


def _block(stage: Stage, plot: Plot, tall: float, rng: Rng) -> None:
    """Build a flat-roofed block."""
    front = random_front(rng, stage.light.is_night)
    _box(stage, _corners(stage, plot), tall + _DEEP, front, rng, is_blank=bool(rng.random() < 0.1))


def _house(stage: Stage, plot: Plot, tall: float, rng: Rng) -> None:
    """Build a house with a pitched roof, its ridge along the road or across."""
    front = random_front(rng, stage.light.is_night)
    front = front._replace(ground='same' if front.ground == 'shops' else front.ground)
    feet = _corners(stage, plot)
    _box(stage, feet, tall + _DEEP, front, rng, is_blank=False)
    eaves = feet + UP * (tall + _DEEP)
    if rng.random() < 0.5:
        eaves = np.roll(eaves, 1, axis=0)
    _roof(stage, eaves, rng.uniform(1.5, 4.0), front.wall, rng)


def _roof(stage: Stage, eaves: F64, rise: float, wall: Color, rng: Rng) -> None:
    """Put two slopes and two gables on four corners; the ridge runs along the first side."""
    tiles = rgb(rng.uniform(0, 0.12), rng.uniform(0, 0.7), rng.uniform(0.12, 0.6))
    first, second = (eaves[0] + eaves[3]) / 2, (eaves[1] + eaves[2]) / 2
    first, second = first + UP * rise, second + UP * rise
    stage.plain(np.stack([first, second, eaves[1], eaves[0]]), tiles)
    stage.plain(np.stack([first, second, eaves[2], eaves[3]]), tiles)
    stage.plain(np.stack([first, eaves[0], eaves[3]]), wall)
    stage.plain(np.stack([second, eaves[1], eaves[2]]), wall)


def _hall(stage: Stage, plot: Plot, tall: float, rng: Rng) -> None:
    """Build a works hall."""
    front = random_front(rng, stage.light.is_night)._replace(grain='ribs')
    front = front._replace(ground=str(rng.choice(['gates', 'base'])), bay=rng.uniform(3, 7))
    _box(stage, _corners(stage, plot), tall + _DEEP, front, rng, is_blank=bool(rng.random() < 0.6))


def _close_end(stage: Stage, style: Style, rng: Rng) -> None:
    """Build across the end of a road that ends."""
    side = stage.site.layout.side
    assert side is not None, 'a road that ends does so at another'
    kind = pick({**style.buildings, 'none': 1}, rng)
    if kind == 'none':
        return
    front = random_front(rng, stage.light.is_night)
    right, ahead = stage.site.layout.corner
    direction = np.array([side.direction[0], 0.0, side.direction[1]])
    back = np.array([-direction[2], 0.0, direction[0]]) * (side.width / 2 + rng.uniform(2.5, 12))
    at, end = -60.0, 60.0
    while at < end:
        tall, long = SIZES[kind](rng)
        first = np.array([right, -_DEEP, ahead]) + back + direction * at
        second = first + direction * min(long, 30)
        deep = back / np.linalg.norm(back) * 10
        feet = np.stack([first, second, second + deep, first + deep])
        _box(stage, feet, tall + _DEEP, front, rng, is_blank=False)
        front = random_front(rng, stage.light.is_night)
        at += min(long, 30) + rng.uniform(*style.gap)


def span_bridge(stage: Stage, rng: Rng) -> None:
    """Lead another road over this one: a deck between two abutments, dark below."""
    layout = stage.site.layout
    at, deep = log_uniform(rng, 9, 60), log_uniform(rng, 4, 25)
    low, thick = rng.uniform(4.3, 6.5), rng.uniform(0.7, 2.2)
    reach = max(stage.site.reach(-1), stage.site.reach(1)) + rng.uniform(0, 3)
    color = wall_color(rng)
    feet = np.stack([layout.point(a, z) for z in (at, at + deep) for a in (-reach, reach)])
    far = np.stack([layout.point(a, z) for z in (at, at + deep) for a in (-80.0, 80.0)])
    lower, rise = far + UP * low, UP * thick
    stage.plain(np.stack([lower[0] + rise, lower[1] + rise, lower[1], lower[0]]), color)
    stage.face(lower[[0, 1, 3, 2]], one_texel(color), dim=0.35)
    for near, away in ((0, 2), (1, 3)):
        stage.face(upright(feet[near], feet[away], low), one_texel(color), dim=0.5)
        stage.plain(upright(far[near], feet[near], low), color)
    stage.shade.cast(np.concatenate([lower, lower + rise]))
    stage.shade.cover(far[[0, 1, 3, 2]])


Sizes = Callable[[Rng], tuple[float, float]]  # height and length in metres
SIZES: Mapping[str, Sizes] = {
    'block': lambda rng: (log_uniform(rng, 6, 26), rng.uniform(8, 28)),
    'tower': lambda rng: (log_uniform(rng, 20, 80), rng.uniform(14, 40)),
    'house': lambda rng: (rng.uniform(2.8, 7), rng.uniform(7, 15)),
    'hall': lambda rng: (log_uniform(rng, 4, 13), rng.uniform(15, 60)),
}
DRAWERS: Mapping[str, Callable[[Stage, Plot, float, Rng], None]] = {
    'block': _block,
    'tower': _block,
    'house': _house,
    'hall': _hall,
}

"""Which lines a road gets, at random: how many, where, in which style and colour.

Knows metres and the tables of styles, colours and chances; not pixels.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..chance import Rng, log_uniform
from .paint_strips import Ground, Strip

Tint = tuple[float, float, float]
Spans = tuple[tuple[float, float], ...]
ROAD, LINE = 1, 2
FAR_M = 500.0
"""Nothing farther than this is a pixel wide."""


class Paint(NamedTuple):
    """Strips of one kind: what they look like, and what they are labelled."""

    strips: tuple[Strip, ...]
    label: int
    gain: float
    """Light that it returns, over the light that the asphalt around it returns (linear)."""
    tint: Tint = (1.0, 1.0, 1.0)
    wear: float = 0.0
    """Share that is worn away."""
    blur_m: float = 0.0
    """Softness of its edges."""


class Part(NamedTuple):
    """One line of a style: its place, in line widths from the style's middle, and its kind."""

    place: float
    is_dashed: bool


class Style(NamedTuple):
    """How a line is painted, and how often between lanes and at the edge."""

    parts: tuple[Part, ...]
    between: float
    at_edge: float


STYLES = {
    'dashed': Style((Part(0.0, True),), 0.50, 0.13),
    'solid': Style((Part(0.0, False),), 0.22, 0.85),
    'double': Style((Part(-1.0, False), Part(1.0, False)), 0.11, 0.02),
    'solid and dashed': Style((Part(-1.0, False), Part(1.0, True)), 0.06, 0.0),
    'dashed and solid': Style((Part(-1.0, True), Part(1.0, False)), 0.06, 0.0),
    'double dashed': Style((Part(-1.0, True), Part(1.0, True)), 0.05, 0.0),
}
BETWEEN = tuple(style.between for style in STYLES.values())
AT_EDGE = tuple(style.at_edge for style in STYLES.values())


class Pigment(NamedTuple):
    """A colour from its darkest to its brightest (linear RGB), and its share of second colours."""

    dark: Tint
    bright: Tint
    share: float


PIGMENTS = {
    'white': Pigment((0.90, 0.92, 0.86), (1.0, 1.0, 1.0), 0.0),
    'yellow': Pigment((0.85, 0.48, 0.02), (1.0, 0.78, 0.25), 0.84),
    'orange': Pigment((0.90, 0.30, 0.04), (1.0, 0.45, 0.12), 0.06),
    'blue': Pigment((0.20, 0.35, 0.80), (0.40, 0.60, 1.0), 0.05),
    'red': Pigment((0.80, 0.15, 0.12), (1.0, 0.30, 0.25), 0.05),
}
NO_LINES, SECOND_COLOUR, FAINT, WORN, EDGE, DIVIDER, FREE = 0.05, 0.35, 0.15, 0.6, 0.75, 0.92, 0.25
"""Chances: of a bare road, a second colour, faint paint, wear, each line, one more line."""


class Brush(NamedTuple):
    """What the lines of one road have in common."""

    width_m: float
    gain: float
    wear: float
    dash_m: float
    gap_m: float


def random_brush(ground: Ground, rng: Rng) -> Brush:
    """Draw a brush: lines 8 to 30 cm wide, and no wider than 3.5 % of the road.

    Dashes are 1 to 9 m long, the gaps between them 0.6 to 3 times that.
    """
    gain = log_uniform(rng, 1.4, 2.2) if rng.random() < FAINT else log_uniform(rng, 2.2, 14.0)
    wear = float(rng.beta(1.2, 2.2)) * 0.8 if rng.random() < WORN else 0.0
    width_m = min(rng.triangular(0.08, 0.14, 0.30), 0.035 * ground.width_m)
    dash_m = log_uniform(rng, 1.0, 9.0)
    return Brush(width_m, gain, wear, dash_m, dash_m * rng.uniform(0.6, 3))


def random_pigment(rng: Rng, name: str) -> Tint:
    """Draw a shade of a pigment."""
    pigment, at = PIGMENTS[name], rng.random()
    red, green, blue = (
        a + at * (b - a) for a, b in zip(pigment.dark, pigment.bright, strict=True)
    )
    return red, green, blue


def random_lines(ground: Ground, brush: Brush, rng: Rng) -> tuple[Paint, ...]:
    """Draw the lines of a road: edges, dividers, now and then one that leaves its lane."""
    if rng.random() < NO_LINES:
        return ()
    white = random_pigment(rng, 'white')
    shares = [pigment.share for pigment in PIGMENTS.values()]
    second = random_pigment(rng, str(rng.choice(list(PIGMENTS), p=shares)))
    has_second = rng.random() < SECOND_COLOUR
    paints = []
    for strips in _lines(ground, brush, rng):
        tint = second if has_second and rng.random() < 0.5 else white
        gain = brush.gain * float(np.exp(rng.normal(0.0, 0.12)))
        paints.append(Paint(strips, LINE, gain, tint, brush.wear * float(rng.uniform(0.6, 1.1))))
    return tuple(paints)


def _lines(ground: Ground, brush: Brush, rng: Rng) -> Iterator[tuple[Strip, ...]]:
    """Yield lines from left to right, at constant distances from the road's sides."""
    lanes = int(np.clip(round(ground.width_m / rng.uniform(2.7, 4.0)), 1, 6))
    inset = rng.uniform(0.15, max(0.2, 0.1 * ground.width_m), 2)
    places = np.linspace(inset[0], ground.width_m - inset[1], lanes + 1)
    places[1:-1] += rng.normal(0.0, 0.12, lanes - 1)
    for k, place in enumerate(places):
        is_edge = k in (0, lanes)
        if rng.random() < (EDGE if is_edge else DIVIDER):
            yield _styled(_straight(place), AT_EDGE if is_edge else BETWEEN, brush, rng)
    if rng.random() < FREE:
        yield _styled(_swerving(ground, rng), BETWEEN, brush, rng)


class _Path(NamedTuple):
    ahead_m: tuple[float, ...]
    across_m: tuple[float, ...]


def _straight(across_m: float) -> _Path:
    return _Path((0.0,), (float(across_m),))


def _swerving(ground: Ground, rng: Rng) -> _Path:
    """Draw a path that changes sides, as where lanes merge, part or are moved for works."""
    start = rng.uniform(0.5, 4.0) * ground.near_m
    ahead = start + np.linspace(0.0, rng.uniform(8.0, 50.0), 9)
    ends = rng.uniform(0.05, 0.95, 2) * ground.width_m
    ease = (1 - np.cos(np.linspace(0.0, np.pi, 9))) / 2
    return _Path(tuple(ahead), tuple(ends[0] + ease * (ends[1] - ends[0])))


def _styled(path: _Path, chances: tuple[float, ...], brush: Brush, rng: Rng) -> tuple[Strip, ...]:
    """Paint a path in a random style."""
    style = list(STYLES.values())[int(rng.choice(len(STYLES), p=chances))]
    width_m, space = brush.width_m * rng.uniform(0.9, 1.1), rng.uniform(0.8, 1.3)
    phase = rng.random()
    strips = []
    for part in style.parts:
        shift = part.place * space * width_m
        across = tuple(x + shift for x in path.across_m)
        spans = dashes(brush, phase) if part.is_dashed else _with_ends(rng)
        strips.append(Strip(path.ahead_m, across, (width_m,) * len(across), spans))
    return tuple(strips)


def dashes(brush: Brush, phase: float) -> Spans:
    """Return dashes up to `FAR_M`; `phase` 0 to 1 moves them by up to a period."""
    period = brush.dash_m + brush.gap_m
    starts = np.arange(phase * period - period, FAR_M, period)
    return tuple(
        (max(0.0, float(s)), float(s) + brush.dash_m) for s in starts if s + brush.dash_m > 0
    )


def _with_ends(rng: Rng) -> Spans:
    """Return one span, now and then interrupted, as at a crossing."""
    if rng.random() > 0.15:
        return ((0.0, FAR_M),)
    gap = rng.uniform(3.0, 30.0)
    return ((0.0, gap), (gap + rng.uniform(2.0, 15.0), FAR_M))

"""What else lies on a road: other markings, and what looks like lines but is none.

Knows metres and chances; not pixels. Arrows, crossings, stop lines and hatching are paint that
guides traffic, so they are lines too; reflective studs are ambiguous, so they are not labelled;
seams, cracks, tyre marks, joints and patches stay road.
"""

from collections.abc import Callable, Iterator

import numpy as np

from ...core.scores import IGNORE
from ..chance import Rng, log_uniform
from .paint_layout import FAR_M, LINE, ROAD, Brush, Paint, random_pigment
from .paint_strips import Ground, Strip


def random_extras(ground: Ground, brush: Brush, rng: Rng) -> tuple[Paint, ...]:
    """Draw other markings."""
    paints = []
    for chance, label, strips_of in EXTRAS:
        if rng.random() < chance:
            strips = tuple(strips_of(ground, brush, rng))
            tint = random_pigment(rng, 'white')
            paints.append(Paint(strips, label, brush.gain, tint, 0.8 * brush.wear))
    return tuple(paints)


def random_distractors(ground: Ground, rng: Rng) -> tuple[Paint, ...]:
    """Draw what lies on a road without being a marking."""
    paints: list[Paint] = []
    for chance, most, paint_of in DISTRACTORS:
        if rng.random() < chance:
            paints += [paint_of(ground, rng) for _ in range(rng.integers(1, most + 1))]
    return tuple(paints)


def _box(left_m: float, width_m: float, start_m: float, length_m: float) -> Strip:
    """Return a rectangle on the ground."""
    spans = ((float(start_m), float(start_m + length_m)),)
    return Strip((0.0,), (float(left_m + width_m / 2),), (float(width_m),), spans)


def _stop_line(ground: Ground, _: Brush, rng: Rng) -> Iterator[Strip]:
    wide = ground.width_m * rng.choice((0.45, 0.9))
    left = rng.choice((0.03, 0.5)) * ground.width_m
    yield _box(left, wide, ground.near_m * rng.uniform(1.1, 4.0), rng.uniform(0.25, 0.6))


def _crossing(ground: Ground, _: Brush, rng: Rng) -> Iterator[Strip]:
    """Yield the bars of a zebra crossing."""
    start, length = ground.near_m * rng.uniform(1.1, 3.5), rng.uniform(2.5, 4.0)
    bar, period = rng.uniform(0.35, 0.6), rng.uniform(0.9, 1.3)
    for left in np.arange(0.2, ground.width_m - bar, period):
        yield _box(left, bar, start, length)


def _arrow(ground: Ground, _: Brush, rng: Rng) -> Iterator[Strip]:
    """Yield shaft and head; the head may point aside."""
    start, length = ground.near_m * rng.uniform(1.1, 3.0), rng.uniform(3.0, 6.0)
    across, aside = ground.width_m * rng.uniform(0.15, 0.85), rng.choice((0.0, 0.0, -0.5, 0.5))
    neck = start + 0.6 * length
    yield _box(across - 0.09, 0.18, start, 0.62 * length)
    ends = (float(neck), float(start + length))
    yield Strip(ends, (across, across + float(aside)), (rng.uniform(0.5, 0.8), 0.0), (ends,))


def _hatching(ground: Ground, brush: Brush, rng: Rng) -> Iterator[Strip]:
    """Yield slanted bars, as on an area that traffic keeps off."""
    start, period = ground.near_m * rng.uniform(1.0, 2.5), rng.uniform(1.5, 3.5)
    left, wide = ground.width_m * rng.uniform(0.05, 0.7), rng.uniform(1.0, 2.5)
    slant = rng.choice((-1.0, 1.0)) * rng.uniform(0.6, 1.5)
    for k in range(int(rng.integers(4, 12))):
        ends = (float(start + k * period), float(start + k * period + wide / abs(slant)))
        across = (float(left), float(left + wide))
        path = across if slant > 0 else across[::-1]
        yield Strip(ends, path, (1.5 * brush.width_m,) * 2, (ends,))


def _studs(ground: Ground, _: Brush, rng: Rng) -> Iterator[Strip]:
    period, start = rng.uniform(3.0, 14.0), rng.uniform(0.0, 10.0)
    spans = tuple((float(s), float(s) + 0.12) for s in np.arange(start, 80.0, period))
    for place in rng.uniform(0.05, 0.95, rng.integers(1, 4)):
        yield Strip((0.0,), (float(place * ground.width_m),), (0.12,), spans)


StripsOf = Callable[[Ground, Brush, Rng], Iterator[Strip]]
EXTRAS: tuple[tuple[float, int, StripsOf], ...] = (  # chance, label
    (0.06, LINE, _stop_line),
    (0.06, LINE, _crossing),
    (0.08, LINE, _arrow),
    (0.04, LINE, _hatching),
    (0.12, IGNORE, _studs),
)


def _wandering(ground: Ground, rng: Rng, step_m: float, turn_m: float) -> Strip:
    """Draw a path that strays at random, as cracks and tar do."""
    ahead = ground.near_m * rng.uniform(0.6, 3.0) + np.arange(rng.integers(6, 40)) * step_m
    across = ground.width_m * rng.uniform(0.05, 0.95) + np.cumsum(
        rng.normal(0, turn_m, len(ahead))
    )
    spans = ((float(ahead[0]), float(ahead[-1])),)
    width = rng.uniform(0.3, 1.0, len(ahead))
    return Strip(tuple(ahead), tuple(across), tuple(width), spans)


def _crack(ground: Ground, rng: Rng) -> Paint:
    strip = _wandering(ground, rng, rng.uniform(0.1, 0.4), rng.uniform(0.03, 0.12))
    width = tuple(0.03 * w for w in strip.width_m)
    return Paint((strip._replace(width_m=width),), ROAD, rng.uniform(0.2, 0.6))


def _seam(ground: Ground, rng: Rng) -> Paint:
    """Draw tar along a joint: dark, of a line's width, nearly straight."""
    strip = _wandering(ground, rng, rng.uniform(0.5, 2.0), rng.uniform(0.0, 0.03))
    wide = rng.uniform(0.05, 0.2)
    width = tuple(wide * (0.7 + 0.5 * w) for w in strip.width_m)
    strip = strip._replace(width_m=width, spans=((0.0, rng.choice((20.0, FAR_M))),))
    return Paint((strip,), ROAD, rng.uniform(0.25, 0.75), wear=rng.uniform(0.0, 0.3))


def _tyre_marks(ground: Ground, rng: Rng) -> Paint:
    """Draw a pair of dark tracks, soft at their sides."""
    path = _wandering(ground, rng, 1.0, rng.uniform(0.0, 0.08))
    wide, track = rng.uniform(0.15, 0.35), rng.uniform(1.4, 1.9)
    width = (wide,) * len(path.ahead_m)
    other = tuple(x + track for x in path.across_m)
    strips = path._replace(width_m=width), path._replace(width_m=width, across_m=other)
    return Paint(strips, ROAD, rng.uniform(0.5, 0.85), wear=rng.uniform(0, 0.4), blur_m=0.06)


def _streak(ground: Ground, rng: Rng) -> Paint:
    """Draw a wet or oily band: broad, darker or a little lighter, without edges."""
    strip = _wandering(ground, rng, 1.5, 0.05)
    width = tuple(0.4 + 1.2 * w for w in strip.width_m)
    strips = (strip._replace(width_m=width, spans=((0.0, FAR_M),)),)
    return Paint(
        strips, ROAD, rng.choice((rng.uniform(0.5, 0.8), rng.uniform(1.1, 1.3))), blur_m=0.3
    )


def _patch(ground: Ground, rng: Rng) -> Paint:
    """Draw mended asphalt, broader than any line, darker or lighter, frayed."""
    wide, start = rng.uniform(0.7, 3.0), ground.near_m * rng.uniform(0.9, 4.0)
    box = _box(ground.width_m * rng.uniform(0.0, 0.8), wide, start, log_uniform(rng, 1.0, 15.0))
    gain = rng.choice((rng.uniform(0.4, 0.85), rng.uniform(1.08, 1.35)))
    return Paint((box,), ROAD, gain, wear=rng.uniform(0.0, 0.5), blur_m=0.02)


def _joint(ground: Ground, rng: Rng) -> Paint:
    """Draw a thin joint straight across, dark or a little lighter than the road."""
    start, thin = ground.near_m * rng.uniform(1.0, 4.0), rng.uniform(0.01, 0.04)
    box = _box(0.0, ground.width_m, start, thin)
    gain = rng.choice((rng.uniform(0.4, 0.8), rng.uniform(1.1, 1.4)))
    return Paint((box,), ROAD, gain, wear=rng.uniform(0.2, 0.6))


PaintOf = Callable[[Ground, Rng], Paint]
DISTRACTORS: tuple[tuple[float, int, PaintOf], ...] = (  # chance, most of them
    (0.25, 2, _patch),
    (0.20, 2, _streak),
    (0.25, 2, _tyre_marks),
    (0.35, 3, _seam),
    (0.30, 4, _crack),
    (0.20, 3, _joint),
)

"""What grounds are made of: asphalt, concrete, setts, slabs, grass, soil, gravel, crops.

Knows how a tile of it looks from above, (H, W, 3) RGB, and how many metres that is; not where it
lies. A tile goes on at its borders.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import cv2
import numpy as np

from ...core.frame import U8
from ..chance import Rng, log_uniform
from .colors import Color, rgb
from .streets_camera import F32

TILE = 256  # pixels
_LEVELS = 8


class Surface(NamedTuple):
    """A tile in falling sizes, each half of the one before."""

    levels: tuple[U8, ...]
    metres: float


def surface_from_tile(tile: U8, metres: float) -> Surface:
    """Shrink a tile for all distances."""
    levels = [tile]
    while len(levels) < _LEVELS and min(levels[-1].shape[:2]) > 2:
        half = (levels[-1].shape[1] // 2, levels[-1].shape[0] // 2)
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
    return Surface(tuple(levels), metres)


def rough(rng: Rng, size: int, cells: Mapping[int, float]) -> F32:
    """Add noise of several finenesses (cells a side, powers of 2: share), spread 1, mean 0."""
    total = np.zeros((size, size), np.float32)
    for count, share in cells.items():
        grid = rng.random((count, count), np.float32)
        step, edge = size // count, min(2, count)
        padded = cv2.copyMakeBorder(grid, edge, edge, edge, edge, cv2.BORDER_WRAP)
        large = cv2.resize(padded, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        inner = slice(edge * step, edge * step + size)
        total += np.float32(share) * large[inner, inner]
    spread: F32 = (total - total.mean()) / np.float32(total.std() + 1e-6)
    return spread


def _tinted(color: Color, amount: F32) -> U8:
    """Return a colour times 1 + amount, (H, W, 3)."""
    tinted: U8 = np.clip((1 + amount)[..., None] * np.array(color, np.float32), 0, 255).astype(
        np.uint8
    )
    return tinted


def asphalt(color: Color, rng: Rng) -> Surface:
    """Draw stones in bitumen, fine or coarse, and blotches."""
    grain = rough(rng, TILE, {TILE: 1.0, TILE // 2: rng.uniform(0, 1.0)})
    blotches = rough(rng, TILE, {4: 0.6, 8: 0.5, 32: 0.4, 64: 0.3})
    amount = grain * log_uniform(rng, 0.02, 0.16) + blotches * log_uniform(rng, 0.015, 0.09)
    return surface_from_tile(_tinted(color, amount), rng.uniform(4, 9))


def blocks(color: Color, rng: Rng, long: float, wide: float, unlike: float) -> Surface:
    """Lay stones of a length and width in metres, in bond or in rows; `unlike` each other."""
    rows = int(np.clip(2 * round(1.6 / wide), 4, 24))
    columns = max(2, round(rows * wide / long))
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32) / np.float32(TILE)
    row = (y * rows).astype(int)
    shift = (row % 2) * np.float32(rng.choice([0.0, 0.5]))
    place = x * columns + shift
    tones = rng.normal(0, unlike, (rows, columns + 1))
    tones[:, -1] = tones[:, 0]
    amount = tones[row, place.astype(int)].astype(np.float32)
    gap = log_uniform(rng, 0.004, 0.02) + 0.3 / TILE * rows * wide  # metres; at least seen
    is_joint = ((y * rows) % 1 < gap / wide) | (place % 1 < gap / long)
    amount += rough(rng, TILE, {TILE: 1.0, 8: 1.0}) * np.float32(rng.uniform(0.01, 0.07))
    amount[is_joint] += np.float32(rng.choice([-1, -1, 1]) * rng.uniform(0.05, 0.45))
    return surface_from_tile(_tinted(color, amount), rows * wide)


def setts(color: Color, rng: Rng) -> Surface:
    """Lay cobbles."""
    wide = rng.uniform(0.09, 0.2)
    return blocks(color, rng, wide * rng.uniform(1, 1.6), wide, rng.uniform(0.03, 0.12))


def bricks(color: Color, rng: Rng) -> Surface:
    """Lay bricks or concrete stones."""
    return blocks(
        color, rng, rng.uniform(0.18, 0.25), rng.uniform(0.08, 0.12), rng.uniform(0.02, 0.12)
    )


def slabs(color: Color, rng: Rng) -> Surface:
    """Lay slabs."""
    wide = rng.uniform(0.25, 0.8)
    return blocks(color, rng, wide * rng.choice([1, 1, 1.5, 2]), wide, rng.uniform(0.01, 0.08))


def concrete(color: Color, rng: Rng) -> Surface:
    """Pour concrete in fields with joints."""
    long = rng.uniform(3, 6)
    return blocks(color, rng, long, long * rng.uniform(0.5, 1), rng.uniform(0.01, 0.05))


def loose(color: Color, rng: Rng) -> Surface:
    """Strew gravel, sand or soil."""
    amount = rough(rng, TILE, {TILE: 1.0, 64: 0.8, 16: 0.5, 4: 0.5}) * rng.uniform(0.06, 0.25)
    return surface_from_tile(_tinted(color, amount.astype(np.float32)), rng.uniform(3, 8))


def grass(color: Color, rng: Rng) -> Surface:
    """Grow grass, with bald or dry places at times."""
    amount = rough(rng, TILE, {TILE: 1.0, 128: 0.9, 32: 0.5, 8: 0.5})
    tile = _tinted(color, (amount * rng.uniform(0.08, 0.3)).astype(np.float32)).astype(np.float32)
    other = np.array(earth_color(rng), np.float32)
    share = np.clip(rough(rng, TILE, {4: 1.0, 8: 0.8, 32: 0.5}) - rng.uniform(0, 3), 0, 1)
    tile += (0.8 * share)[..., None] * (other - tile)
    return surface_from_tile(tile.astype(np.uint8), rng.uniform(5, 20))


def crops(color: Color, rng: Rng) -> Surface:
    """Sow in rows, on soil."""
    rows = int(rng.integers(6, 30))
    x = np.linspace(0, 2 * np.pi * rows, TILE, endpoint=False, dtype=np.float32)
    amount = np.sin(x)[None] + rough(rng, TILE, {TILE: 0.5, 64: 0.6, 8: 0.5}) * np.float32(0.7)
    soil = np.array(earth_color(rng), np.float32)
    share = np.clip(amount * 0.5 + rng.uniform(0.2, 0.9), 0, 1)[..., None]
    tile = soil + share * (np.array(color, np.float32) - soil)
    return surface_from_tile(np.clip(tile, 0, 255).astype(np.uint8), rows * rng.uniform(0.4, 1.2))


Maker = Callable[[Color, Rng], Surface]
ROADS: Mapping[Maker, float] = {asphalt: 0.76, concrete: 0.1, setts: 0.08, bricks: 0.06}
PAVEMENTS: Mapping[Maker, float] = {
    slabs: 0.36,
    bricks: 0.2,
    asphalt: 0.26,
    concrete: 0.1,
    setts: 0.08,
}


def road_color(rng: Rng) -> Color:
    """Draw from nearly black to pale, with a slight tint."""
    return rgb(rng.uniform(0, 1), min(0.4, rng.exponential(0.06)), rng.triangular(0.12, 0.36, 0.8))


def near_color(color: Color, rng: Rng) -> Color:
    """Draw a colour that can hardly be told from another."""
    red, green, blue = np.clip(
        np.array(color) * np.exp(rng.normal(0, 0.07) + rng.normal(0, 0.015, 3)), 5, 250
    )
    return int(red), int(green), int(blue)


def paving_color(rng: Rng) -> Color:
    """Draw stone, concrete or brick."""
    if rng.random() < 0.25:
        return rgb(rng.uniform(0.0, 0.09), rng.uniform(0.2, 0.6), rng.uniform(0.35, 0.8))
    return rgb(rng.uniform(0.03, 0.7), min(0.4, rng.exponential(0.08)), rng.uniform(0.25, 0.95))


def green_color(rng: Rng) -> Color:
    """Draw lush to dry."""
    return rgb(rng.uniform(0.13, 0.36), rng.uniform(0.2, 0.75), rng.uniform(0.2, 0.7))


def earth_color(rng: Rng) -> Color:
    """Draw soil, sand, straw or gravel."""
    return rgb(rng.uniform(0.03, 0.15), rng.uniform(0.05, 0.55), rng.uniform(0.25, 0.85))

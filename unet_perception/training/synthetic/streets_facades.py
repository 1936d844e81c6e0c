"""Fronts of buildings: plaster, brick, glass, sheet metal; windows, doors, shops, gates.

Knows textures (H, W, 3) RGB, the first row at the top; not where a front stands.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import cv2
import numpy as np

from ...core.frame import U8
from ..chance import Rng, weighted_index
from .colors import Color, random_color, rgb
from .streets_camera import F32
from .streets_surfaces import rough
from .textures import shade

DOTS = 14.0  # a metre


class Front(NamedTuple):
    """How the fronts of one building look."""

    wall: Color
    glass: Color
    frame: Color
    floor: float  # metres
    bay: float
    window: tuple[float, float]  # shares of bay and floor
    ground: str
    grain: str
    lit: float  # share of the windows with light behind them


def random_front(rng: Rng, is_night: bool) -> Front:
    """Draw the look of a building."""
    glass = rgb(rng.uniform(0.5, 0.65), rng.uniform(0, 0.4), rng.uniform(0.08, 0.6))
    window = (rng.uniform(0.25, 0.8), rng.uniform(0.35, 0.75))
    if rng.random() < 0.12:
        window = (rng.uniform(0.85, 0.97), rng.uniform(0.7, 0.95))
    return Front(
        wall_color(rng),
        glass,
        rgb(rng.uniform(0, 1), rng.uniform(0, 0.3), rng.choice([0.2, 0.9, 1.0])),
        rng.uniform(2.7, 4.0),
        rng.uniform(1.5, 4.5),
        window,
        _pick(GROUND_FLOORS, rng),
        _pick(GRAINS, rng),
        rng.uniform(0.1, 0.7) if is_night else rng.choice([0.0, 0.0, 0.05]),
    )


def wall_color(rng: Rng) -> Color:
    """Draw plaster, stone, brick, or paint."""
    kind = rng.random()
    if kind < 0.25:
        return rgb(rng.uniform(0.0, 0.08), rng.uniform(0.25, 0.65), rng.uniform(0.25, 0.7))
    if kind < 0.35:
        return random_color(rng)
    return rgb(rng.uniform(0.0, 0.7), min(0.5, rng.exponential(0.12)), rng.uniform(0.3, 1.0))


def _pick(shares: Mapping[str, float], rng: Rng) -> str:
    return list(shares)[weighted_index(rng, list(shares.values()))]


def facade(front: Front, long: float, tall: float, rng: Rng) -> U8:
    """Draw a front of so many metres."""
    floors, bays = max(1, round(tall / front.floor)), max(1, round(long / front.bay))
    high, wide = round(front.floor * DOTS), round(front.bay * DOTS)
    cell = _window_cell(front, high, wide, rng)
    wall = np.tile(cell, (floors, bays, 1))
    _vary_windows(wall, front, (floors, bays), rng)
    wall[-high:] = GROUND_DRAWERS[front.ground](front, (high, wide, bays), rng)
    _cornice(wall, front, rng)
    amount = GRAIN_DRAWERS[front.grain](wall.shape[:2], rng)
    grained: U8 = np.clip(wall * (1 + amount[..., None]), 0, 255).astype(np.uint8)
    return grained


def blank(front: Front, long: float, tall: float, rng: Rng) -> U8:
    """Draw a wall without windows."""
    shape = (max(4, round(tall * DOTS)), max(4, round(long * DOTS)))
    amount = GRAIN_DRAWERS[front.grain](shape, rng)
    wall = np.array(front.wall, np.float32) * (1 + amount[..., None])
    bare: U8 = np.clip(wall, 0, 255).astype(np.uint8)
    return bare


def _plain_cell(front: Front, high: int, wide: int) -> U8:
    return np.full((high, wide, 3), front.wall, np.uint8)


def _window_cell(front: Front, high: int, wide: int, rng: Rng) -> U8:
    """Draw a floor's height of wall with a window."""
    cell = _plain_cell(front, high, wide)
    w, h = round(front.window[0] * wide), round(front.window[1] * high)
    x, y = (wide - w) // 2, round((high - h) * rng.uniform(0.2, 0.5))
    cell[max(0, y - 1) : y + h + 1, max(0, x - 1) : x + w + 1] = front.frame
    cell[y : y + h, x : x + w] = _glass(front, h, w)
    for bar in range(1, int(rng.integers(1, 4))):
        cell[y : y + h, x + w * bar // 3] = front.frame
    if rng.random() < 0.5:
        cell[y + h : y + h + 2, max(0, x - 2) : x + w + 2] = shade(
            front.wall, rng.uniform(0.6, 1.3)
        )
    if rng.random() < 0.2:  # a balcony
        cell[-high // 4 :, : wide - 1] = shade(front.wall, rng.uniform(0.5, 1.2))
    return cell


def _glass(front: Front, high: int, wide: int) -> U8:
    """Mirror a little more sky toward the top."""
    ramp = np.linspace(1.35, 0.7, high)[:, None, None] * np.array(front.glass)
    glass: U8 = np.broadcast_to(np.clip(ramp, 0, 255), (high, wide, 3)).astype(np.uint8)
    return glass


def _vary_windows(wall: U8, front: Front, count: tuple[int, int], rng: Rng) -> None:
    """Light some windows, close the blinds of some."""
    floors, bays = count
    high, wide = wall.shape[0] // floors, wall.shape[1] // bays
    w, h = round(front.window[0] * wide), round(front.window[1] * high)
    x, y = (wide - w) // 2, (high - h) // 3
    for floor, bay in np.argwhere(rng.random(count) < max(front.lit, 0.2)):
        part = wall[floor * high + y : floor * high + y + h, bay * wide + x : bay * wide + x + w]
        if rng.random() < front.lit:
            part[:] = rgb(rng.uniform(0.06, 0.15), rng.uniform(0.1, 0.6), 1.0)
        else:
            part[: int(h * rng.uniform(0.2, 1))] = rgb(
                0.1, rng.uniform(0, 0.2), rng.uniform(0.4, 0.9)
            )


def _cornice(wall: U8, front: Front, rng: Rng) -> None:
    """Draw bands at the top and between floors."""
    wall[: int(rng.integers(2, 9))] = shade(front.wall, rng.uniform(0.5, 1.2))
    if rng.random() < 0.4:
        pitch = round(front.floor * DOTS)
        wall[pitch - 2 :: pitch] = shade(front.wall, rng.uniform(0.6, 1.2))


Shape = tuple[int, int, int]  # of a ground floor: height, width of a bay, bays


def _same(front: Front, shape: Shape, rng: Rng) -> U8:
    """Draw windows, and a door."""
    high, wide, bays = shape
    row = np.tile(_window_cell(front, high, wide, rng), (1, bays, 1))
    at = int(rng.integers(bays)) * wide + wide // 4
    row[high // 4 :, at : at + max(8, wide // 3)] = random_color(rng)
    return row


def _shops(front: Front, shape: Shape, rng: Rng) -> U8:
    """Draw shop windows below signs."""
    high, wide, bays = shape
    row = np.tile(_plain_cell(front, high, wide), (1, bays, 1))
    at = 0
    while at < bays:
        span = int(rng.integers(1, 4))
        low, end = at * wide + 2, min(bays, at + span) * wide - 2
        row[high // 5 :, low:end] = _glass(front, high - high // 5, 1)
        goods = rough(rng, 64, {16: 1.0, 8: 0.5})[: high - high // 2]
        inside = cv2.resize(goods, (max(1, end - low), high - high // 2))[..., None] * 25
        part = row[high // 2 :, low:end]
        part[:] = np.clip(part + inside[: len(part)], 0, 255)
        row[high - high // 8 :, low:end] = shade(front.wall, 0.7)
        row[: high // 4, low:end] = random_color(rng)
        at += span
    return row


def _gates(front: Front, shape: Shape, rng: Rng) -> U8:
    """Draw gates of garages or halls."""
    high, wide, bays = shape
    cell = _plain_cell(front, high, wide)
    gate = np.full((high - high // 4, max(2, wide - wide // 4), 3), random_color(rng), np.uint8)
    gate[:: max(2, high // 10)] = gate[0, 0] // 2
    cell[high // 4 :, wide // 8 : wide // 8 + gate.shape[1]] = gate
    return np.tile(cell, (1, bays, 1))


def _base(front: Front, shape: Shape, rng: Rng) -> U8:
    """Draw a bare base, as of stone."""
    high, wide, bays = shape
    row = np.tile(_plain_cell(front, high, wide), (1, bays, 1))
    row[high // 3 :] = shade(front.wall, rng.uniform(0.5, 1.1))
    return row


def _plaster(shape: tuple[int, int], rng: Rng) -> F32:
    noise = cv2.resize(rough(rng, 128, {4: 1.0, 16: 0.5, 128: 0.5}), shape[::-1])
    stains: F32 = noise * np.float32(rng.uniform(0.01, 0.07))
    return stains


def _courses(shape: tuple[int, int], rng: Rng) -> F32:
    """Lay bricks: joints across, each brick of its own tone."""
    tones = rng.normal(0, rng.uniform(0.02, 0.1), (shape[0], max(1, shape[1] // 3)))
    amount: F32 = cv2.resize(tones.astype(np.float32), shape[::-1])
    amount[:: int(rng.integers(2, 5))] += np.float32(rng.choice([-0.12, 0.15]))
    return amount


def _ribs(shape: tuple[int, int], rng: Rng) -> F32:
    """Fold sheet metal, upright or level."""
    long = shape[1] if rng.random() < 0.6 else shape[0]
    wave = np.sin(np.arange(long) * rng.uniform(0.5, 2.0)).astype(np.float32)
    wave *= np.float32(rng.uniform(0.03, 0.15))
    ribs: F32 = np.broadcast_to(wave if long == shape[1] else wave[:, None], shape).copy()
    return ribs


GROUND_FLOORS: Mapping[str, float] = {'same': 3, 'shops': 4, 'gates': 1, 'base': 2}
GROUND_DRAWERS: Mapping[str, Callable[[Front, Shape, Rng], U8]] = {
    'same': _same,
    'shops': _shops,
    'gates': _gates,
    'base': _base,
}
GRAINS: Mapping[str, float] = {'plaster': 5, 'courses': 3, 'ribs': 1}
GRAIN_DRAWERS: Mapping[str, Callable[[tuple[int, int], Rng], F32]] = {
    'plaster': _plaster,
    'courses': _courses,
    'ribs': _ribs,
}

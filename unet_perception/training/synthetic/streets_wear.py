"""What years do to a road: mended patches, cracks, joints, tracks, manholes, damp.

Knows factors on the light of a road seen from above; not its surface. All of it stays road.
"""

from collections.abc import Callable

import cv2
import numpy as np

from ..chance import Rng, log_uniform
from .streets_camera import F32
from .streets_surfaces import rough

DOTS = 20.0  # a metre
SHAPE = (1280, 512)  # ahead 64 m, across 25.6 m; the road's middle is in the middle
_BORDER = 0.7  # metres


def random_wear(width: float, rng: Rng) -> F32:
    """Draw a road of this width, factors (H, W)."""
    sheet = np.ones(SHAPE, np.float32)
    for draw, chance in KINDS.items():
        if rng.random() < chance:
            draw(sheet, width, rng)
    return sheet


def _x(across: float) -> float:
    return across * DOTS + SHAPE[1] / 2


def _factor(rng: Rng, darker: float = 0.7) -> float:
    """Draw a factor, mostly below one."""
    spread = abs(rng.normal(0, 0.22))
    return float(np.exp(-spread if rng.random() < darker else spread))


def _patches(sheet: F32, width: float, rng: Rng) -> None:
    """Mend holes and trenches with another asphalt."""
    for _ in range(int(rng.integers(1, 9))):
        size = np.array([log_uniform(rng, 0.4, 4), log_uniform(rng, 0.4, 12)]) * DOTS
        start = np.array([_x(rng.uniform(-width / 2, width / 2)), rng.uniform(0, SHAPE[0])])
        low, high = (np.round(edge).astype(int) for edge in (start - size / 2, start + size / 2))
        low, high = np.maximum(low, 0), np.maximum(high, 0)
        sheet[low[1] : high[1], low[0] : high[0]] *= _factor(rng)
        cv2.rectangle(sheet, low.tolist(), high.tolist(), _factor(rng, 0.9), 1)


def _cracks(sheet: F32, width: float, rng: Rng) -> None:
    """Let cracks wander, or the tar that fills them."""
    for _ in range(int(rng.integers(2, 22))):
        start = np.array([_x(rng.uniform(-width / 2, width / 2)), rng.uniform(0, SHAPE[0])])
        way = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35, 40))
        steps = np.stack([np.cos(way), np.sin(way)], 1) * rng.uniform(2, 9)
        points = (start + np.cumsum(steps, 0))[: int(rng.integers(8, 40))].astype(np.int32)
        cv2.polylines(sheet, [points], False, rng.uniform(0.4, 0.85), int(rng.integers(1, 3)))


def _joints(sheet: F32, width: float, rng: Rng) -> None:
    """Draw joints along the road, and across it at times."""
    for _ in range(int(rng.integers(1, 4))):
        x = round(_x(rng.uniform(-0.9, 0.9) * width / 2))
        sheet[:, x : x + int(rng.integers(1, 3))] *= _factor(rng, 0.85)
    if rng.random() < 0.3:
        pitch = round(rng.uniform(3, 12) * DOTS)
        sheet[::pitch] *= 0.75
        sheet[1::pitch] *= 0.75


def _tracks(sheet: F32, width: float, rng: Rng) -> None:
    """Polish or stain the lanes where wheels run, or oil drips."""
    lanes = max(1, round(width / 3.5))
    x = (np.arange(SHAPE[1]) - SHAPE[1] / 2) / DOTS / width * lanes * 2 * np.pi
    wave = np.cos(x * rng.choice([1, 2]) + rng.choice([0, np.pi]))
    sheet *= np.exp(wave * rng.uniform(0.02, 0.1)).astype(np.float32)


def _manholes(sheet: F32, width: float, rng: Rng) -> None:
    """Set lids of iron."""
    for _ in range(int(rng.integers(1, 6))):
        x, y = _x(rng.uniform(-0.9, 0.9) * width / 2), rng.uniform(0, SHAPE[0])
        place, radius = (round(x), round(y)), round(rng.uniform(0.28, 0.42) * DOTS)
        cv2.circle(sheet, place, radius + 1, _factor(rng), -1)
        cv2.circle(sheet, place, radius, _factor(rng, 0.8) * 0.8, -1)
        cv2.circle(sheet, place, radius // 2, _factor(rng), 1)


def _damp(sheet: F32, _width: float, rng: Rng) -> None:
    """Leave damp or oily places: darker, of soft outline."""
    noise = rough(rng, 256, {4: 1.0, 8: 0.8, 16: 0.4, 64: 0.2})
    large = cv2.resize(noise, SHAPE[::-1], interpolation=cv2.INTER_LINEAR)
    amount = np.clip((large - rng.uniform(0.0, 1.8)) * rng.uniform(1, 6), 0, 1)
    sheet *= 1 - amount * np.float32(rng.uniform(0.1, 0.55))


def _border(sheet: F32, width: float, rng: Rng) -> None:
    """Let dust or damp gather at the sides, or give the gutter another stone."""
    beside = np.abs(np.arange(SHAPE[1]) - SHAPE[1] / 2) / DOTS
    wide = rng.uniform(0.2, _BORDER)
    sheet[:, beside > width / 2 - wide] *= _factor(rng, 0.5)


def _halves(sheet: F32, width: float, rng: Rng) -> None:
    """Renew one lane, or the road from some place on."""
    if rng.random() < 0.5:
        start = round(_x(rng.uniform(-0.4, 0.4) * width / 2))
        sheet[:, start:] *= _factor(rng, 0.5)
    else:
        sheet[round(rng.uniform(3, 30) * DOTS) :] *= _factor(rng, 0.5)


KINDS: dict[Callable[[F32, float, Rng], None], float] = {
    _tracks: 0.6,
    _halves: 0.15,
    _patches: 0.4,
    _damp: 0.4,
    _border: 0.4,
    _joints: 0.4,
    _cracks: 0.4,
    _manholes: 0.35,
}

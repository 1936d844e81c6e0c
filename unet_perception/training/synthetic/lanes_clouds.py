"""Skies that no photo of the folder shows: blue, grey, red or dark, with clouds or without.

Knows colours and noise; not where in a photo there is sky.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ..chance import Rng, log_uniform, weighted_index
from .lanes_ground import F32

_TILE, _OCTAVES, _SHRINK = 256, 6, 2  # pixels of noise; halvings; pixels a sample of sky
_STEEP = 0.12  # of the height: clouds so far above the horizon look half as high as wide
Range = tuple[float, float]
Color = tuple[Range, Range, Range]  # hue, saturation, value


class Kind(NamedTuple):
    """A kind of sky, how often it is drawn, and the colours between which it fades."""

    share: float
    zenith: Color
    horizon: Color
    cloud: Color
    cover: Range
    """How much of the sky clouds take; below 0 all but none."""
    softness: Range
    """Of the clouds' rims: small for cumulus, large for haze."""
    stretch: Range
    """How many times longer than high clouds are."""


_BLUE, _GREY, _WARM = (0.53, 0.66), (0.5, 0.68), (0.02, 0.13)
_WHITE: Color = (_GREY, (0.0, 0.08), (0.85, 1.0))
_NO, _FEW, _MANY = (-0.5, -0.3), (0.1, 0.5), (0.5, 1.0)

KINDS = {
    'deep blue': Kind(
        0.22, (_BLUE, (0.55, 1.0), (0.3, 0.95)), (_BLUE, (0.1, 0.7), (0.6, 1.0)),
        _WHITE, _NO, (0.2, 0.4), (1.0, 2.0),
    ),
    'pale blue': Kind(
        0.14, (_BLUE, (0.15, 0.5), (0.7, 1.0)), (_BLUE, (0.0, 0.25), (0.8, 1.0)),
        _WHITE, _NO, (0.2, 0.4), (1.0, 2.0),
    ),
    'cumulus': Kind(
        0.18, (_BLUE, (0.3, 1.0), (0.4, 0.95)), (_BLUE, (0.1, 0.5), (0.7, 1.0)),
        _WHITE, _FEW, (0.06, 0.2), (1.0, 2.5),
    ),
    'cirrus': Kind(
        0.12, (_BLUE, (0.3, 0.9), (0.4, 0.95)), (_BLUE, (0.1, 0.5), (0.7, 1.0)),
        _WHITE, _FEW, (0.5, 1.0), (4.0, 12.0),
    ),
    'overcast': Kind(
        0.13, (_GREY, (0.0, 0.15), (0.4, 0.9)), (_GREY, (0.0, 0.12), (0.6, 1.0)),
        (_GREY, (0.0, 0.2), (0.3, 0.9)), _MANY, (0.4, 1.0), (1.5, 5.0),
    ),
    'sunset': Kind(
        0.10, ((0.55, 0.85), (0.15, 0.6), (0.3, 0.75)), (_WARM, (0.3, 0.9), (0.7, 1.0)),
        (_WARM, (0.2, 0.7), (0.35, 1.0)), _FEW, (0.2, 0.8), (2.0, 9.0),
    ),
    'dusk': Kind(
        0.06, ((0.58, 0.75), (0.3, 0.8), (0.1, 0.4)), ((0.5, 1.1), (0.1, 0.6), (0.3, 0.7)),
        ((0.55, 0.8), (0.1, 0.4), (0.15, 0.45)), _FEW, (0.2, 0.9), (2.0, 8.0),
    ),
    'dark': Kind(
        0.05, ((0.55, 0.72), (0.0, 0.6), (0.0, 0.15)), ((0.0, 1.0), (0.0, 0.4), (0.03, 0.3)),
        (_GREY, (0.0, 0.3), (0.05, 0.25)), _FEW, (0.4, 1.0), (1.5, 5.0),
    ),
}  # fmt: skip


def random_sky(size: tuple[int, ...], horizon: float, rng: Rng) -> F32:
    """Draw a sky for an image of `size` (H, W), linear light (H, W, 3)."""
    kind = list(KINDS.values())[weighted_index(rng, [kind.share for kind in KINDS.values()])]
    height, width = size
    rows, columns = -(-height // _SHRINK), -(-width // _SHRINK)
    up = (np.float32(horizon) - _SHRINK * np.arange(rows, dtype=np.float32)[:, None]) / height
    up = np.maximum(up, 0)
    x = np.linspace(-0.5, 0.5, columns, dtype=np.float32)[None] * (width / height)
    sky = _gradient(kind, up + x * np.float32(rng.normal(0, 0.1)), rng)
    sky = _clouded(sky, kind, up, x, rng) + _glow(kind, up, x, rng)
    light = cv2.resize(sky, (width, height), interpolation=cv2.INTER_LINEAR) ** 2
    noise = rng.standard_normal((height, width, 1), np.float32) * np.float32(0.006)
    drawn: F32 = np.clip(light * (1 + noise), 0, 1.3)
    return drawn


def _gradient(kind: Kind, up: F32, rng: Rng) -> F32:
    """Fade from horizon to zenith."""
    ends = [_color(color, rng) for color in (kind.horizon, kind.zenith)]
    share = (1 - np.exp(-np.maximum(up, 0) / np.float32(log_uniform(rng, 0.08, 0.6))))[..., None]
    faded: F32 = ends[0] * (1 - share) + ends[1] * share
    return faded


def _clouded(sky: F32, kind: Kind, up: F32, x: F32, rng: Rng) -> F32:
    """Lay clouds over the sky, on a plane that goes back to the horizon."""
    cover = rng.uniform(*kind.cover)
    if cover < 0:
        return sky
    tile = _fractal(rng, rng.uniform(0.8, 1.4))
    depth = np.float32(1.0) / (up + np.float32(_STEEP))
    scale, stretch = log_uniform(rng, 12, 45), log_uniform(rng, *kind.stretch)
    lean = rng.normal(0, 0.6)
    to_x = x * depth * np.float32(scale / stretch**0.5) + np.float32(rng.uniform(0, _TILE))
    to_y = depth * np.float32(scale * stretch**0.5) * (1 + np.float32(lean) * x)
    softness = np.float32(rng.uniform(*kind.softness))
    density = _looked_up(tile, to_x, to_y)
    share = np.clip((density - np.float32(1 - cover)) / softness, 0, 1)[..., None]
    lit = (density - _looked_up(tile, to_x, to_y + np.float32(4.0)))[..., None]
    shade = 1 + np.clip(lit, -0.25, 0.15) - share * np.float32(rng.uniform(0, 0.25))
    clouded: F32 = sky * (1 - share) + _color(kind.cloud, rng) * shade * share
    return clouded


def _glow(kind: Kind, up: F32, x: F32, rng: Rng) -> F32:
    """Return the light around the sun, where it is near the view."""
    warm = _color(kind.horizon, rng) * np.float32(rng.uniform(0.0, 0.4))
    away = (x - rng.uniform(-0.8, 0.8)) ** 2 + (up - rng.uniform(0.0, 0.6)) ** 2
    glow: F32 = np.exp(-away / np.float32(log_uniform(rng, 0.01, 0.3)))[..., None] * warm
    return glow


def _color(color: Color, rng: Rng) -> F32:
    """Draw RGB (3,), 0 to 1, from ranges of hue, saturation and value."""
    hue, saturation, value = (rng.uniform(*bounds) for bounds in color)
    channels = np.abs((hue * 6 + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1
    drawn: F32 = (value * (1 - saturation * (1 - np.clip(channels, 0, 1)))).astype(np.float32)
    return drawn


def _fractal(rng: Rng, roughness: float) -> F32:
    """Draw noise (n, n) whose finer octaves are weaker, every value of 0 to 1 equally often."""
    tile = np.zeros((_TILE, _TILE), np.float32)
    for octave in range(2, 2 + _OCTAVES):
        cells = rng.standard_normal((2**octave,) * 2, np.float32)
        tile += cv2.resize(cells, (_TILE, _TILE), interpolation=cv2.INTER_CUBIC) * np.float32(
            2 ** (-roughness * octave)
        )
    levels = np.quantile(tile[::4, ::4], np.linspace(0, 1, 33))
    ranked: F32 = np.interp(tile, levels, np.linspace(0, 1, 33)).astype(np.float32)
    return ranked


def _looked_up(tile: F32, x: F32, y: F32) -> F32:
    """Look up noise; it goes on mirrored."""
    x, y = np.broadcast_arrays(x, y)
    noise: F32 = cv2.remap(
        tile, x.copy(), y.copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return noise

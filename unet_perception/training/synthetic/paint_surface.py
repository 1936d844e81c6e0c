"""What time and light do to a road: wear, shadows, glare, and how sharp a photo is.

Knows the ground's metres and linear light; not markings or labels. Everything but glare is drawn
on the ground and seen in perspective.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ...core.frame import U8
from ...core.geometry import Size
from ...core.scores import F64
from ..chance import Rng, log_uniform
from .lanes_ground import F32
from .paint_strips import Ground

_TILE, _DOTS = 512, 40.0  # a tile of noise is 12.8 m wide, and goes on mirrored
_CELLS = (2, 6, 20, 64)  # dots; 5 cm to 1.6 m
_MAP, _MAP_DOTS = (640, 256), 8.0  # of shadows: 80 m ahead, 32 m across


class Places(NamedTuple):
    """Where on the ground the rows below the road's far end lie, in metres, (rows, W) each."""

    across: F32
    ahead: F32
    sharpness: F32
    """Pixels a metre ahead, (rows, 1): how much of a texture is left at this distance."""


def places(ground: Ground, size: Size) -> Places:
    """Look up the ground under each pixel."""
    rows: F64 = np.arange(ground.road.far, size.height, dtype=np.float64)[:, None] + 0.5
    columns = np.arange(size.width)[None] + 0.5
    left, wide = ground.road.columns(rows, 0.0), ground.road.widths(rows)
    across = (columns - left) * (ground.width_m / wide)
    ahead = ground.ahead(rows, columns - ground.road.columns(rows, 0.5))
    sharpness = (rows - ground.road.horizon) ** 2 / ground.reach
    f32 = np.float32
    return Places(across.astype(f32), ahead.astype(f32), sharpness.astype(f32))


def random_tile(rng: Rng) -> F32:
    """Draw noise of several scales, every value of 0 to 1 equally often."""
    tile = np.zeros((_TILE, _TILE), np.float32)
    for cell in _CELLS:
        cells = rng.standard_normal((_TILE // cell,) * 2, np.float32) * log_uniform(rng, 0.3, 1.5)
        tile += cv2.resize(cells, (_TILE, _TILE), interpolation=cv2.INTER_LINEAR)
    levels = np.quantile(tile[::4, ::4], np.linspace(0, 1, 33))
    ranked: F32 = np.interp(tile, levels, np.linspace(0, 1, 33)).astype(np.float32)
    return ranked


def noise_at(where: Places, tile: F32) -> F32:
    """Look up noise at every place."""
    x, y = where.across * np.float32(_DOTS), where.ahead * np.float32(_DOTS)
    noise: F32 = cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return noise


def kept(noise: F32, sharpness: F32, wear: float) -> F32:
    """Return how much of the paint is left, 0 to 1, where the share `wear` is worn away."""
    left = np.clip((noise - np.float32(wear)) * np.float32(6.0) + np.float32(0.5), 0, 1)
    seen = np.clip(sharpness * np.float32(0.3), 0, 1)  # far away the holes blend
    blended: F32 = left * seen + np.float32(1 - wear) * (1 - seen)
    return blended


def random_shadows(where: Places, tile: F32, rng: Rng) -> F32:
    """Return the light that reaches the road, a factor (rows, W, 3): trees, poles, vehicles."""
    kinds = rng.random(2) < (0.5, 0.6)
    shade = np.zeros(_MAP, np.float32)
    if kinds[0]:
        np.maximum(shade, _foliage(tile, rng), out=shade)
    if kinds[1]:
        np.maximum(shade, _solids(rng), out=shade)
    shade = cv2.GaussianBlur(shade, (0, 0), log_uniform(rng, 0.3, 2.0))
    to_x = (where.across + np.float32(8.0)) * np.float32(_MAP_DOTS)
    seen = cv2.remap(shade, to_x, where.ahead * np.float32(_MAP_DOTS), cv2.INTER_LINEAR)
    depth = rng.uniform(0.45, 0.88) * np.array([1.0, 0.97, 0.90])  # the sky still lights it, blue
    light: F32 = np.float32(1.0) - seen[..., None] * depth.astype(np.float32)
    return light


def _foliage(tile: F32, rng: Rng) -> F32:
    """Draw trees beside the road: blobs of noise, denser toward one side."""
    scale = rng.uniform(0.6, 2.0)
    shift = rng.uniform(0, _TILE / 2, 2)
    matrix = np.array([[1 / scale, 0, shift[0]], [0, 1 / scale, shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    noise = cv2.warpAffine(
        tile, matrix, _MAP[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )
    slope = rng.choice((-1.0, 1.0)) * np.linspace(-1, 1, _MAP[1]) * rng.uniform(0.2, 1.0)
    density = slope[None] + np.interp(np.arange(_MAP[0]), *_knots(rng))[:, None]
    blobs: F32 = np.clip((noise + density - 0.7) * 8, 0, 1).astype(np.float32)
    return blobs


def _knots(rng: Rng) -> tuple[list[float], list[float]]:
    """Return how densely trees stand, along the road."""
    at = np.linspace(0, _MAP[0], 24)
    return at.tolist(), rng.uniform(-0.4, 0.4, 24).tolist()


def _solids(rng: Rng) -> F32:
    """Draw what casts straight shadows across: poles, vehicles, bridges."""
    shade = np.zeros(_MAP, np.uint8)
    for _ in range(rng.integers(1, 5)):
        ahead, long = rng.uniform(2, 40), log_uniform(rng, 0.2, 8.0)
        ends = np.sort(rng.uniform(0, 32, 2)) if rng.random() < 0.5 else np.array([0.0, 32.0])
        lean = rng.normal(0.0, 0.25) * (ends[1] - ends[0])
        corners = [(ends[0], ahead), (ends[1], ahead + lean)]
        corners += [(ends[1], ahead + lean + long), (ends[0], ahead + long)]
        polygon = (np.array(corners) * _MAP_DOTS).astype(np.int32)
        cv2.fillConvexPoly(shade, polygon, (255,))
    solids: F32 = shade.astype(np.float32) / np.float32(255.0)
    return solids


def random_glare(ground: Ground, size: Size, level: float, rng: Rng) -> F32:
    """Return light (rows, W) that a low sun adds: a band toward the horizon, and a veil.

    `level` is the light of the road itself, which no lamp or sun outshines without end.
    """
    rows = np.arange(ground.road.far, size.height, dtype=np.float32)[:, None]
    columns = np.arange(size.width, dtype=np.float32)[None]
    depth = (rows - rows[0]) / np.float32(size.height)
    middle = rng.uniform(0.1, 0.9) * size.width + rng.normal(0.0, 0.4) * (rows - rows[0])
    wide = size.width * (rng.uniform(0.04, 0.25) + depth * np.float32(rng.uniform(0.0, 0.4)))
    band = np.exp(-(((columns - middle) / wide) ** 2) - depth / np.float32(rng.uniform(0.1, 0.8)))
    most = min(rng.uniform(0.1, 0.9), level * log_uniform(rng, 1.0, 8.0))
    light: F32 = (most * (band + rng.uniform(0.0, 0.1))).astype(np.float32)
    return light


def blur_from_image(image: U8) -> float:
    """Return the blur of a photo's strongest edges as the sigma of a Gaussian, 0 to 2.5 pixels.

    A step edge blurred by sigma s has, after further blurs of 1 and 2 pixels, slopes of the ratio
    r = sqrt((s² + 4) / (s² + 1)), so s² = (4 - r²) / (r² - 1) (Zhuo and Sim 2011, eq. 6).
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine, coarse = (_slopes(cv2.GaussianBlur(grey, (0, 0), sigma)) for sigma in (1.0, 2.0))
    strong = fine >= np.quantile(fine[::2, ::2], 0.99)
    squared = float(np.median(fine[strong] / np.maximum(coarse[strong], 1e-3))) ** 2
    return float(np.clip((4 - squared) / max(squared - 1, 1e-3), 0, 2.5**2) ** 0.5)


def _slopes(grey: F32) -> F32:
    slopes: F32 = cv2.magnitude(
        cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    )
    return slopes

"""Puts paint on a photo's road, in linear light, and keeps account of what each pixel got.

Knows light, coverage and wear; not which markings there are, nor what the labels become.
"""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from ...core.frame import U8
from ...core.geometry import Size
from ...core.scores import IGNORE
from ..chance import Rng
from .lanes_ground import F32
from .paint_layout import LINE, Paint
from .paint_strips import Coverage, Ground, coverage
from .paint_surface import Places, kept, noise_at, places, random_tile

_GRAIN = 0.6  # of the asphalt's grain and the camera's noise shows through paint
_AROUND = (4.0, 24.0)  # pixels: what is averaged as the asphalt around; where that has none


class Surface(NamedTuple):
    """What paint is put on: the rows below the road's far end, (rows, W) and (rows, W, 3)."""

    ground: Ground
    size: Size
    where: Places
    tile: F32
    noise: F32
    road: F32
    """Ones on road pixels: whatever stands before the road stays before its paint."""
    light: F32
    around: F32
    """Light that the asphalt around returns, without its grain: shadows fall on paint, too."""
    sharp: float
    """Sigma of the photo's blur, in pixels."""


class Sheet(NamedTuple):
    """A painted surface, before other light falls on it, (rows, W, 3) and (rows, W)."""

    light: F32
    bare: F32
    """The light without the lines."""
    cover: F32
    """Greatest share of each pixel under a line."""
    firm: F32
    """The same, of lines that are not too thin."""
    left: F32
    """The same, of what wear has left."""
    unsure: F32
    """Greatest share under paint that is neither line nor road."""


def surface_from_photo(
    ground: Ground, light: F32, road: U8, real: U8, sharp: float, rng: Rng
) -> Surface:
    """Look at a photo's light (H, W, 3), its road and its real markings (H, W)."""
    below = slice(ground.road.far, None)
    size = Size(*road.shape)
    where, tile = places(ground, size), random_tile(rng)
    on = road[below].astype(np.float32)
    around = _around(light[below], on * (1 - real[below].astype(np.float32)))
    noise = noise_at(where, tile)
    return Surface(ground, size, where, tile, noise, on, light[below], around, sharp)


def _around(light: F32, plain: F32) -> F32:
    """Average the plain asphalt near each pixel; farther away where there is none near."""
    near, wide = (_average(light, plain, sigma) for sigma in _AROUND)
    share = np.clip(near[1] * np.float32(5.0), 0, 1)[..., None]
    around: F32 = near[0] * share + wide[0] * (1 - share)
    return around


def _average(light: F32, plain: F32, sigma: float) -> tuple[F32, F32]:
    """Return the weighted mean (rows, W, 3) and the weight (rows, W)."""
    side = (round(3.5 * sigma) | 1,) * 2  # a box applied twice is all but a Gaussian
    summed = cv2.blur(cv2.blur(light * plain[..., None], side), side)
    weight: F32 = cv2.blur(cv2.blur(plain, side), side)
    return summed / np.maximum(weight, np.float32(1e-4))[..., None], weight


def painted(surface: Surface, under: Iterable[Paint], lines: Iterable[Paint]) -> Sheet:
    """Put paint on a surface, `lines` last."""
    light = surface.light.copy()
    for paint in under:
        _put(surface, light, paint, _below(surface, paint))
    blank = [np.zeros_like(surface.road) for _ in range(4)]
    sheet = Sheet(light, light.copy(), *blank)
    for paint in lines:
        cover = _below(surface, paint)
        left = _put(surface, light, paint, cover)
        if paint.label == LINE:
            kinds = ((sheet.cover, cover.all), (sheet.firm, cover.firm), (sheet.left, left))
            for total, plane in kinds:
                np.maximum(total, plane, out=total)
        else:
            assert paint.label == IGNORE, 'what is road lies under the lines'
            np.maximum(sheet.unsure, cover.all, out=sheet.unsure)
    return sheet


def _below(surface: Surface, paint: Paint) -> Coverage:
    """Draw a paint's strips; the rows below the road's far end."""
    cover = coverage(surface.ground, paint.strips, surface.size)
    far = surface.ground.road.far
    return Coverage(cover.all[far:] * surface.road, cover.firm[far:] * surface.road)


def _put(surface: Surface, light: F32, paint: Paint, cover: Coverage) -> F32:
    """Blend one paint into `light`; return what share of each pixel it covers after wear."""
    left = cover.all
    if paint.wear > 0:
        left = left * kept(surface.noise, surface.where.sharpness, paint.wear)
    alpha = _blurred(surface, left, paint.blur_m) * surface.road
    at = np.nonzero(alpha > 1e-3)
    around, grain = surface.around[at], light[at] - surface.around[at]
    asphalt = np.maximum(around + np.float32(_GRAIN) * np.minimum(grain, around), 0)
    colour = asphalt * (np.float32(paint.gain) * np.asarray(paint.tint, np.float32))
    share = alpha[at][:, None]
    light[at] = light[at] * (1 - share) + np.minimum(colour, np.float32(1.3)) * share
    return left


def _blurred(surface: Surface, cover: F32, blur_m: float) -> F32:
    """Blur like the camera did, and by a softness on the ground, in its middle distance."""
    middle = surface.ground.road.widths(np.array([0.8 * surface.size.height]))[0]
    soft = blur_m * middle / surface.ground.width_m
    sigma = float(np.hypot(surface.sharp, soft))
    return cover if sigma < 0.2 else cv2.GaussianBlur(cover, (0, 0), sigma)

"""One photo of a road, painted with lines, and the mask that goes with it.

Knows pixels, light and labels; not folders. Light is linear, the square of the pixel's value (a
display's gamma is near 2), so that paint, shadow and glare multiply and add as they do outdoors.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ...core.frame import U8
from ...core.geometry import Size
from ...core.scores import IGNORE
from ..chance import Rng
from .lanes_ground import F32, road_from_mask
from .lanes_pavement import paved
from .lanes_ridges import ridges
from .lanes_world import Photo, elsewhere
from .paint_canvas import Sheet, Surface, painted, surface_from_photo
from .paint_extras import random_distractors, random_extras
from .paint_layout import LINE, ROAD, random_brush, random_lines
from .paint_strips import Ground, ground_from_road
from .paint_surface import blur_from_image, random_glare, random_shadows

SHADOWS, GLARE, PAVEMENT, PARALLEL = 0.35, 0.2, 0.35, 0.1
"""Chances; `PARALLEL` is of an asphalt area farther from the road."""
_SEEN, _LEFT, _TRACE = 8.0, 0.3, 0.08  # grey levels; share of paint left, of a pixel covered
_NEAR = np.ones((5, 5), np.uint8)
_DARKEST = 0.004  # light of a road at night, raised to this so that paint can be told from it


class Scene(NamedTuple):
    """A painted photo."""

    image: U8  # (H, W, 3) RGB
    mask: U8
    road: U8
    """Ones (H, W) where the mask shows road, before it is painted."""
    real: U8
    """Ones (H, W) where the photo itself may show markings."""
    has_road: bool
    """Whether the mask showed a road to paint lines on."""


def paint_scene(image: U8, mask: U8, rng: Rng, *, is_elsewhere: bool = True) -> Scene:
    """Paint a photo (H, W, 3) RGB with a mask (H, W) of 0, 1 = road and 255, at random.

    The mask becomes 2 where a line covers at least half of a pixel and can be seen; 255 where
    paint is too thin, too worn or too faint to tell, and where the photo may show real markings.
    Without a plausible road nothing is painted. If `is_elsewhere`, the place may change at random,
    too: its sky, its colours, and what lies beside the road; the lines are the same either way.
    """
    road = (mask == ROAD).astype(np.uint8)
    shape = road_from_mask(road)
    light = _light(image) if shape is None else _raised(_light(image), road)
    place, beside = (_apart(rng, jumps) for jumps in (1, 2))
    photo = Photo(light, mask, ridges(image, road, shape), shape)
    if is_elsewhere:
        photo = elsewhere(photo, image, place)
    if photo.shape is None:
        return Scene(_pixels(photo.light), _doubted(photo), road, photo.real, has_road=False)
    sharp = blur_from_image(image)
    ground = ground_from_road(photo.shape, Size(*mask.shape), rng)
    return _painted(photo, ground, sharp, rng, beside if is_elsewhere else None)


def _apart(rng: Rng, jumps: int) -> Rng:
    """Return another source of chance, and leave this one: the lines are the same in any place."""
    assert isinstance(rng.bit_generator, np.random.PCG64)
    return np.random.Generator(rng.bit_generator.jumped(jumps))


def _painted(photo: Photo, ground: Ground, sharp: float, rng: Rng, beside: Rng | None) -> Scene:
    """Paint lines on a road of a known scale, and lay pavements `beside` it, if that is given."""
    brush = random_brush(ground, rng)
    lines = random_lines(ground, brush, rng)
    lines += random_extras(ground, brush, rng) if lines else ()
    light = _exposed(photo.light, photo.road, brush.gain if lines else 0.0, rng).copy()
    surface = surface_from_photo(ground, light, photo.road, photo.real, sharp, rng)
    below = slice(ground.road.far, None)
    surface, walk = _with_pavement(surface, photo.mask[below], photo.real[below], beside)
    sheet = painted(surface, random_distractors(ground, rng), lines)
    lit, contrast = _lit(surface, sheet, walk, rng)
    light[below] = lit
    real = photo.real.copy()
    real[below][walk > 0.5] = 0
    photo = photo._replace(real=real)
    labels = _doubted(photo)
    labels[below] = _labelled(labels[below], surface, sheet, contrast)
    return Scene(_pixels(light), labels, photo.road, real, has_road=True)


def _doubted(photo: Photo) -> U8:
    """Return the mask, and 255 where the photo may show real markings."""
    doubted: U8 = np.where(photo.real > 0, np.uint8(IGNORE), photo.mask)
    return doubted


def _with_pavement(surface: Surface, mask: U8, real: U8, rng: Rng | None) -> tuple[Surface, F32]:
    """Lay pavements at times: the surface with them, and their share of each pixel."""
    has_walk, has_park = (rng is not None and rng.random() < p for p in (PAVEMENT, PARALLEL))
    if rng is None or not (has_walk or has_park):
        return surface, np.zeros_like(surface.road)
    background = (mask == 0).astype(np.float32)
    plain = surface.road * (real == 0)
    pavement = paved(surface, background, plain, has_walk, has_park, rng)
    return surface._replace(light=pavement.light), pavement.share


def _raised(light: F32, road: U8) -> F32:
    """Raise a photo of a road by night to where 8 bits can hold a contrast."""
    raised: F32 = light * np.float32(np.clip(_DARKEST / _middle(light, road), 1.0, 8.0))
    return raised


def _exposed(light: F32, road: U8, gain: float, rng: Rng) -> F32:
    """Darken a photo whose road is too bright for brighter paint: less light, newer asphalt."""
    middle = _middle(light, road)
    if middle * gain <= 1.2:
        return light
    factor = max(rng.uniform(0.6, 1.2) / (middle * gain), 0.1)
    share = rng.uniform(0.2, 1.0)
    on = cv2.GaussianBlur(road.astype(np.float32), (0, 0), 0.7)[..., None]
    asphalt, everywhere = np.float32(factor**share), np.float32(factor ** (1 - share))
    exposed: F32 = light * ((1 + on * (asphalt - 1)) * everywhere)
    return exposed


def _lit(surface: Surface, sheet: Sheet, walk: F32, rng: Rng) -> tuple[F32, F32]:
    """Let shadow and glare fall on a sheet: its light, and the lines' contrast in grey levels."""
    light, bare, on = sheet.light, sheet.bare, np.maximum(surface.road, walk)[..., None]
    if rng.random() < SHADOWS:
        shade = 1 - on + on * random_shadows(surface.where, surface.tile, rng)
        light, bare = light * shade, bare * shade
    if rng.random() < GLARE:
        level = float(_brightness(bare)[surface.road > 0].mean())
        glare = random_glare(surface.ground, surface.size, level, rng)[..., None] * on
        light, bare = light + glare, bare + glare
    at = np.nonzero(sheet.cover > 0)
    contrast = np.zeros_like(surface.road)
    seen, without = (np.sqrt(np.clip(plane[at], 0, 1)) for plane in (light, bare))
    contrast[at] = _brightness(seen - without) * np.float32(255.0)
    return light, contrast


def _labelled(labels: U8, surface: Surface, sheet: Sheet, contrast: F32) -> U8:
    """Return the labels with lines, and with 255 where paint leaves room for doubt."""
    left = cv2.blur(sheet.left, (5, 5)) / np.maximum(cv2.blur(sheet.cover, (5, 5)), 1e-3)
    is_seen = (cv2.dilate(contrast, _NEAR) >= _SEEN) & (left >= _LEFT)
    is_line = (sheet.firm >= 0.5) & is_seen & (surface.road > 0)
    beside = cv2.dilate(is_line.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    # less than half of a rim is paint: not line
    is_rim = beside & (sheet.cover < 0.5) & (sheet.firm > 0)
    is_unsure = ((sheet.cover > _TRACE) & ~is_rim) | (sheet.unsure > _TRACE)
    result = np.where(is_unsure & (surface.road > 0), np.uint8(IGNORE), labels)
    result[is_line] = LINE
    return result


def _middle(light: F32, road: U8) -> float:
    """Return the median brightness of the road."""
    return max(float(np.median(_brightness(light)[road > 0])), 1e-4)


def _brightness(light: F32) -> F32:
    """Return the mean of red and green: yellow paint is bright, too."""
    brightness: F32 = (light[..., 0] + light[..., 1]) * np.float32(0.5)
    return brightness


def _light(pixels: U8) -> F32:
    values = np.arange(256, dtype=np.float32) / np.float32(255.0)
    light: F32 = (values**2)[pixels]
    return light


def _pixels(light: F32) -> U8:
    values = np.sqrt(np.clip(light, 0, 1)) * np.float32(255.0)
    pixels: U8 = (values + np.float32(0.5)).astype(np.uint8)
    return pixels

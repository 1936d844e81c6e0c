"""Pavements, kerbs and car parks beside a road: they look much like it and are none.

Knows the road's sides, metres and light; not what paving is made of, nor labels.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from ...core.scores import F64
from ..chance import Rng, log_uniform
from .lanes_ground import F32, Road
from .lanes_paving import KERB, Paving, Spot, random_material, random_paving, textured
from .paint_canvas import Surface
from .paint_layout import FAR_M

BOTH, KERBED, GRASS, GAP, OWN, ENDS, ALTERNATING = 0.6, 0.75, 0.25, 0.2, 0.3, 0.2, 0.06
"""Chances: of each side, a kerb after a gap, grass or a gap up to the road, the road's own
texture, ends in view, a kerb painted in two tones."""
_NEAR_FIT = 0.08  # of the road's width: how far the mask's side may lie from the fitted one
_SMOOTH = 5.0  # rows
_SIDES = (-1, 1)


class Band(NamedTuple):
    """A band beside the road; `start_m` counts from the road's side outward."""

    start_m: float
    width_m: float
    paving: Paving
    is_own: bool
    """Whether the road's own texture is repeated there."""
    ahead_m: tuple[float, float]
    ragged_m: float
    """How uneven its outer edge is."""


class Pavement(NamedTuple):
    """The surface's light with pavements (rows, W, 3), and their share of each pixel (rows, W)."""

    light: F32
    share: F32


def paved(
    surface: Surface, background: F32, plain: F32, has_walk: bool, has_park: bool, rng: Rng
) -> Pavement:
    """Lay pavements on the `background` (rows, W) beside a road, in the road's light.

    `plain` is ones where the road shows neither markings nor doubt, (rows, W).
    """
    sides = [side for side in _SIDES if rng.random() < BOTH] or [int(rng.choice(_SIDES))]
    light, total = surface.light.copy(), np.zeros_like(surface.road)
    rows = np.arange(surface.ground.road.far, surface.size.height, dtype=np.float64) + 0.5
    for side in sides:
        beside, mirrored = _beside(surface, rows, side)
        lit = _Lit(surface, mirrored, plain, background, rng.uniform(0.0, 0.5))
        for band in _random_bands(has_walk, has_park, rng):
            share = _share(surface, band, beside) * background
            share = _blurred(share, surface.sharp) * background
            light += (lit.light_of(band, beside) - light) * share[..., None]
            np.maximum(total, share, out=total)
    return Pavement(light, total)


def _beside(surface: Surface, rows: F64, side: int) -> tuple[Spot, F32]:
    """Return where pixels lie beside one side, and the columns that they mirror, (rows, W)."""
    road = surface.ground.road
    edge = _edge(road, surface.road, rows, side)[:, None]
    columns = np.arange(surface.size.width)[None] + 0.5
    scale = road.widths(rows)[:, None] / surface.ground.width_m
    beside = ((columns - edge) * side / scale).astype(np.float32)
    mirrored = (2 * edge - columns - 0.5).astype(np.float32)
    return Spot(surface.where, beside, scale.astype(np.float32)), mirrored


def _edge(road: Road, on: F32, rows: F64, side: int) -> F64:
    """Return the column (rows,) of a side: the mask's where it is near the fitted one, smooth."""
    fitted = road.columns(rows, 0.0 if side < 0 else 1.0)
    is_on, width = on > 0, on.shape[1]
    seen = is_on.argmax(axis=1) if side < 0 else width - is_on[:, ::-1].argmax(axis=1)
    off = seen - fitted
    is_near = np.abs(off) < _NEAR_FIT * road.widths(rows)
    is_near &= is_on.any(axis=1) & (seen > 0) & (seen < width)
    weight = cv2.GaussianBlur(is_near.astype(np.float64), (1, 0), 0, sigmaY=_SMOOTH)[:, 0]
    shift = cv2.GaussianBlur(np.where(is_near, off, 0.0), (1, 0), 0, sigmaY=_SMOOTH)[:, 0]
    edge: F64 = fitted + shift / np.maximum(weight, 0.2)
    return edge


def _random_bands(has_walk: bool, has_park: bool, rng: Rng) -> Iterator[Band]:
    """Yield what lies beside one side, outward: kerb, pavement, car park."""
    ends = sorted(log_uniform(rng, 2.0, 80.0) for _ in range(2))
    ahead = (ends[0], ends[1]) if rng.random() < ENDS else (0.0, FAR_M)
    start = 0.0
    if has_walk:
        for band in _walk(ahead, rng):
            yield band
            start = band.start_m + band.width_m
    if has_park:
        start += log_uniform(rng, 0.8, 5.0)
        paving = random_paving(random_material(rng), rng)
        yield Band(start, log_uniform(rng, 2.0, 12.0), paving, rng.random() < OWN, ahead, 0.2)


def _walk(ahead: tuple[float, float], rng: Rng) -> Iterator[Band]:
    """Yield a pavement, after its kerb if it has one; right at the road it always has."""
    start, is_grass = _random_gap(rng)
    if not is_grass and (start == 0 or rng.random() < KERBED):
        for kerb in _kerb(start, ahead, rng):
            yield kerb
            start = kerb.start_m + kerb.width_m
    width, ragged = log_uniform(rng, 0.8, 4.0), rng.uniform(0.0, 0.15)
    paving = random_paving(random_material(rng), rng)
    yield Band(start, width, paving, rng.random() < OWN, ahead, ragged)


def _random_gap(rng: Rng) -> tuple[float, bool]:
    """Return how far from the road a pavement begins, and whether there is grass between."""
    kind = rng.random()
    if kind < GRASS:
        return rng.uniform(0.4, 2.5), True
    return (rng.uniform(0.03, 0.3) if kind < GRASS + GAP else 0.0), False


def _kerb(start: float, ahead: tuple[float, float], rng: Rng) -> Iterator[Band]:
    """Yield a kerb's face, and its upper side."""
    stone = random_paving(KERB, rng)
    if rng.random() < ALTERNATING:
        tones = np.where(np.arange(stone.tones.shape[0]) % 2, 1.0, rng.uniform(0.2, 2.5))
        stone = stone._replace(tones=np.broadcast_to(tones[:, None], stone.tones.shape))
    face = stone._replace(tint=stone.tint * np.float32(rng.uniform(0.35, 1.1)))
    height, width = rng.uniform(0.04, 0.15), rng.uniform(0.1, 0.3)
    yield Band(start, height, face, False, ahead, 0.0)
    yield Band(start + height, width, stone, False, ahead, 0.0)


def _share(surface: Surface, band: Band, spot: Spot) -> F32:
    """Return the share of each pixel that a band takes (rows, W)."""
    uneven = (surface.noise - np.float32(0.5)) * np.float32(2 * band.ragged_m)
    inner = (spot.beside - np.float32(band.start_m)) * spot.scale
    outer = (np.float32(band.start_m + band.width_m) + uneven - spot.beside) * spot.scale
    half = np.float32(0.5)
    share: F32 = np.clip(inner + half, 0, 1) * np.clip(outer + half, 0, 1)
    ahead, sharpness = spot.where.ahead, spot.where.sharpness
    share *= np.clip((ahead - np.float32(band.ahead_m[0])) * sharpness + half, 0, 1)
    share *= np.clip((np.float32(band.ahead_m[1]) - ahead) * sharpness + half, 0, 1)
    return share


class _Lit:
    """The light that falls beside a road, as its own asphalt and the verge show it."""

    def __init__(
        self, surface: Surface, mirrored: F32, plain: F32, background: F32, verge: float
    ) -> None:
        self._tile = surface.tile
        to_y = np.broadcast_to(np.arange(len(plain), dtype=np.float32)[:, None], plain.shape)
        planes = (surface.around, surface.light, cv2.blur(plain, (9, 9)))
        around, light, weight = (
            cv2.remap(plane, mirrored, to_y.copy(), cv2.INTER_LINEAR) for plane in planes
        )
        near = np.clip(2 * weight - 1, 0, 1)[..., None]
        shade = _shade(surface.light, background, verge)[..., None]
        self._around = (around * near + _level(surface.light, plain) * (1 - near)) * shade
        grain = np.clip(light / np.maximum(around, np.float32(1e-4)), 0.3, 2.0)
        self._grain = 1 + (grain - 1) * near

    def light_of(self, band: Band, spot: Spot) -> F32:
        """Return the light of a band's surface (rows, W, 3)."""
        tint = band.paving.tint if band.is_own else textured(band.paving, spot, self._tile)
        light: F32 = np.minimum(self._around * self._grain * tint, np.float32(1.3))
        return light


def _level(light: F32, plain: F32) -> F32:
    """Return the mean light of the plain road in each row and those near it, (rows, 1, 3)."""
    summed = cv2.GaussianBlur((light * plain[..., None]).sum(axis=1), (1, 0), 0, sigmaY=12.0)
    weight = cv2.GaussianBlur(plain.sum(axis=1)[:, None], (1, 0), 0, sigmaY=12.0)
    mean = (light * plain[..., None]).sum(axis=(0, 1)) / max(float(plain.sum()), 1.0)
    level: F32 = (summed + mean * 0.5) / (weight + 0.5)
    return level[:, None].astype(np.float32)


def _shade(light: F32, background: F32, power: float) -> F32:
    """Return how bright the verge is, relative to its row: shadows go on over pavements."""
    grey = light.mean(axis=2) * background
    near = cv2.blur(grey, (41, 25)) / np.maximum(cv2.blur(background, (41, 25)), 1e-3)
    row = grey.sum(axis=1) / np.maximum(background.sum(axis=1), 1.0)
    relative = (near + np.float32(0.01)) / (row[:, None] + np.float32(0.01))
    shade: F32 = np.clip(relative, 0.3, 1.8) ** np.float32(power)
    return shade


def _blurred(share: F32, sigma: float) -> F32:
    return share if sigma < 0.2 else cv2.GaussianBlur(share, (0, 0), sigma)

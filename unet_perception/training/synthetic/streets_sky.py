"""The sky and what stands at the horizon: clouds, hills, woods, towers.

Knows directions; not the street.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.geometry import Size
from ..chance import Rng, log_uniform
from .colors import Color, rgb
from .streets_camera import F32, Camera
from .streets_canvas import Canvas, Gain
from .streets_light import Light
from .streets_surfaces import rough

_COARSE = 2  # the sky is soft: it is drawn smaller, and enlarged
_CEILING = 0.12  # tangent; with it, clouds at the horizon stay broad enough to be seen


def paint_sky(canvas: Canvas, light: Light, rng: Rng) -> None:
    """Fill the whole canvas with sky."""
    size = canvas.camera.size
    small = Size(size.height // _COARSE, size.width // _COARSE)
    camera = canvas.camera._replace(size=small, focal=canvas.camera.focal / _COARSE)
    right, up, ahead = camera.rays()
    rise = up / np.sqrt(right**2 + ahead**2)
    sky = _gradient(rise, light, rng)
    if light.clouds:
        _add_clouds(sky, (right, rise, ahead), light, rng)
    if light.has_sun:
        _add_sun(sky, (right, up, ahead), light, rng)
    pixels = np.clip(sky, 0, 255).astype(np.uint8)
    canvas.color[:] = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LINEAR)


def _gradient(rise: F32, light: Light, rng: Rng) -> F32:
    """Mix the colours of horizon and zenith by the height above the horizon."""
    share = np.clip(rise / np.float32(rng.uniform(0.3, 1.2)), 0, 1) ** np.float32(
        rng.uniform(0.4, 1.0)
    )
    low, high = (np.array(color, np.float32) for color in (light.horizon, light.zenith))
    sky: F32 = low + share[..., None] * (high - low)
    return sky


def _add_clouds(sky: F32, rays: tuple[F32, F32, F32], light: Light, rng: Rng) -> None:
    """Lay a flat layer of clouds over the sky."""
    right, rise, ahead = rays
    tile = rough(rng, 256, {4: 1.0, 8: 0.7, 16: 0.45, 32: 0.3, 64: 0.15})
    scale = np.float32(rng.uniform(15, 60)) / np.maximum(rise + _CEILING, _CEILING)
    x, y = right * scale + rng.uniform(0, 256), ahead * scale + rng.uniform(0, 256)
    noise = cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    level = np.quantile(tile[::8, ::8], 1 - light.clouds)
    amount = np.clip((noise - level) * np.float32(log_uniform(rng, 0.5, 2.5)), 0, 1)
    amount *= np.clip(rise / np.float32(0.12), 0.25, 1) * np.float32(rng.uniform(0.4, 1.0))
    bright = float(np.mean(light.horizon)) * rng.uniform(0.9, 1.3)
    tops = np.array(light.horizon, np.float32) * 0.4 + np.float32(0.6 * bright)
    shade = 1 - np.clip(noise, 0, 2)[..., None] * np.float32(rng.uniform(0, 0.25))
    sky += amount[..., None] * (tops * shade - sky)


def _add_sun(sky: F32, rays: tuple[F32, F32, F32], light: Light, rng: Rng) -> None:
    """Add the glow around the sun."""
    length = np.sqrt(rays[0] ** 2 + rays[1] ** 2 + rays[2] ** 2)
    toward = sum(ray * np.float32(k) for ray, k in zip(rays, light.to_sun, strict=True)) / length
    glow = np.clip(toward, 0, 1) ** np.float32(log_uniform(rng, 8, 300))
    sky += glow[..., None] * np.array(light.sun, np.float32) * np.float32(rng.uniform(20, 160))


def paint_horizon(canvas: Canvas, light: Light, is_town: bool, rng: Rng) -> None:
    """Paint hills, woods or towers far away, one before another."""
    layers = int(rng.integers(0, 4))
    for layer in range(layers):
        is_near = layer == layers - 1
        if is_near and rng.random() < 0.7:
            tops, color = _towers(rng) if is_town and rng.random() < 0.6 else _woods(rng)
        else:
            tops, color = _hills(rng)
        haze = (0.25 if is_near else 0.8 - 0.2 * layer) * rng.uniform(0.7, 1.2)
        ground = light.on(np.array([0.0, 0.7, -0.7]))
        shade = _mixed(color, ground, light.horizon, min(haze, 0.95))
        cv2.fillPoly(canvas.color, [_below(canvas.camera, tops)], shade)


def _mixed(color: Color, gain: Gain, air: Gain, haze: float) -> list[float]:
    near = np.array(color) * np.array(gain)
    mixed: list[float] = np.clip(near + haze * (np.array(air) - near), 0, 255).tolist()
    return mixed


def _below(camera: Camera, tops: F32) -> NDArray[np.int32]:
    """Outline what lies below a skyline of `tops` (tangents, from left to right), (N, 2)."""
    angles = np.linspace(-1.35, 1.35, len(tops))
    points = np.stack([np.sin(angles), tops, np.cos(angles)], 1)
    pixels = camera.pixels(points @ camera.axes.T)
    foot = 2.0 * camera.size.height
    ends = np.array([[pixels[-1, 0], foot], [pixels[0, 0], foot]])
    return np.concatenate([pixels, ends]).clip(-9000, 9000).astype(np.int32)


def _hills(rng: Rng) -> tuple[F32, Color]:
    tops = np.zeros(160)
    for cells in (4, 9, 24):
        tops += (
            np.interp(np.linspace(0, cells, 160), np.arange(cells + 1), rng.random(cells + 1))
            / cells
        )
    color = rgb(rng.uniform(0.2, 0.6), rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.6))
    return (tops * log_uniform(rng, 0.04, 0.5)).astype(np.float32), color


def _woods(rng: Rng) -> tuple[F32, Color]:
    tops = 0.6 + 0.4 * rng.random(300) + np.repeat(rng.random(30), 10) * rng.uniform(0, 1)
    color = rgb(rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.6), rng.uniform(0.12, 0.4))
    return (tops * log_uniform(rng, 0.01, 0.09)).astype(np.float32), color


def _towers(rng: Rng) -> tuple[F32, Color]:
    heights = rng.random(60) ** rng.uniform(1, 4) * log_uniform(rng, 0.05, 0.3) + 0.01
    color = rgb(rng.uniform(0, 1), rng.uniform(0, 0.3), rng.uniform(0.3, 0.8))
    return np.repeat(heights, 8).astype(np.float32), color

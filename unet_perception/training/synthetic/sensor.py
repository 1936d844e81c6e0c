"""What a real room and a phone's camera add to a rendered picture, in moderation.

Knows pixels and distances; training augments further.
"""

import cv2
import numpy as np

from ...core.frame import U8
from ..chance import Rng
from .colors import temperature
from .textures import F32

SHADE_WIDTH = 320  # pixels; shade is soft, so that few will do


def exposed(image: U8, depth: F32, rng: Rng) -> U8:
    """Return image (H, W, 3) with soft shade, uneven light, white balance, blur and noise."""
    x = image.astype(np.float32) / np.float32(255.0)
    x *= (_shade(depth, rng) * _falloff(x.shape[:2], rng))[..., None]
    x *= np.array(temperature(rng.normal(6200, 1100)), np.float32)
    x *= np.float32(np.clip(rng.uniform(0.3, 0.62) / (x.mean() + 1e-3), 0.5, 3.0))
    x = np.clip(x, 0, 1.3) ** np.float32(np.exp(rng.normal(0, 0.15)))
    grey = x.mean(axis=2, keepdims=True)
    x = grey + (x - grey) * np.float32(rng.uniform(0.55, 1.15))
    if rng.random() < 0.6:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 0.9) * len(x) / 240)
    x += rng.normal(0, rng.uniform(0.002, 0.02), x.shape).astype(np.float32)
    out: U8 = np.clip(x * np.float32(255.0) + np.float32(0.5), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        return _compressed(out, int(rng.integers(50, 92)))
    return out


def _compressed(image: U8, quality: int) -> U8:
    """Return what a JPEG of that quality leaves."""
    jpeg = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    blocky: U8 | None = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert blocky is not None, 'what was just encoded decodes'
    return blocky


def _shade(depth: F32, rng: Rng) -> F32:
    """Darken what lies behind its surroundings, (H, W).

    Luft, Colditz, Deussen 2006, Image Enhancement by Unsharp Masking the Depth Buffer: stands
    for the light of the room that does not reach the gaps between things.
    """
    height, width = depth.shape
    rows = max(1, round(height * SHADE_WIDTH / width))
    small = cv2.resize(depth, (SHADE_WIDTH, rows), interpolation=cv2.INTER_AREA)
    small = np.minimum(small, 3 * np.median(small))
    shade = np.ones_like(small)
    for spread, reach in ((4.0, 0.02), (13.0, 0.06)):  # pixels, metres
        gap = small - cv2.GaussianBlur(small, (0, 0), spread)
        shade -= np.float32(rng.uniform(0.0, 0.22)) * np.clip(gap / np.float32(reach), 0, 1)
    shade = cv2.GaussianBlur(shade, (0, 0), 1.0)
    large: F32 = cv2.resize(shade, (width, height), interpolation=cv2.INTER_LINEAR)
    return large


def _falloff(shape: tuple[int, ...], rng: Rng) -> F32:
    """Light from one side and a lens that is darker at its corners, (H, W)."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)
    side, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.3)
    light = 1 + np.float32(strength) * (
        x * np.float32(np.cos(side)) + y * np.float32(np.sin(side))
    )
    corners: F32 = light * (1 - np.float32(rng.uniform(0, 0.14)) * (x * x + y * y))
    return corners

"""One random view of a labelled image, on the network's canvas.

Knows pixels; image and mask go through one transform, the mask by nearest neighbour so that ids
never blend, and what lies outside the image becomes `IGNORE`.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.frame import U8
from ..core.geometry import Size
from ..core.scores import F64, IGNORE

Rng = np.random.Generator
F32 = NDArray[np.float32]


def random_view(image: U8, mask: U8, size: Size, rng: Rng) -> tuple[U8, U8]:
    """Return image (H, W, 3) and mask (H, W) of `size`, moved, stretched and re-lit at random."""
    matrix = _random_affine(Size(*mask.shape), size, rng)
    wh = (size.width, size.height)
    view = cv2.warpAffine(image, matrix, wh, flags=cv2.INTER_LINEAR)
    label = cv2.warpAffine(mask, matrix, wh, flags=cv2.INTER_NEAREST, borderValue=(float(IGNORE),))
    view = _relit(view, rng)
    inside = cv2.warpAffine(np.ones_like(mask), matrix, wh, flags=cv2.INTER_NEAREST)
    view[inside == 0] = 0  # as the letterbox leaves it
    return view, label


def _random_affine(source: Size, target: Size, rng: Rng) -> F64:
    """Letterbox to `target`, then vary aspect, zoom, place, tilt and side."""
    aspect = np.exp(rng.uniform(np.log(0.9), np.log(2.1)))  # width over height once placed
    height = min(target.height, target.width / aspect)
    zoom = np.exp(rng.uniform(np.log(0.85), np.log(1.35)))
    scale_y = zoom * height / source.height
    scale_x = zoom * height * aspect / source.width * rng.choice((-1.0, 1.0))
    angle = np.deg2rad(rng.normal(0.0, 4.0))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([scale_x, scale_y])
    canvas = np.array([target.width, target.height])
    slack = canvas * (0.15, 0.08)  # cameras are mounted upright: the ground stays below
    room = np.abs([scale_x * source.width, scale_y * source.height]) - canvas
    reach = np.maximum(slack, room * (0.5, 0.25))
    centre = canvas / 2 + rng.uniform(-reach, reach)
    shift = centre - linear @ (np.array([source.width, source.height]) / 2)
    return np.column_stack([linear, shift])


def _relit(image: U8, rng: Rng) -> U8:
    """Vary exposure, contrast, gamma, colour, shadow, sharpness, noise and JPEG blocks."""
    x = image.astype(np.float32) / np.float32(255.0)
    x **= _factor(rng, 0.3)
    x *= _factor(rng, 0.25) * np.exp(rng.normal(0.0, 0.2, 3)).astype(np.float32)
    x = (x - np.float32(0.5)) * _factor(rng, 0.2) + np.float32(0.5)
    grey = x.mean(axis=2, keepdims=True)
    x = grey + (x - grey) * np.float32(rng.uniform(0.1, 1.9))
    if rng.random() < 0.3:
        x *= _shadow(x.shape[:2], rng)[..., None]
    if rng.random() < 0.25:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.3:
        x += rng.normal(0.0, rng.uniform(0.005, 0.05), x.shape).astype(np.float32)
    out: U8 = np.clip(x * np.float32(255.0) + np.float32(0.5), 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        blocky: U8 | None = cv2.imdecode(cv2.imencode('.jpg', out, quality)[1], cv2.IMREAD_COLOR)
        assert blocky is not None, 'what was just encoded decodes'
        return blocky
    return out


def _factor(rng: Rng, spread: float) -> np.float32:
    """Return a factor around 1, as often above as below."""
    factor: np.float32 = np.float32(np.exp(rng.normal(0.0, spread)))
    return factor


def _shadow(shape: tuple[int, ...], rng: Rng) -> F32:
    """Return a factor (H, W) that darkens a random polygon, softly edged."""
    corners = rng.uniform(0, 1, (4, 2)) * (shape[1], shape[0])
    inside = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(corners.astype(np.int32)), (255,))
    soft = cv2.GaussianBlur(inside, (0, 0), 3.0).astype(np.float32) / np.float32(255.0)
    factor: F32 = np.float32(1.0) - soft * np.float32(rng.uniform(0.2, 0.6))
    return factor

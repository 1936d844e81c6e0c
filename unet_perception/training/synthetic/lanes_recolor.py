"""Another colour for the road or for all but the road, so that colour alone tells neither.

Knows linear light; not skies, pavements or labels.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.frame import U8
from ..chance import Rng, log_uniform, weighted_index
from .lanes_ground import F32

ROAD_SHARE = 0.5
"""Chance that it is the road that changes, else all the rest."""
_SOFT = 1.2  # pixels
_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # of luma (ITU-R BT.601)
_ROAD = (0.006, 0.8)  # light of a road after the change, at least and at most
Range = tuple[float, float]


class Shift(NamedTuple):
    """A change of colour, how often it is drawn, and its ranges."""

    share: float
    hue: Range
    """Degrees."""
    saturation: Range
    gain: Range
    tints: tuple[tuple[float, float, float], ...] = ((1.0, 1.0, 1.0),)


ROADS = {
    'pale concrete': Shift(
        0.28, (0, 0), (0.0, 0.5), (1.4, 3.5), ((1.0, 1.0, 0.97), (1.05, 1.0, 0.88))
    ),
    'reddish': Shift(0.22, (0, 0), (0.5, 1.0), (0.7, 1.5), ((1.25, 0.9, 0.78), (1.1, 0.97, 0.85))),
    'dark': Shift(0.28, (0, 0), (0.1, 0.9), (0.2, 0.6)),
    'bluish': Shift(0.12, (0, 0), (0.4, 1.0), (0.6, 1.3), ((0.9, 1.0, 1.15),)),
    'grey': Shift(0.10, (0, 0), (0.0, 0.2), (0.8, 1.25)),
}
RESTS = {
    'other greens': Shift(0.25, (-30, 30), (0.6, 1.8), (0.6, 1.6)),
    'autumn': Shift(0.15, (-75, -30), (0.7, 1.8), (0.7, 1.4)),
    'desert': Shift(0.20, (-60, -20), (0.3, 0.9), (1.1, 2.4), ((1.2, 1.0, 0.75),)),
    'town grey': Shift(
        0.22, (0, 0), (0.0, 0.35), (0.6, 1.8), ((1.0, 1.0, 1.0), (1.04, 1.0, 0.93))
    ),
    'snow': Shift(0.08, (0, 0), (0.0, 0.25), (2.0, 5.0), ((0.95, 1.0, 1.08),)),
    'anything': Shift(0.10, (-180, 180), (0.5, 1.6), (0.5, 1.8)),
}


def recolored(light: F32, road: U8, rng: Rng) -> F32:
    """Change the colour of the road (H, W) or of the rest in a photo's light (H, W, 3)."""
    on = cv2.GaussianBlur(road.astype(np.float32), (0, 0), _SOFT)
    is_road = rng.random() < ROAD_SHARE
    table = ROADS if is_road else RESTS
    shifts = list(table.values())
    shift = shifts[weighted_index(rng, [shift.share for shift in shifts])]
    part = on if is_road else 1 - on
    gain = log_uniform(rng, *shift.gain)
    if is_road:
        middle = float(np.median(light[road > 0] @ _WEIGHTS)) if road.any() else 0.0
        low, high = (bound / max(middle, 1e-3) for bound in _ROAD)
        gain = float(np.clip(gain, low, high))
    matrix = _matrix(shift, gain, rng)
    changed = np.clip(light @ matrix.T, 0, 1)
    result: F32 = light + (changed - light) * part[..., None]
    return result


def _matrix(shift: Shift, gain: float, rng: Rng) -> NDArray[np.float32]:
    """Return what RGB is multiplied by (3, 3): turned about grey, saturated, tinted."""
    angle = np.deg2rad(rng.uniform(*shift.hue))
    grey = np.ones((3, 3)) / 3
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turned = np.cos(angle) * np.eye(3) + (1 - np.cos(angle)) * grey + np.sin(angle) * cross
    luma = np.broadcast_to(_WEIGHTS, (3, 3))
    saturated = luma + rng.uniform(*shift.saturation) * (turned - luma)
    tint = np.asarray(shift.tints[rng.integers(len(shift.tints))]) ** rng.uniform(0.4, 1.2)
    matrix: NDArray[np.float32] = (gain * tint[:, None] * saturated).astype(np.float32)
    return matrix

"""What pavements are made of: asphalt, slabs, bricks, concrete, gravel, kerb stones.

Knows metres on the ground and tones relative to the road's asphalt; not where a pavement lies.
"""

from typing import NamedTuple

import numpy as np

from ..chance import Rng, log_uniform, weighted_index
from .lanes_ground import F32
from .paint_surface import Places, noise_at

Range = tuple[float, float]
Tint = tuple[float, float, float]
GREY, WARM, RED, TAN = (1.0, 1.0, 1.0), (1.08, 1.0, 0.86), (1.25, 0.88, 0.75), (1.15, 1.0, 0.75)
LIKE = 0.5
"""Chance of a tone very close to the road's own."""
_LIKE, _ANY = (0.88, 1.14), (0.5, 2.4)
_NAMES = 61  # tones that stones choose from, in each direction; a prime, so that none line up


class Material(NamedTuple):
    """A material, how often it is drawn, and the ranges of what differs; lengths in metres."""

    share: float
    along: Range
    """Of a stone; 0 if there are none."""
    across: Range
    joint: Range
    variety: Range
    """Spread of the stones' tones."""
    grain: Range
    """Of the ground's noise, as share of the tone."""
    tints: tuple[Tint, ...] = (GREY,)
    is_bonded: bool = False
    """Whether every other row is moved by half a stone."""


MATERIALS = {
    'asphalt': Material(
        0.26, (0, 0), (0, 0), (0, 0), (0, 0), (0.05, 0.3), (GREY, GREY, WARM, RED)
    ),
    'slabs': Material(
        0.24, (0.3, 1.0), (0.3, 0.8), (0.008, 0.03), (0.02, 0.12), (0.03, 0.2), (GREY, WARM, TAN)
    ),
    'bricks': Material(
        0.20, (0.10, 0.25), (0.08, 0.2), (0.006, 0.02), (0.04, 0.2), (0.05, 0.2),
        (GREY, RED, RED, TAN), is_bonded=True,
    ),
    'concrete': Material(
        0.18, (1.5, 4.0), (1.5, 4.0), (0.01, 0.04), (0.01, 0.06), (0.03, 0.15), (GREY, GREY, WARM)
    ),
    'gravel': Material(0.12, (0, 0), (0, 0), (0, 0), (0, 0), (0.2, 0.6), (GREY, WARM, TAN)),
}  # fmt: skip
KERB = Material(
    1.0, (0.5, 1.2), (9.0, 9.0), (0.008, 0.03), (0.02, 0.12), (0.03, 0.15), (GREY, GREY, WARM)
)


class Paving(NamedTuple):
    """One surface: its stones, and the tint that it has relative to the road's asphalt."""

    along_m: float
    across_m: float
    joint_m: float
    grain: float
    tint: F32  # (3,)
    joint_tone: float
    tones: F32  # (n, n) of stones
    is_bonded: bool


class Spot(NamedTuple):
    """Where pixels lie, (rows, W): metres ahead and beside the road, and pixels a metre."""

    where: Places
    beside: F32
    scale: F32  # (rows, 1)


def random_material(rng: Rng) -> Material:
    """Draw a material by its share."""
    materials = list(MATERIALS.values())
    return materials[weighted_index(rng, [material.share for material in materials])]


def random_paving(material: Material, rng: Rng) -> Paving:
    """Draw a surface of a material; about half are nearly as bright and as grey as the road."""
    is_like = rng.random() < LIKE
    tone = log_uniform(rng, *(_LIKE if is_like else _ANY))
    tint = np.asarray(material.tints[rng.integers(len(material.tints))], np.float32)
    if is_like:
        tint = tint ** np.float32(rng.uniform(0, 0.3))
    tones = 1 + rng.standard_normal((_NAMES, _NAMES), np.float32) * np.float32(
        rng.uniform(*material.variety)
    )
    along, across, joint, grain = (
        float(rng.uniform(*bounds))
        for bounds in (material.along, material.across, material.joint, material.grain)
    )
    joint_tone = log_uniform(rng, 0.45, 0.9) if rng.random() < 0.8 else rng.uniform(1.05, 1.3)
    return Paving(
        along, across, joint, grain, tint * np.float32(tone), joint_tone, tones, material.is_bonded
    )


def textured(paving: Paving, spot: Spot, tile: F32) -> F32:
    """Return the tone of a surface at every pixel, relative to the road's, (rows, W, 3)."""
    noise = (noise_at(spot.where, tile) - np.float32(0.5)) * np.float32(2 * paving.grain)
    tone = 1 + noise * np.clip(spot.where.sharpness * np.float32(0.2) + np.float32(0.2), 0, 1)
    if paving.along_m > 0:
        tone = tone * _stones(paving, spot)
    textured: F32 = tone[..., None] * paving.tint
    return textured


def _stones(paving: Paving, spot: Spot) -> F32:
    """Return the tone of stones and joints; where they are finer than pixels, their mean."""
    row = np.floor(spot.beside / np.float32(paving.across_m))
    ahead = spot.where.ahead / np.float32(paving.along_m)
    if paving.is_bonded:
        ahead = ahead + np.float32(0.5) * (row % 2)
    stone = np.floor(ahead)
    places = (stone.astype(np.int64) % _NAMES, row.astype(np.int64) % _NAMES)
    beyond = spot.beside / np.float32(paving.across_m) - row
    ends, end_seen = _joint(ahead - stone, paving.along_m, paving.joint_m, spot.where.sharpness)
    sides, side_seen = _joint(beyond, paving.across_m, paving.joint_m, spot.scale)
    tone = 1 + (paving.tones[places] - 1) * np.minimum(end_seen, side_seen)
    joints = np.maximum(ends, sides)
    stones: F32 = tone * (1 + joints * np.float32(paving.joint_tone - 1))
    return stones


def _joint(at: F32, side_m: float, joint_m: float, sharpness: F32) -> tuple[F32, F32]:
    """Return the share of pixels that a joint takes, and how well single stones are seen.

    `at` is the place within a stone, 0 to 1; `sharpness` is pixels a metre.
    """
    away = np.minimum(at, 1 - at) * np.float32(side_m) * sharpness
    wide = np.float32(joint_m) * sharpness
    share = np.clip((wide + 1) / 2 - away, 0, np.minimum(wide, 1))
    seen: F32 = np.clip(np.float32(side_m / 2) * sharpness - np.float32(0.5), 0, 1)
    mean = np.float32(joint_m / side_m)
    return share * seen + mean * (1 - seen), seen

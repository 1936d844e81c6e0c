"""Open vessels: cups, mugs, glasses, bowls, plates, pans, vases, trays.

Knows real sizes in metres; walls have a thickness, so that both sides are seen.
"""

import numpy as np

from ...core.scores import F64
from ..chance import Rng, log_uniform
from .colors import random_color
from .meshes import Mesh, extent, join, lathe, level, mapped, superellipse, sweep
from .prints import label
from .textures import blend, metal, noise, pick, wood
from .thing import (
    CLEAR,
    GLOSSY,
    METALLIC,
    SATIN,
    TEXTURE,
    Finish,
    Thing,
    band,
    one_color,
    side_by_side,
    some_finish,
)

GLAZES = {'plain': 4, 'speckle': 1, 'stripes': 1, 'dots': 1, 'fade': 1, 'worn': 1}


def vessel(outside: F64, wall: float) -> Mesh:
    """Turn an outside (M, 2), from the foot up to the rim, and the inside that goes with it."""
    inside = outside[::-1] - (wall, 0.0)
    inside[-1] += (0.0, wall)
    inside[:, 0] = np.maximum(inside[:, 0], 0.001)
    return lathe(np.concatenate([outside, inside]))


def beaker(rng: Rng, radius: float, height: float) -> F64:
    """Return the outside of a cup, straight, conical or bulged, (8, 2)."""
    t = np.linspace(0, 1, 7)
    foot, bulge = rng.uniform(0.6, 1.0), rng.uniform(-0.08, 0.25)
    radii = radius * (foot + (1 - foot) * t + bulge * np.sin(np.pi * t))
    return np.concatenate([[(radii[0] * 0.85, 0.0)], np.stack([radii, 0.003 + height * t], 1)])


def glaze(rng: Rng) -> tuple[np.ndarray, Finish]:
    """Draw what cups and bowls are made of."""
    kind = rng.random()
    if kind < 0.12:
        return metal(rng, TEXTURE), METALLIC
    if kind < 0.2:
        return wood(rng, TEXTURE), SATIN
    return pick(rng, GLAZES, TEXTURE), some_finish(rng)


def cup(rng: Rng) -> Thing:
    """Make a cup or beaker, some of paper with print."""
    radius = rng.uniform(0.03, 0.048)
    mesh = vessel(beaker(rng, radius, radius * rng.uniform(1.2, 3.0)), 0.003)
    texture, finish = glaze(rng)
    if rng.random() < 0.4:
        band(texture, level(mesh, 1), level(mesh, 7), label(rng, 200, 400))
    elif rng.random() < 0.5:
        band(texture, level(mesh, 8), 1.0, one_color(random_color(rng), 8))
    return Thing(mesh, texture, finish)


def mug(rng: Rng) -> Thing:
    """Make a cup with a handle."""
    body = cup(rng)
    x, _, height = extent(body.mesh)
    angles = np.linspace(-1.4, 1.4, 12)
    reach = rng.uniform(0.3, 0.45) * height
    spine = np.stack([0.42 * x + reach * np.cos(angles), height / 2 + reach * np.sin(angles)], 1)
    thick = np.tile([rng.uniform(0.003, 0.005), rng.uniform(0.004, 0.008)], (12, 1))
    handle = sweep(spine, superellipse(10, 2.5), thick)
    mesh = join(mapped(body.mesh, (0, 0, 0.75, 1)), mapped(handle, (0.75, 0, 1, 1)))
    plain = body.texture[:8, :8] if rng.random() < 0.7 else one_color(random_color(rng), 8)
    return body._replace(
        mesh=mesh, texture=side_by_side(body.texture, body.texture, body.texture, plain)
    )


def glass(rng: Rng) -> Thing:
    """Make a drinking glass, some with a stem."""
    radius = rng.uniform(0.025, 0.042)
    height = radius * rng.uniform(2.0, 4.0)
    outside = beaker(rng, radius, height)
    if rng.random() < 0.3:
        stem = [(radius * 0.9, 0.0), (radius * 0.85, 0.003), (0.004, 0.006), (0.004, height * 0.6)]
        outside = np.concatenate([stem, outside + np.array([0.0, height * 0.6])])
    texture = one_color(random_color(rng) if rng.random() < 0.3 else (225, 232, 235))
    alpha = rng.uniform(0.3, 0.65)
    return Thing(vessel(outside, 0.002), texture, CLEAR._replace(alpha=alpha))


def bowl(rng: Rng) -> Thing:
    """Make a bowl, shallow or deep; some hold food."""
    radius = rng.uniform(0.05, 0.11)
    angles = np.linspace(0.3, np.pi / 2, 8)
    deep, flare = rng.uniform(0.45, 1.0), rng.uniform(0.7, 1.4)
    radii, heights = np.sin(angles) ** flare, 1 - np.cos(angles)
    outside = np.stack([radii, heights * deep], 1) * radius
    outside[:, 1] -= outside[0, 1]
    mesh = vessel(outside, rng.uniform(0.002, 0.006))
    texture, finish = glaze(rng)
    start = level(mesh, 8)
    if rng.random() < 0.5:
        band(texture, start, 1.0, one_color(random_color(rng), 8))
    if rng.random() < 0.3:
        food = blend(noise(rng, 128, 12), random_color(rng), random_color(rng))
        band(texture, start + 0.3 * (1 - start), 1.0, food)
    return Thing(mesh, texture, finish)


def plate(rng: Rng) -> Thing:
    """Make a plate or saucer with a rim, some with rings painted on it."""
    radius = rng.uniform(0.06, 0.12)
    high = rng.uniform(0.012, 0.03)
    outside = np.array([[0.55, 0.0], [0.62, 0.1], [0.7, 0.6], [1.0, 1.0]]) * (radius, high)
    mesh = vessel(outside, 0.003)
    texture, finish = glaze(rng)
    for _ in range(int(rng.integers(0, 3))):
        low = rng.uniform(level(mesh, 4), 0.95)
        band(texture, low, low + rng.uniform(0.01, 0.05), one_color(random_color(rng), 8))
    return Thing(mesh, texture, finish)


def pan(rng: Rng) -> Thing:
    """Make a pan, pot or sieve with one long handle."""
    radius, height = rng.uniform(0.06, 0.11), rng.uniform(0.03, 0.09)
    outside = np.array([[0.85, 0.0], [0.92, 0.05], [0.97, 0.5], [1.0, 1.0]]) * (radius, height)
    length = rng.uniform(0.09, 0.18)
    spine = np.linspace((0.95 * radius, 0.85 * height), (radius + length, height * 1.1), 6)
    handle = sweep(spine, superellipse(12, 3), np.tile([0.006, 0.011], (6, 1)))
    mesh = join(mapped(vessel(outside, 0.003), (0, 0, 0.5, 1)), mapped(handle, (0.5, 0, 1, 1)))
    body = metal(rng, TEXTURE) if rng.random() < 0.6 else one_color(random_color(rng))
    grip = one_color(random_color(rng)) if rng.random() < 0.7 else wood(rng, TEXTURE)
    return Thing(mesh, side_by_side(body, grip), METALLIC)


def vase(rng: Rng) -> Thing:
    """Make a vase, jug or lamp foot: a bulged outline of random curves."""
    height = rng.uniform(0.1, 0.24)
    t = np.linspace(0, 1, 14)
    curve = sum(
        rng.normal(0, 0.3 / k) * np.sin(np.pi * k * t + rng.uniform(0, 3)) for k in (1, 2, 3)
    )
    radii = height * rng.uniform(0.15, 0.3) * np.clip(1 + curve, 0.35, 1.8)
    mesh = vessel(np.stack([radii, height * t], 1), 0.004)
    texture, finish = glaze(rng)
    return Thing(mesh, texture, finish)


def lid(rng: Rng) -> Thing:
    """Make a lid with a knob, or a bottle's cap."""
    radius = log_uniform(rng, 0.012, 0.09)
    high = radius * rng.uniform(0.15, 0.8)
    knob = [(0.2, 1.0), (0.12, 1.2), (0.22, 1.6)] if rng.random() < 0.5 else [(0.7, 1.05)]
    profile = np.array([(0.97, 0.0), (1.0, 0.1), (0.95, 0.8), *knob]) * (radius, high)
    return Thing(lathe(profile), one_color(random_color(rng)), GLOSSY)

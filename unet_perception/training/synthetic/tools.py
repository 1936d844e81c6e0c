"""Tools, cutlery, stationery, small hardware: long and flat things, made lying.

Knows real sizes in metres.
"""

from itertools import pairwise

import numpy as np

from ...core.scores import F64
from ..chance import Rng, log_uniform
from .colors import random_color
from .meshes import Mesh, box, join, laid, lathe, level, loft, mapped, moved, superellipse, sweep
from .prints import printed
from .textures import metal, wood
from .thing import (
    METALLIC,
    SATIN,
    TEXTURE,
    Thing,
    band,
    one_color,
    side_by_side,
    some_finish,
    surface,
)


def rod(rng: Rng) -> Thing:
    """Make a pen, pencil, marker, brush, candle or stick with rings of colour."""
    length = rng.uniform(0.08, 0.2)
    radius = length * rng.uniform(0.02, 0.08)
    marks = np.sort(rng.uniform(0.08, 0.92, 4))
    radii = radius * rng.uniform(0.75, 1.15, 4)
    steps = [(r, m * length) for r, m in zip(radii, marks, strict=True)]
    tip = (radius * rng.uniform(0.1, 0.9), length)
    mesh = lathe([(radius * 0.8, 0.0), *steps, tip], 12)
    texture = one_color(random_color(rng))
    for _ in range(int(rng.integers(0, 4))):
        low = rng.uniform(0, 0.95)
        paint = printed(rng, 60, 60, random_color(rng)) if rng.random() < 0.3 else metal(rng, 32)
        paint = one_color(random_color(rng), 8) if rng.random() < 0.6 else paint
        band(texture, low, low + rng.uniform(0.03, 0.3), paint)
    return Thing(laid(mesh), texture, some_finish(rng))


def tool(rng: Rng) -> Thing:
    """Make a screwdriver, hammer, brush or knife: a handle and something at its end."""
    length, radius = rng.uniform(0.07, 0.12), rng.uniform(0.009, 0.016)
    t = np.linspace(0, 1, 9)
    bulge = radius * (0.8 + 0.25 * np.sin(t * rng.uniform(4, 12)))
    handle = laid(lathe(np.stack([bulge, t * length], 1), 12))
    reach = rng.uniform(0.05, 0.13)
    start = -length
    heads = (
        moved(laid(lathe([(0.003, 0.0), (0.003, reach), (0.002, reach)], 8)), (0, start, 0)),
        moved(box((rng.uniform(0.06, 0.12), 0.025, 0.025), 0.003), (0, start - 0.01, 0)),
        moved(box((0.03, reach, 0.003), 0.001), (0, start - reach / 2, 0)),
        moved(box((rng.uniform(0.02, 0.09), 0.05, 0.012), 0.003), (0, start - 0.025, 0)),
    )
    head = heads[rng.integers(len(heads))]
    mesh = join(mapped(handle, (0, 0, 0.5, 1)), mapped(head, (0.5, 0, 1, 1)))
    grip = wood(rng, TEXTURE) if rng.random() < 0.4 else one_color(random_color(rng))
    if rng.random() < 0.5:
        low = rng.uniform(0.1, 0.8)
        band(grip, low, low + 0.15, one_color(random_color(rng), 8))
    tip = metal(rng, TEXTURE) if rng.random() < 0.75 else one_color(random_color(rng))
    return Thing(mesh, side_by_side(grip, tip), METALLIC)


def ribbon(spine: F64, widths: F64, thickness: float) -> Mesh:
    """Make a flat bar along a curve (M, 2), lying."""
    scale = np.stack([widths, np.full(len(widths), thickness / 2)], axis=1)
    return laid(sweep(spine, superellipse(12, 6), scale))


def ring_bar(radius: float, width: float, thickness: float, corners: int = 24) -> Mesh:
    """Make a flat ring, lying; few corners make it a nut."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    spine = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius
    scale = np.tile([width / 2, thickness / 2], (corners, 1))
    return laid(sweep(spine, superellipse(8, 6), scale, is_loop=True))


def cutlery(rng: Rng) -> Thing:
    """Make a spoon, fork, knife or spatula."""
    length = rng.uniform(0.12, 0.2)
    t = np.linspace(0, 1, 20)
    spine = np.stack([t * length, 0.1 * length * np.sin(t * 3) * rng.uniform(-0.3, 0.3)], 1)
    head = np.exp(-(((t - 0.85) / 0.12) ** 2)) * rng.uniform(0.006, 0.02)
    widths = 0.004 + 0.003 * (t < 0.3) + head
    mesh = ribbon(spine, widths, rng.uniform(0.002, 0.005))
    steel = rng.random() < 0.7
    return Thing(
        mesh, metal(rng, TEXTURE) if steel else surface(rng), METALLIC if steel else SATIN
    )


def wrench(rng: Rng) -> Thing:
    """Make a bar with a ring at one end or at both: a wrench, a key, a bottle opener."""
    length, width = rng.uniform(0.06, 0.2), rng.uniform(0.006, 0.012)
    thick = rng.uniform(0.003, 0.009)
    bar = ribbon(np.linspace((0, 0), (length, 0), 5), np.full(5, width / 2), thick)
    radii = rng.uniform(0.8, 1.5, 2) * width
    ends = [
        moved(ring_bar(radius, width * 0.7, thick * 1.2, int(rng.choice([6, 24]))), (place, 0, 0))
        for radius, place in zip(radii, (-radii[0], length + radii[1]), strict=True)
    ]
    count = int(rng.integers(1, 3))
    texture = metal(rng, TEXTURE) if rng.random() < 0.75 else one_color(random_color(rng))
    return Thing(join(bar, *ends[:count]), texture, METALLIC)


def scissors(rng: Rng) -> Thing:
    """Make scissors, pliers or tongs: two crossed arms, each with a handle."""
    length, opening = rng.uniform(0.05, 0.11), rng.uniform(0.08, 0.35)
    arms = []
    for side in (-1, 1):
        spine = np.linspace((-0.5 * length, -side * opening * 0.5), (length, side * opening), 8)
        spine[:, 1] *= length
        blade = ribbon(spine, np.linspace(0.007, 0.002, 8), 0.003)
        grip = moved(ring_bar(0.016, 0.008, 0.008), (-0.6 * length - 0.01, 0, 0))
        grip = moved(grip, (0, side * (opening * length * 0.6 + 0.014), 0), (1, 1, 1))
        arms.append(mapped(blade, (0.5, 0, 1, 1)))
        arms.append(mapped(grip, (0, 0, 0.5, 1)))
    texture = side_by_side(one_color(random_color(rng)), metal(rng, TEXTURE))
    return Thing(join(*arms), texture, METALLIC)


def ring(rng: Rng) -> Thing:
    """Make a roll of tape, a nut, a washer, a bangle, a gasket."""
    radius = log_uniform(rng, 0.006, 0.05)
    width, thick = radius * rng.uniform(0.3, 0.9), radius * rng.uniform(0.2, 1.2)
    mesh = ring_bar(radius, width, thick, int(rng.choice([6, 24, 24])))
    texture = metal(rng, TEXTURE) if radius < 0.015 else surface(rng)
    return Thing(mesh, texture, some_finish(rng))


def bolt(rng: Rng) -> Thing:
    """Make a bolt, screw, knob or chess piece: a head on a shaft."""
    length = rng.uniform(0.015, 0.06)
    radius = length * rng.uniform(0.08, 0.18)
    pitch = np.arange(12) % 2 * 0.15 + 0.85
    shaft = lathe(np.stack([radius * pitch, np.linspace(0, length, 12)], 1), 10)
    head = lathe([(radius * 1.9, length), (radius * 2, length + radius)], int(rng.choice([6, 16])))
    texture = metal(rng, TEXTURE) if rng.random() < 0.75 else one_color(random_color(rng))
    return Thing(laid(join(shaft, head)), texture, METALLIC)


def bracket(rng: Rng) -> Thing:
    """Make a bent bar: a bracket, a hook, a hanger, a letter."""
    angles = np.cumsum(rng.uniform(0.6, 1.6, int(rng.integers(2, 5))))
    steps = np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(
        0.02, 0.09, (len(angles), 1)
    )
    corners = np.cumsum(steps, axis=0)
    points = np.concatenate([[[0.0, 0.0]], corners])
    parts = [np.linspace(a, b, 5) for a, b in pairwise(points)]
    spine = np.concatenate([part[1:-1] for part in parts])
    size = np.tile([rng.uniform(0.002, 0.012), rng.uniform(0.003, 0.02)], (len(spine), 1))
    texture = metal(rng, TEXTURE) if rng.random() < 0.5 else surface(rng)
    mesh = sweep(spine, superellipse(8, 6), size)
    return Thing(laid(mesh) if rng.random() < 0.6 else mesh, texture, some_finish(rng))


def gear(rng: Rng) -> Thing:
    """Make a toothed wheel, star or flower."""
    radius, teeth = rng.uniform(0.012, 0.05), int(rng.integers(4, 20))
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    wave = 1 + rng.uniform(0.05, 0.25) * np.tanh(3 * np.sin(teeth * angles))
    outline = np.stack([np.cos(angles), np.sin(angles)], 1) * (wave * radius)[:, None]
    thick = radius * rng.uniform(0.15, 0.7)
    rings = [np.column_stack([outline, np.full(72, z)]) for z in (0.0, thick)]
    return Thing(loft(np.stack(rings)), surface(rng), some_finish(rng))


def battery(rng: Rng) -> Thing:
    """Make a battery, a film can, a lipstick, a chess piece: two colours and a nib."""
    radius = rng.uniform(0.005, 0.014)
    length = radius * rng.uniform(2.5, 8)
    profile = [(1.0, 0.0), (1.0, 0.95), (0.5, 0.95), (0.4, 1.0)]
    mesh = lathe(np.array(profile) * (radius, length), 16)
    texture = one_color(random_color(rng))
    middle = rng.uniform(0.3, 0.8) * level(mesh, 1, 16)
    band(texture, 0.1, middle, printed(rng, 60, 120, random_color(rng)))
    return Thing(laid(mesh), texture, METALLIC)


def cable(rng: Rng) -> Thing:
    """Make a cable, string, chain or hose, lying in bends."""
    t = np.linspace(0, rng.uniform(4, 12), 60)
    radii = rng.uniform(0.02, 0.05) * (1 + 0.4 * np.sin(t * rng.uniform(0.3, 2.0)))
    spine = np.stack([np.cos(t), np.sin(t)], 1) * radii[:, None]
    spine[:, 0] += t * rng.uniform(0.002, 0.012)
    thick = rng.uniform(0.0015, 0.005)
    mesh = laid(sweep(spine, superellipse(6, 2), np.full((60, 2), thick)))
    return Thing(mesh, one_color(random_color(rng)), SATIN)

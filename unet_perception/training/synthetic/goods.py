"""Fruit, electronics, soft things, toys, and shapes of no name.

Knows real sizes in metres.
"""

import cv2
import numpy as np

from ...core.scores import F64
from ..chance import Rng, log_uniform
from .colors import Color, random_color, rgb
from .meshes import (
    Mesh,
    box,
    extent,
    join,
    laid,
    lathe,
    mapped,
    moved,
    superellipse,
    sweep,
)
from .prints import picture, printed
from .textures import blend, cloth, noise, shade, speckle
from .thing import (
    CELL,
    GLOSSY,
    MATTE,
    SATIN,
    TEXTURE,
    Thing,
    band,
    faces,
    one_color,
    printed_faces,
    side_by_side,
    some_finish,
    surface,
)

# colours of ripe and unripe, radius, how long for its width
FRUIT: tuple[tuple[Color, Color, float, float], ...] = (
    ((190, 30, 30), (220, 180, 70), 0.037, 0.9),  # apple
    ((120, 170, 50), (200, 210, 90), 0.037, 0.9),
    ((240, 140, 20), (250, 170, 40), 0.036, 0.95),  # orange
    ((250, 215, 50), (240, 230, 120), 0.028, 1.35),  # lemon
    ((200, 40, 25), (230, 90, 40), 0.03, 0.85),  # tomato
    ((170, 130, 80), (120, 90, 50), 0.03, 1.5),  # potato
    ((80, 50, 90), (140, 60, 80), 0.022, 1.25),  # plum
    ((235, 205, 175), (245, 225, 200), 0.022, 1.3),  # egg
    ((60, 110, 40), (40, 80, 30), 0.02, 5.0),  # cucumber
    ((235, 120, 40), (220, 90, 20), 0.014, 6.0),  # carrot
    ((190, 120, 60), (130, 75, 35), 0.04, 1.8),  # bread
)


def ball_profile(radius: float, stretch: float, points: int = 13) -> F64:
    """Return half an ellipse as a profile (points, 2)."""
    angles = np.linspace(-0.49 * np.pi, 0.49 * np.pi, points)
    return np.stack([np.cos(angles), stretch * np.sin(angles)], axis=1) * radius


def lumpy(mesh: Mesh, rng: Rng, amount: float) -> Mesh:
    """Deform smoothly, as nothing grown is round."""
    size = extent(mesh)
    shifts = np.zeros_like(mesh.vertices)
    for _ in range(3):
        wave = rng.normal(0, 4, 3) / size
        phase = mesh.vertices @ wave + rng.uniform(0, 6)
        shifts += np.sin(phase)[:, None] * rng.normal(0, amount, 3) * size
    return mesh._replace(vertices=mesh.vertices + shifts)


def fruit(rng: Rng) -> Thing:
    """Make fruit, vegetables, eggs or bread."""
    ripe, unripe, radius, stretch = FRUIT[rng.integers(len(FRUIT))]
    mesh = lathe(ball_profile(radius * rng.uniform(0.8, 1.3), stretch))
    texture = blend(noise(rng, TEXTURE, 3, octaves=5), ripe, unripe)
    band(texture, 0.0, 0.04, one_color((70, 50, 30), 8))
    return Thing(lumpy(mesh, rng, 0.025), texture, some_finish(rng))


def banana(rng: Rng) -> Thing:
    """Make a banana, a croissant or a pepper: a bent tube, thin at its ends."""
    angles = np.linspace(0, rng.uniform(1.0, 2.2), 14)
    reach = rng.uniform(0.06, 0.1)
    spine = np.stack([np.cos(angles), np.sin(angles)], 1) * reach
    thick = reach * rng.uniform(0.15, 0.25) * np.sin(np.linspace(0.2, 2.95, 14)) ** 0.5
    mesh = laid(sweep(spine, superellipse(12, 2.4), np.stack([thick, thick], 1)))
    color = rgb(rng.choice([0.14, 0.14, 0.02, 0.3, 0.08]), rng.uniform(0.6, 0.9), 0.9)
    return Thing(mesh, blend(noise(rng, TEXTURE, 9) ** 3, color, shade(color, 0.5)), SATIN)


def gadget(rng: Rng) -> Thing:
    """Make a phone, remote control, calculator or charger: a screen, buttons, rounded edges."""
    width = rng.uniform(0.03, 0.09)
    size = (width, width * rng.uniform(1.0, 3.2), rng.uniform(0.007, 0.03))
    color = random_color(rng) if rng.random() < 0.4 else (28, 28, 30)
    front = one_color(color, CELL)
    split = int(CELL * rng.choice([0.06, 0.3, 0.5, 0.95]))
    if split > 8:
        picture(front[6:split, 6:-6], random_color(rng), rng)
    if split < CELL // 2 + 1:
        pitch = int(rng.integers(14, 32))
        ink = random_color(rng)
        for y in range(split + 10, CELL - 8, pitch):
            for x in range(14, CELL - 8, pitch):
                cv2.circle(front, (x, y), pitch // 3, ink, -1, cv2.LINE_AA)
    side = one_color(color, CELL)
    mesh = box(size, min(size) * rng.uniform(0.1, 0.45))
    return Thing(mesh, faces([side, side, side, side, front, side]), GLOSSY)


def mouse(rng: Rng) -> Thing:
    """Make a computer mouse, a soap, a stone, a shell: half an egg."""
    length = rng.uniform(0.03, 0.06)
    mesh = lathe(ball_profile(length, 1.0, 11), 20)
    flat = moved(mesh, (0, 0, 0), (rng.uniform(0.5, 0.8), 1, rng.uniform(0.3, 0.7)))
    flat.vertices[:, 2] = np.maximum(flat.vertices[:, 2], -0.15 * length)
    return Thing(lumpy(flat, rng, 0.01), surface(rng), some_finish(rng))


def sponge(rng: Rng) -> Thing:
    """Make a sponge, an eraser, a folded towel, a bar of soap: a soft box."""
    size = rng.uniform((0.025, 0.025, 0.012), (0.14, 0.14, 0.045))
    paint = cloth(rng, CELL) if rng.random() < 0.5 else speckle(rng, CELL)
    top = paint if rng.random() < 0.6 else one_color(random_color(rng), CELL)
    mesh = lumpy(box(size, min(size) * 0.4), rng, 0.02)
    return Thing(mesh, faces([paint, paint, paint, paint, top, paint]), MATTE)


def teddy(rng: Rng) -> Thing:
    """Make a soft toy: a body, a head, limbs, ears."""
    size = rng.uniform(0.03, 0.055)
    ball = lathe(ball_profile(size, 1.0, 9), 14)
    parts = [moved(ball, (0, 0, 0), (1, 0.85, 1.2)), moved(ball, (0, 0, 1.7 * size), [0.8] * 3)]
    for side in (-1, 1):
        parts.append(moved(ball, (side * 0.9 * size, 0.3 * size, 0.4 * size), (0.6, 0.4, 0.4)))
        parts.append(moved(ball, (side * 0.6 * size, 0.5 * size, -1.0 * size), (0.45, 0.7, 0.45)))
        parts.append(moved(ball, (side * 0.6 * size, 0, 2.3 * size), (0.35, 0.2, 0.35)))
    fur = [cloth(rng, TEXTURE) for _ in range(2)]
    cells = [(0.5 * k, 0.0, 0.5 * k + 0.5, 1.0) for k in rng.integers(0, 2, len(parts))]
    mesh = join(*(mapped(part, cell) for part, cell in zip(parts, cells, strict=True)))
    return Thing(mesh, side_by_side(*fur), MATTE)


def dice(rng: Rng) -> Thing:
    """Make a die, a toy cube with letters, a puzzle cube."""
    width = log_uniform(rng, 0.01, 0.06)
    color, ink = random_color(rng), random_color(rng)
    paints = []
    for face in range(6):
        paint = one_color(color, CELL)
        for place in rng.permutation(9)[: face + 1]:
            middle = [int(CELL * (0.25 + 0.25 * k)) for k in divmod(int(place), 3)]
            cv2.circle(paint, middle, CELL // 10, ink, -1, cv2.LINE_AA)
        paints.append(paint)
    if rng.random() < 0.5:
        paints = [printed(rng, CELL, CELL, random_color(rng)) for _ in range(6)]
    return Thing(box([width] * 3, width * 0.12), faces(paints), some_finish(rng))


def block(rng: Rng) -> Thing:
    """Make a box of any shape and texture."""
    size = tuple(np.exp(rng.uniform(np.log(0.015), np.log(0.16), 3)))
    if rng.random() < 0.3:
        return Thing(box(size, 0.003), printed_faces(rng, size), some_finish(rng))
    paint = surface(rng, CELL)
    mesh = box(size, rng.uniform(0.0, 0.5) * min(size))
    return Thing(mesh, faces([paint] * 6), some_finish(rng))


def turned(rng: Rng) -> Thing:
    """Make a cylinder, cone, disc, ball or whatever a lathe makes of a random outline."""
    radius = log_uniform(rng, 0.01, 0.06)
    stretch = rng.uniform(0.3, 3.0)
    profiles = (
        np.array([(0.97, 0.0), (1.0, 0.03), (1.0, 0.97), (0.97, 1.0)])
        * (radius, radius * stretch),
        np.array([(1.0, 0.0), (rng.uniform(0.02, 0.6), 1.0)]) * (radius, radius * stretch),
        ball_profile(radius, 1.0),
        ball_profile(radius, stretch),
        np.stack([rng.uniform(0.3, 1.0, 7) * radius, np.linspace(0, stretch * radius, 7)], 1),
    )
    around = int(rng.choice([24, 24, 24, 3, 6]))
    mesh = lathe(profiles[rng.integers(len(profiles))], around)
    return Thing(mesh, surface(rng), some_finish(rng))

"""Packaging: cartons, cans, bottles, jars, pouches, tubes, books.

Knows real sizes in metres and where print goes.
"""

import cv2
import numpy as np

from ...core.frame import U8
from ..chance import Rng, log_uniform
from .colors import random_color
from .meshes import box, extent, join, lathe, level, loft, mapped, moved, projected, superellipse
from .prints import label, printed
from .textures import metal, shade
from .thing import (
    CELL,
    CLEAR,
    GLOSSY,
    MATTE,
    METALLIC,
    SATIN,
    TEXTURE,
    Thing,
    band,
    faces,
    one_color,
    printed_faces,
    side_by_side,
    some_finish,
)


def carton(rng: Rng) -> Thing:
    """Make a folding box, from medicine to cereals."""
    height = log_uniform(rng, 0.05, 0.3)
    size = (height * rng.uniform(0.45, 1.2), height * rng.uniform(0.15, 0.6), height)
    return Thing(box(size, 0.002), printed_faces(rng, size), some_finish(rng))


def parcel(rng: Rng) -> Thing:
    """Make a cardboard box with tape and an address label."""
    size = tuple(rng.uniform(0.06, 0.2, 3))
    tone = rng.uniform(0.7, 1.1)
    paints = []
    for _ in range(6):
        paint = one_color(shade((186, 146, 100), tone * rng.uniform(0.95, 1.05)), CELL)
        if rng.random() < 0.5:
            paint[56:72] = shade((200, 170, 120), rng.uniform(0.6, 1.3))
        if rng.random() < 0.4:
            paint[20:60, 30:90] = printed(rng, 40, 60, (245, 245, 240), is_front=False)
        paints.append(paint)
    return Thing(box(size, 0.002), faces(paints), MATTE)


def can(rng: Rng) -> Thing:
    """Make a tin or a drink can: a label between two metal rims, which some lack."""
    radius = rng.uniform(0.026, 0.05)
    height = radius * rng.uniform(1.2, 4.2)
    neck = rng.uniform(0.75, 1.0)
    profile = [
        (radius * neck * 0.9, 0.003),
        (radius * neck, 0.0),
        (radius, height * 0.05),
        (radius, height * 0.95),
        (radius * neck, height),
        (radius * neck * 0.93, height - 0.004),
    ]
    mesh = lathe(profile)
    texture = metal(rng, TEXTURE)
    band(texture, level(mesh, 2), level(mesh, 3), label(rng, 200, 360))
    return Thing(mesh, texture, METALLIC if rng.random() < 0.4 else SATIN)


def bottle(rng: Rng) -> Thing:
    """Make a bottle with shoulders, a neck, a cap and mostly a label; round or flattened."""
    radius = rng.uniform(0.022, 0.048)
    height, neck = radius * rng.uniform(3.5, 6.5), radius * rng.uniform(0.25, 0.6)
    shoulder = height * rng.uniform(0.5, 0.78)
    top = height * rng.uniform(0.84, 0.92)
    bend = np.linspace(0, 1, 6)
    curve = radius + (neck - radius) * (1 - np.cos(np.pi * bend)) / 2
    rise = shoulder + (top - shoulder) * bend
    cap = neck * rng.uniform(1.0, 1.4)
    waist = rng.uniform(0.85, 1.0)
    profile = [
        (radius * 0.9, 0.0),
        (radius, 0.01),
        (radius * waist, shoulder * 0.5),
        *np.stack([curve, rise], axis=1),
        (cap, top),
        (cap, height),
    ]
    mesh = lathe(profile)
    texture, finish = one_color(random_color(rng)), GLOSSY
    if rng.random() < 0.85:
        low, high = sorted(rng.uniform(0.0, 1.0, 2))
        start, end = level(mesh, 1), level(mesh, 3)
        reach = (start + low * 0.3 * (end - start), end - (1 - high) * 0.3 * (end - start))
        band(texture, *reach, label(rng, 200, 360))
    elif rng.random() < 0.6:
        finish = CLEAR
    band(texture, level(mesh, len(profile) - 2), 1.0, one_color(random_color(rng), 8))
    if rng.random() < 0.3:
        mesh = moved(mesh, (0, 0, 0), (rng.uniform(1.1, 1.5), rng.uniform(0.6, 0.9), 1))
    return Thing(mesh, texture, finish)


def jar(rng: Rng) -> Thing:
    """Make a jar or a tub with a lid wider than its mouth."""
    radius = rng.uniform(0.03, 0.055)
    height, lid = radius * rng.uniform(1.1, 2.8), rng.uniform(0.8, 1.06)
    profile = [
        (radius * 0.92, 0.0),
        (radius, height * 0.06),
        (radius, height * 0.7),
        (radius * 0.88, height * 0.8),
        (radius * lid, height * 0.8),
        (radius * lid, height),
    ]
    mesh = lathe(profile)
    texture = one_color(random_color(rng))
    band(texture, level(mesh, 1), level(mesh, 2), label(rng, 160, 400))
    lid_paint = metal(rng, 64) if rng.random() < 0.3 else one_color(random_color(rng), 64)
    band(texture, level(mesh, 4), 1.0, lid_paint)
    return Thing(mesh, texture, GLOSSY)


def pouch(rng: Rng) -> Thing:
    """Make a bag of crisps, sweets or coffee: thick in the middle, flat at its seams, creased."""
    width, height = rng.uniform(0.05, 0.2), rng.uniform(0.07, 0.28)
    t = np.linspace(0, 1, 14)
    thickness = width * rng.uniform(0.1, 0.28) * np.sin(np.pi * t) ** 0.6 + 0.001
    ring = superellipse(24, 2.2)
    creases = 1 + rng.normal(0, 0.05, (14, 24))
    x = ring[:, 0] * width / 2 * np.ones((14, 1)) * (1 + 0.05 * (np.abs(t - 0.5) > 0.45))[:, None]
    y = ring[:, 1] * thickness[:, None] * creases
    z = np.broadcast_to(t[:, None] * height, x.shape)
    mesh = projected(loft(np.stack([x, y, z], axis=-1)), (0, 2))
    pixels = (TEXTURE, max(32, round(TEXTURE * width / height)))
    return Thing(mesh, printed(rng, *pixels, random_color(rng)), GLOSSY)


def tube(rng: Rng) -> Thing:
    """Make a tube of paste: round at its cap, flat at its end."""
    radius, height = rng.uniform(0.012, 0.024), rng.uniform(0.08, 0.17)
    t = np.linspace(0, 1, 10)[:, None]
    ring = superellipse(24, 2.0)
    x = ring[:, 0] * radius * (1.35 - 0.35 * t)
    y = ring[:, 1] * radius * (0.06 + 0.94 * t)
    body = loft(np.stack([x, y, np.broadcast_to(t * height, x.shape)], axis=-1))
    cap = moved(lathe([(radius * 0.7, 0.0), (radius * 0.6, 0.02)]), (0, 0, height))
    mesh = join(mapped(body, (0, 0, 0.75, 1)), mapped(cap, (0.75, 0, 1, 1)))
    paint = label(rng, TEXTURE, 256)
    return Thing(mesh, side_by_side(paint, paint, paint, one_color(random_color(rng))), SATIN)


def milk_carton(rng: Rng) -> Thing:
    """Make a drink carton with a gable."""
    width, height = rng.uniform(0.05, 0.09), rng.uniform(0.1, 0.22)
    size = (width, width, height)
    square = superellipse(4, 2.0) * width / np.sqrt(2)
    ridge = square * (1.0, 0.05)
    rings = [np.column_stack([square, np.zeros(4)]), np.column_stack([ridge, [width / 2] * 4])]
    rings.append(np.column_stack([ridge, [width / 2 + 0.015] * 4]))
    gable = moved(loft(np.stack(rings)), (0, 0, height / 2))
    mesh = join(box(size, 0.001), mapped(gable, (0.34, 0.0, 0.66, 0.5)))
    return Thing(mesh, printed_faces(rng, size), SATIN)


def book(rng: Rng) -> Thing:
    """Make a book, lying: printed covers and the edges of its pages."""
    width = rng.uniform(0.09, 0.2)
    size = (width, width * rng.uniform(1.2, 1.5), rng.uniform(0.006, 0.045))
    pages = one_color((236, 230, 214), CELL)
    pages[:: int(rng.integers(3, 7))] = (200, 194, 180)
    color = random_color(rng)
    cover, back = (printed(rng, 170, 120, color, is_front) for is_front in (True, False))
    spine = printed(rng, 24, 170, color)
    return Thing(box(size, 0.001), faces([pages, pages, pages, spine, cover, back]), SATIN)


def tagged(rng: Rng) -> Thing:
    """Make a plain box or can that only has a tag or a bar code."""
    color = random_color(rng)
    if rng.random() < 0.5:
        size = tuple(rng.uniform(0.03, 0.16, 3))
        paints = [_tag(rng, one_color(color, CELL)) for _ in range(6)]
        return Thing(box(size, rng.uniform(0.001, 0.01)), faces(paints), some_finish(rng))
    radius, height = rng.uniform(0.015, 0.05), rng.uniform(0.04, 0.2)
    mesh = lathe([(radius * 0.95, 0.0), (radius, 0.004), (radius, height), (radius * 0.9, height)])
    texture = metal(rng, TEXTURE) if rng.random() < 0.4 else one_color(color)
    return Thing(mesh, _tag(rng, texture), some_finish(rng))


def _tag(rng: Rng, texture: U8) -> U8:
    """Stick a small print somewhere, on two faces of three."""
    if rng.random() < 0.67:
        size = len(texture)
        high, wide = rng.integers(size // 5, size // 2, 2)
        top, left = rng.integers(0, size - high), rng.integers(0, size - wide)
        paint = printed(rng, 64, 64, random_color(rng), is_front=bool(rng.random() < 0.4))
        texture[top : top + high, left : left + wide] = cv2.resize(paint, (int(wide), int(high)))
    return texture


def spray(rng: Rng) -> Thing:
    """Make a bottle with a trigger or a pump on it."""
    body = bottle(rng)
    _, _, height = extent(body.mesh)
    size = (rng.uniform(0.02, 0.03), rng.uniform(0.05, 0.09), rng.uniform(0.015, 0.03))
    head = moved(box(size, 0.004), (0, 0.02, height))
    mesh = join(mapped(body.mesh, (0, 0, 0.75, 1)), mapped(head, (0.75, 0, 1, 1)))
    paint = body.texture
    return body._replace(
        mesh=mesh, texture=side_by_side(paint, paint, paint, one_color(random_color(rng)))
    )

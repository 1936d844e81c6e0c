"""Everything that is not on the table: the table itself, floor, walls, furniture, lights.

Knows how rooms look; nothing made here is ever labelled.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...core.frame import U8
from ...core.scores import F64
from ..chance import Rng
from .catalogue import random_thing
from .colors import random_color, temperature
from .meshes import extent, loft, moved, projected, superellipse
from .prints import picture, printed
from .stage import BOX, CAPSULE, CYLINDER, PLANE, Stage
from .textures import muted, pick
from .thing import GLOSSY, MATTE, SATIN, Thing, one_color, surface

TOPS = {
    'wood': 4,
    'plain': 4.5,
    'worn': 1.5,
    'marble': 1,
    'cloth': 1.5,
    'checks': 1.2,
    'dots': 0.8,
    'stripes': 0.8,
    'speckle': 1.2,
    'tiles': 0.7,
    'metal': 0.5,
    'fade': 0.3,
}
FLOORS = {'wood': 4, 'tiles': 2, 'cloth': 2, 'plain': 2, 'speckle': 1, 'checks': 1, 'worn': 1}
WALLS = {'plain': 5, 'worn': 1, 'tiles': 1.5, 'wood': 1, 'stripes': 0.7, 'dots': 0.4, 'fade': 1}
FURTHEST = 2.1  # of a table's corners, by its `reach`; what stands beyond can't poke through it


class Table(NamedTuple):
    """Where things can be put; z = 0."""

    reach: float  # metres from the middle to the nearest edge
    height: float  # above the floor
    back: float  # direction of what stands behind it, radians
    has_wall: bool  # right behind it: cameras look towards `back`


def furnish(stage: Stage, heap: float, rng: Rng) -> Table:
    """Build a room around a table that holds a heap of that radius."""
    reach = heap * rng.uniform(1.0, 1.8) + rng.uniform(0.0, 0.5)
    table = Table(
        reach, rng.uniform(0.35, 0.95), rng.uniform(0, 2 * np.pi), bool(rng.random() < 0.4)
    )
    _table(stage, table, rng)
    if rng.random() < 0.35:
        _mats(stage, table, rng)
    _floor_and_walls(stage, table, rng)
    _furniture(stage, table, rng)
    if rng.random() < 0.15:
        _hanging(stage, heap, rng)
    _lights(stage, rng)
    return table


def _table(stage: Stage, table: Table, rng: Rng) -> None:
    """Add a top of some shape and thickness, and legs."""
    reach, thick = table.reach, rng.uniform(0.01, 0.04)
    finish = (MATTE, SATIN, GLOSSY)[rng.integers(3)]
    mirror = rng.uniform(0.03, 0.2) if rng.random() < 0.2 else 0.0
    repeats = np.full(2, rng.uniform(0.6, 4.0))
    top = stage.material(_cover(rng, TOPS, 512), finish, repeats, mirror)
    turn = turn_z(table.back)
    kind, place = rng.random(), (0, 0, -thick)
    if kind < 0.7:
        size = (reach, reach * rng.uniform(1.0, 1.8), thick)
        stage.shape(BOX, size, place, top, turn, is_solid=True)
    elif kind < 0.9:
        stage.shape(CYLINDER, (reach * 1.05, thick), place, top, is_solid=True)
    else:
        # what is seen is a rounded top; what carries is the square in it
        rim = superellipse(64, rng.uniform(2.5, 6)) * reach * (1.15, rng.uniform(1.2, 1.8))
        rings = np.stack([np.column_stack([rim, np.full(64, z)]) for z in (-2 * thick, 0.0)])
        texture = _cover(rng, TOPS, 512)
        stage.scenery(Thing(projected(loft(rings)), texture, finish), (0, 0, 0), turn)
        stage.shape(BOX, (reach, reach, thick * 0.9), (0, 0, -thick * 0.9 - 1e-4), top, turn, True)
    leg = stage.plain(one_color(random_color(rng), 8))
    for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        foot = rotated((x * reach * 0.6, y * reach * 0.6), table.back)
        half = (table.height - 2 * thick) / 2
        stage.shape(CYLINDER, (0.025, half), (*foot, -2 * thick - half), leg)


def _mats(stage: Stage, table: Table, rng: Rng) -> None:
    """Lay cloths, mats or a tray's bottom on the table, too thin to be things."""
    for k in range(int(rng.integers(1, 3))):
        size = table.reach * rng.uniform(0.3, 0.95, 2)
        thick = 0.0006 * (k + 1)
        material = stage.material(
            _cover(rng, TOPS, 256), MATTE, np.full(2, rng.uniform(1.5, 6)), 0.0
        )
        shift = rng.uniform(-0.5, 0.5, 2) * (table.reach - size)
        turn = turn_z(table.back + rng.normal(0, 0.2))
        if rng.random() < 0.7:
            stage.shape(BOX, (*size, thick), (*shift, thick), material, turn)
        else:
            stage.shape(CYLINDER, (float(size.min()), thick), (*shift, thick), material)


def _floor_and_walls(stage: Stage, table: Table, rng: Rng) -> None:
    floor = stage.material(_cover(rng, FLOORS, 256), SATIN, np.full(2, rng.uniform(0.5, 2.0)))
    stage.shape(PLANE, (6, 6, 0.1), (0, 0, -table.height), floor)
    stage.sky(np.divide(random_color(rng), 255), np.divide(random_color(rng), 255))
    if table.has_wall:
        _wall(stage, table.reach + rng.uniform(0.0, 0.25), table.back, rng)
    for side in range(4):
        if rng.random() < 0.85:
            _wall(stage, rng.uniform(1.9, 4.5), table.back + side * np.pi / 2, rng)


def _wall(stage: Stage, distance: float, direction: float, rng: Rng) -> None:
    """Stand a wall, half of them with pictures, windows or shelves on it."""
    turn = turn_z(direction)
    kind = rng.random()
    texture = _collage(rng) if kind < 0.25 else _cover(rng, WALLS, 256)
    size = (3.0, 2.0)
    material = stage.material(texture, MATTE, () if kind < 0.15 else np.full(2, 0.7))
    # a plane's z axis faces the table
    stage.shape(
        PLANE,
        (size[1], size[0], 0.1),
        (*rotated((distance, 0), direction), 0.6),
        material,
        _facing(direction),
    )
    for _ in range(int(rng.integers(0, 6))):
        half = rng.uniform(0.05, 0.4, 2)
        place = rotated((distance - 0.011, rng.uniform(-1.5, 1.5)), direction)
        bright = rng.random() < 0.3
        paint = one_color((250, 250, 250), 8) if bright else _panel(rng)
        stage.shape(BOX, (0.01, *half), (*place, rng.uniform(-0.2, 1.2)), stage.plain(paint), turn)


def _cover(rng: Rng, weights: Mapping[str, float], size: int) -> U8:
    """Draw a large surface; wood keeps its colours, others are mostly muted."""
    if rng.random() < weights['wood'] / sum(weights.values()):
        return pick(rng, {'wood': 1}, size)
    return muted(rng, pick(rng, weights, size))


def _facing(direction: float) -> F64:
    """Return the turn that makes a plane face the middle from that direction."""
    x = rotated((-1.0, 0.0), direction)
    axis = np.array([-x[1], x[0], 0.0])
    return np.concatenate([[np.sqrt(0.5)], axis * np.sqrt(0.5)])


def _panel(rng: Rng) -> U8:
    """Draw what hangs on walls or covers furniture: a picture, a print, a plain surface."""
    image = surface(rng, 128)
    kind = rng.random()
    if kind < 0.35:
        picture(image, random_color(rng), rng)
    elif kind < 0.6:
        image = printed(rng, 128, 128, random_color(rng))
    return image


def _collage(rng: Rng) -> U8:
    """Draw many panels side by side, as a full shelf looks from afar."""
    rows, columns = int(rng.integers(2, 4)), int(rng.integers(3, 6))
    lines = [np.concatenate([_panel(rng)[:, :96] for _ in range(columns)], 1) for _ in range(rows)]
    return np.concatenate(lines, axis=0)


def _furniture(stage: Stage, table: Table, rng: Rng) -> None:
    """Put cupboards, seats and things around the table: on the floor, on shelves, further off."""
    for _ in range(int(rng.integers(1, 7))):
        direction = rng.uniform(0, 2 * np.pi)
        away = table.reach * FURTHEST + rng.uniform(0.15, 1.8)
        half = rng.uniform((0.05, 0.08, 0.1), (0.4, 0.5, 0.6))
        top = -table.height + 2 * half[2]
        centre = rotated((away + half[0], 0), direction)
        if not _is_free(table, direction):
            continue
        material = stage.material(_panel(rng), SATIN)
        turn = turn_z(direction + rng.normal(0, 0.3))
        stage.shape(BOX, half, (*centre, top - half[2]), material, turn)
        for _ in range(int(rng.integers(0, 3))):
            spot = centre + rng.uniform(-0.7, 0.7, 2) * half[:2]
            _stand(stage, spot, top, rng.uniform(0.8, 1.6), rng)
    for _ in range(int(rng.integers(0, 4))):
        direction = rng.uniform(0, 2 * np.pi)
        if _is_free(table, direction):
            spot = rotated((table.reach * FURTHEST + rng.uniform(0.2, 1.0), 0), direction)
            _stand(stage, spot, -table.height, rng.uniform(1.0, 3.5), rng)


def _is_free(table: Table, direction: float) -> bool:
    """Say whether there is no near wall in that direction."""
    return not table.has_wall or np.cos(direction - table.back) < 0.3


def _stand(stage: Stage, spot: F64, height: float, scale: float, rng: Rng) -> None:
    """Stand an enlarged thing on something that is not the table."""
    thing = random_thing(rng)
    mesh = moved(thing.mesh, (0, 0, 0), [scale] * 3)
    lift = height + extent(mesh)[2] / 2
    stage.scenery(thing._replace(mesh=mesh), (*spot, lift), turn_z(rng.uniform(0, 6)))


def _hanging(stage: Stage, heap: float, rng: Rng) -> None:
    """Let a lamp, a cable or a gripper hang into the view, above all things."""
    x, y = rng.uniform(-1, 1, 2) * heap
    low = rng.uniform(0.34, 0.6)
    arm = stage.material(one_color(random_color(rng), 8), SATIN)
    radius = rng.uniform(0.004, 0.035)
    tilt = np.array([1.0, *rng.normal(0, 0.12, 2), 0.0])
    stage.shape(CAPSULE, (radius, 0.6), (x, y, low + 0.6), arm, tilt / np.linalg.norm(tilt))
    if rng.random() < 0.5:
        finger = stage.material(one_color(random_color(rng), 8), SATIN)
        stage.shape(BOX, (0.05, 0.025, 0.025), (x, y, low), finger)
        for side in (-0.04, 0.04):
            stage.shape(BOX, (0.007, 0.012, 0.04), (x + side, y, low - 0.06), finger)
    else:
        stage.shape(CYLINDER, (rng.uniform(0.03, 0.12), 0.04), (x, y, low), arm)


def _lights(stage: Stage, rng: Rng) -> None:
    """Light the room with one to three lamps or windows of one temperature or of two."""
    lamps = int(rng.choice([1, 2, 3], p=[0.45, 0.35, 0.2]))
    strength = rng.uniform(0.5, 0.95) / lamps**0.6
    for lamp in range(lamps):
        around, up = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.5)
        place = np.array([np.cos(around) * np.cos(up), np.sin(around) * np.cos(up), np.sin(up)])
        tint = np.array(temperature(rng.uniform(3600, 9000)))
        shadow = rng.random() < (0.8 if lamp == 0 else 0.35)
        power = strength * rng.uniform(0.6, 1.0)
        stage.light(place * rng.uniform(1.3, 2.5), tint * power, shadow, bool(rng.random() < 0.6))
    headlight = stage.spec.visual.headlight
    headlight.ambient = np.array(temperature(rng.uniform(3600, 9000))) * rng.uniform(0.2, 0.5)
    headlight.diffuse = np.full(3, rng.uniform(0.0, 0.25))
    headlight.specular = np.full(3, rng.uniform(0.0, 0.2))


def turn_z(angle: float) -> F64:
    """Return the quaternion of a turn about z."""
    return np.array([np.cos(angle / 2), 0.0, 0.0, np.sin(angle / 2)])


def rotated(point: tuple[float, float], angle: float) -> F64:
    """Turn a point of the plane about the middle."""
    x, y = point
    c, s = np.cos(angle), np.sin(angle)
    return np.array([c * x - s * y, s * x + c * y])

"""Things let fall on the table until they rest: upright, on their sides, on each other.

Knows gravity; not light or cameras.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.geometry import Size
from ...core.scores import F64
from ..chance import Rng
from .catalogue import random_thing
from .meshes import extent
from .room import Table, furnish, turn_z
from .simulator import mujoco
from .stage import HIDDEN, Stage
from .thing import Thing

FEWEST, MOST = 8, 20  # things
STEPS, FENCED = 300, 200  # of the simulation, and how long the fence stands
DRAG = 0.985  # what a step leaves of every velocity: things roll to a stop
FALLEN = -0.02  # metres below the table's top
GONE = -50.0  # metres; where what fell off is put
MOST_LOST = 0.3  # share of the things


class Heap(NamedTuple):
    """A scene at rest."""

    model: Any  # mujoco.MjModel
    data: Any  # mujoco.MjData
    table: Table
    instances: F64  # (geoms,) instance id of each shape: 0 background, else 1, 2, …
    centres: F64  # (N, 3) of the things that are on the table


def drop_heap(size: Size, kinds: Sequence[str], rng: Rng) -> Heap | None:
    """Furnish a room and let things of `kinds` fall; None if too many fell off the table."""
    stage = Stage(size)
    things = [random_thing(rng, kinds) for _ in range(int(rng.integers(FEWEST, MOST + 1)))]
    things.sort(key=lambda thing: -float(np.prod(np.sort(extent(thing.mesh))[1:])))
    radius = _radius(things, rng)
    _pile(stage, things, radius, rng)
    stage.fence(radius * 1.1)
    table = furnish(stage, radius, rng)
    model = stage.compile()
    data = mujoco.MjData(model)
    _settle(model, data)
    return _rested(model, data, table)


def _radius(things: list[Thing], rng: Rng) -> float:
    """Return how wide to strew, so that things cover about as much as there is, or less."""
    sizes = np.array([extent(thing.mesh) for thing in things])
    footprints = np.sort(sizes, axis=1)[:, [0, 2]].prod(axis=1) + sizes[:, 0] * sizes[:, 1]
    return float(np.sqrt(footprints.sum() / 2 / (np.pi * rng.uniform(0.35, 1.0)))) + 0.03


def _pile(stage: Stage, things: list[Thing], radius: float, rng: Rng) -> None:
    """Put each thing above what is under it already, the large ones first."""
    placed: list[tuple[F64, float, float]] = []  # centre, reach, top
    for thing in things:
        turn = _turn(rng)
        size = _turned_extent(thing, turn)
        reach = float(np.hypot(size[0], size[1])) / 2
        tries = [_spot(radius, reach, rng) for _ in range(6)]
        bases = [_top_under(spot, reach, placed) for spot in tries]
        best = int(np.argmin(bases))
        spot, base = tries[best], bases[best]
        stage.object(thing, (*spot, base + size[2] / 2 + 0.004), turn)
        placed.append((spot, reach * 0.85, base + size[2]))


def _spot(radius: float, reach: float, rng: Rng) -> F64:
    """Draw a place in the disc, evenly by area."""
    angle, out = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()) * max(0.02, radius - reach)
    spot: F64 = np.array([np.cos(angle), np.sin(angle)]) * out
    return spot


def _top_under(spot: F64, reach: float, placed: list[tuple[F64, float, float]]) -> float:
    tops = [top for at, wide, top in placed if np.hypot(*(at - spot)) < wide + reach * 0.85]
    return max(tops, default=0.0)


def _turn(rng: Rng) -> F64:
    """Draw an orientation: as made, on a side, or any."""
    kind, spin = rng.random(), turn_z(rng.uniform(0, 2 * np.pi))
    if kind < 0.5:
        return spin
    if kind > 0.85:
        any_turn = rng.normal(size=4)
        return np.asarray(any_turn / np.linalg.norm(any_turn), np.float64)
    side = np.array([np.sqrt(0.5), 0.0, 0.0, 0.0])
    side[rng.integers(1, 3)] = np.sqrt(0.5) * rng.choice([-1, 1])
    turn = np.zeros(4)
    mujoco.mju_mulQuat(turn, spin, side)
    return turn


def _turned_extent(thing: Thing, turn: F64) -> F64:
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, turn)
    size: F64 = np.ptp(thing.mesh.vertices @ matrix.reshape(3, 3).T, axis=0)
    return size


def _settle(model: Any, data: Any) -> None:
    """Simulate until things rest; the fence goes before the end, so that nothing leans on it."""
    for step in range(STEPS):
        if step == FENCED:
            model.geom_contype[model.geom_group == HIDDEN] = 0
            model.geom_conaffinity[model.geom_group == HIDDEN] = 0
        mujoco.mj_step(model, data)
        data.qvel *= DRAG


def _rested(model: Any, data: Any, table: Table) -> Heap | None:
    """Take away what fell; None if that is too much."""
    bodies = np.flatnonzero(model.body_dofnum > 0)
    instances = np.zeros(model.ngeom)
    for k, body in enumerate(bodies, 1):
        instances[model.geom_bodyid == body] = k
    heights = data.xipos[bodies, 2]
    lost = ~(heights > FALLEN) | (np.abs(data.qpos.reshape(-1, 7)[:, :2]) > 2 * table.reach).any(1)
    if lost.mean() > MOST_LOST or not np.isfinite(data.qpos).all():
        return None
    data.qpos.reshape(-1, 7)[lost, 2] = GONE
    mujoco.mj_forward(model, data)
    return Heap(model, data, table, instances, data.xipos[bodies[~lost]].copy())

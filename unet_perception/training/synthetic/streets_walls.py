"""What runs along a road: hedges, walls, fences, guard rails.

Knows how each looks and where it is open; not what else stands there.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...core.frame import U8
from ...core.scores import F64
from ..chance import Rng, log_uniform
from .colors import random_color, rgb
from .streets_facades import wall_color
from .streets_stage import Stage, upright
from .streets_surfaces import green_color, rough

_STOPS: F64 = np.concatenate([np.arange(-4, 40, 4.0), np.arange(40, 140, 15.0)])
_CLEAR = 0.3  # metres to the road


class Wall(NamedTuple):
    """Something upright along a road: a picture of one piece, with holes where `alpha` is 0."""

    texture: U8  # (H, W, 3) RGB
    alpha: U8 | None
    tall: float
    beyond: float  # metres from where the pavement ends


def put_walls(stage: Stage, kind: str, side: int, rng: Rng) -> None:
    """Put up a kind of wall along one side (-1 left, 1 right), open where a side road is."""
    if kind == 'none':
        return
    wall, layout = WALLS[kind](rng), stage.site.layout
    across = np.full(len(_STOPS), side * (stage.site.reach(side) + wall.beyond))
    feet = layout.points(across, _STOPS)
    is_free = layout.beyond(*feet[:, [0, 2]].T.astype(np.float32)) > _CLEAR
    for k, j in pairwise(range(len(_STOPS))):
        if is_free[k] and is_free[j]:
            corners = upright(feet[k], feet[j], wall.tall)
            stage.face(corners, wall.texture, alpha=wall.alpha)
            stage.shade.cast(corners)


def _hedge(rng: Rng) -> Wall:
    """Grow a hedge."""
    color = np.array(green_color(rng)) * 0.75
    texture = _mottled(color, rng.uniform(0.15, 0.35), rng)
    return Wall(texture, None, log_uniform(rng, 0.7, 3.0), rng.uniform(0.1, 1.5))


def _wall(rng: Rng) -> Wall:
    """Build a wall, low or high."""
    texture = _mottled(np.array(wall_color(rng)), rng.uniform(0.02, 0.12), rng)
    texture[:: int(rng.choice([8, 16, 128]))] //= 2
    return Wall(texture, None, log_uniform(rng, 0.5, 5.0), rng.uniform(0.0, 1.5))


def _mottled(color: F64, amount: float, rng: Rng) -> U8:
    noise = rough(rng, 128, {128: 0.6, 64: 0.6, 16: 0.6}) * amount
    mottled: U8 = np.clip((1 + noise)[..., None] * color, 0, 255).astype(np.uint8)
    return mottled


def _fence(rng: Rng) -> Wall:
    """Put up a fence of boards, of bars or of rails, with posts."""
    texture = np.full((64, 128, 3), random_color(rng), np.uint8)
    alpha = np.zeros((64, 128), np.uint8)
    pitch = int(rng.integers(3, 12))
    kind = rng.choice(3)
    if kind == 0:
        alpha[:] = 255
        texture[:, ::pitch] //= 2
    elif kind == 1:
        alpha[:, :: pitch // 2 + 2] = alpha[:6] = 255
    else:
        for row in range(0, 60, 2 * pitch + 4):
            alpha[row : row + 4] = 255
    alpha[:, :5] = 255
    return Wall(texture, alpha, rng.uniform(0.8, 2.2), rng.uniform(0.0, 1.5))


def _rail(rng: Rng) -> Wall:
    """Put up a guard rail."""
    texture = np.full(
        (32, 64, 3), rgb(0.6, rng.uniform(0, 0.1), rng.uniform(0.45, 0.85)), np.uint8
    )
    texture[6:10] //= 2
    alpha = np.zeros((32, 64), np.uint8)
    alpha[:14] = alpha[:, :3] = 255
    return Wall(texture, alpha, 0.78, rng.uniform(-0.4, 0.8))


WALLS: Mapping[str, Callable[[Rng], Wall]] = {
    'hedge': _hedge,
    'wall': _wall,
    'fence': _fence,
    'rail': _rail,
}

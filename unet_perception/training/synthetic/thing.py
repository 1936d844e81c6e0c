"""A thing that can lie on a table: a surface, its texture and how it shines.

Knows how textures are put together; not which things there are.
"""

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np

from ...core.frame import U8
from ..chance import Rng
from .colors import Color, random_color
from .meshes import Mesh
from .prints import printed
from .textures import pick

TEXTURE = 256  # pixels of a side
CELL = 128  # of the face of a box
SURFACES: Mapping[str, float] = {
    'plain': 5,
    'worn': 1,
    'wood': 1,
    'marble': 0.5,
    'speckle': 0.7,
    'cloth': 0.8,
    'checks': 0.7,
    'dots': 0.7,
    'stripes': 1,
    'metal': 1,
    'fade': 1,
}


class Finish(NamedTuple):
    """How light leaves a surface, each from 0 to 1; `alpha` below 1 lets some through."""

    specular: float
    shininess: float
    alpha: float = 1.0


MATTE, SATIN, GLOSSY = Finish(0.05, 0.1), Finish(0.3, 0.4), Finish(0.7, 0.85)
METALLIC, CLEAR = Finish(1.0, 0.7), Finish(1.0, 0.95, 0.5)


class Thing(NamedTuple):
    """What the scene puts on the table."""

    mesh: Mesh
    texture: U8  # (H, W, 3) RGB, the first row at the top
    finish: Finish = SATIN


def some_finish(rng: Rng) -> Finish:
    """Draw how an arbitrary surface shines."""
    return (MATTE, SATIN, GLOSSY)[rng.integers(3)]


def surface(rng: Rng, size: int = TEXTURE) -> U8:
    """Draw a texture without print."""
    return pick(rng, SURFACES, size)


def one_color(color: Color, size: int = TEXTURE) -> U8:
    """Return an even texture."""
    return np.full((size, size, 3), color, np.uint8)


def band(texture: U8, low: float, high: float, paint: U8) -> None:
    """Put `paint` over the rows between two levels of the texture's y (0 below, 1 above)."""
    height, width = texture.shape[:2]
    top, bottom = max(0, round((1 - high) * height)), round((1 - low) * height)
    if bottom > top:
        texture[top:bottom] = cv2.resize(
            paint, (width, bottom - top), interpolation=cv2.INTER_AREA
        )


def side_by_side(*parts: U8) -> U8:
    """Join textures from left to right, as `mapped` meshes need them, (TEXTURE, TEXTURE, 3)."""
    row = np.concatenate([cv2.resize(part, (TEXTURE, TEXTURE)) for part in parts], axis=1)
    joined: U8 = cv2.resize(row, (TEXTURE, TEXTURE), interpolation=cv2.INTER_AREA)
    return joined


def faces(paints: list[U8]) -> U8:
    """Join six faces to the texture of a box (`BOX_CELLS`), (2 CELL, 3 CELL, 3)."""
    cells = [cv2.resize(paint, (CELL, CELL), interpolation=cv2.INTER_AREA) for paint in paints]
    return np.concatenate([np.concatenate(cells[:3], 1), np.concatenate(cells[3:], 1)], 0)


def printed_faces(rng: Rng, size: tuple[float, float, float]) -> U8:
    """Print the six faces of a package of `size` (x, y, z)."""
    x, y, z = size
    color = random_color(rng)
    front = _face(rng, x, z, color, is_front=True)
    back = front if rng.random() < 0.5 else _face(rng, x, z, color, is_front=False)
    sides = [_face(rng, y, z, color, is_front=False) for _ in range(2)]
    ends = [_face(rng, x, y, color, is_front=bool(rng.random() < 0.5)) for _ in range(2)]
    return faces([front, sides[0], back, sides[1], *ends])


def _face(rng: Rng, width: float, height: float, color: Color, is_front: bool) -> U8:
    scale = 170 / max(width, height)
    pixels = max(16, round(height * scale)), max(16, round(width * scale))
    return printed(rng, *pixels, color, is_front)

"""Closed surfaces made of arrays: turned, swept, flattened and boxed, with texture coordinates.

Knows metres, z up, the outside of a triangle counter-clockwise; not what a surface depicts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.scores import F64

I32 = NDArray[np.int32]
Cell = tuple[float, float, float, float]  # left, bottom, right, top of a part of the texture


class Mesh(NamedTuple):
    """A surface; texture coordinates have their own indices, so that seams need no cut."""

    vertices: F64  # (V, 3)
    texcoords: F64  # (T, 2), from 0 to 1, the second upwards
    faces: I32  # (F, 3) into vertices
    face_texcoords: I32  # (F, 3) into texcoords


def loft(rings: F64, is_loop: bool = False) -> Mesh:
    """Skin a row of rings (M, N, 3), each counter-clockwise seen from the next one.

    The texture's x runs along a ring and its y from the first ring to the last by arc length,
    ends included. The ends are closed with fans, unless the last ring meets the first again.
    """
    if is_loop:
        rings = np.concatenate([rings, rings[:1]])
    count, around = rings.shape[:2]
    centres = rings[[0, -1]].mean(axis=1)
    heights = 0.02 + 0.96 * _heights(rings, centres)
    u, v = np.meshgrid(np.linspace(0, 1, around + 1), heights[1:-1])
    k, j = np.indices((count - 1, around), np.int32)
    side = Mesh(
        vertices=rings.reshape(-1, 3),
        texcoords=np.stack([u, v], axis=-1).reshape(-1, 2),
        faces=_quads(k, j, (j + 1) % around, around),
        face_texcoords=_quads(k, j, j + 1, around + 1),
    )
    return side if is_loop else _closed(side, centres, heights, around)


def _closed(side: Mesh, centres: F64, heights: F64, around: int) -> Mesh:
    """Add fans from the first and last ring of `side` to their centres (2, 3)."""
    j = np.arange(around, dtype=np.int32)
    low, t_low = len(side.vertices), len(side.texcoords)
    last, t_last = low - around, t_low - around - 1  # where the last ring begins
    j_next = (j + 1) % around
    fans = (j * 0 + low, j_next, j), (last + j, last + j_next, j * 0 + low + 1)
    t_fans = (j * 0 + t_low, j + 1, j), (t_last + j, t_last + j + 1, j * 0 + t_low + 1)
    middles = [[0.5, heights[0]], [0.5, heights[-1]]]
    return Mesh(
        vertices=np.concatenate([side.vertices, centres]),
        texcoords=np.concatenate([side.texcoords, middles]),
        faces=np.concatenate([side.faces, *(np.stack(fan, 1) for fan in fans)]),
        face_texcoords=np.concatenate(
            [side.face_texcoords, *(np.stack(fan, 1) for fan in t_fans)]
        ),
    )


def _heights(rings: F64, centres: F64) -> F64:
    """Return the arc length at centre, rings and centre, from 0 to 1, (M + 2,)."""
    first = np.linalg.norm(rings[0] - centres[0], axis=-1).mean(keepdims=True)
    last = np.linalg.norm(rings[-1] - centres[1], axis=-1).mean(keepdims=True)
    steps = np.linalg.norm(np.diff(rings, axis=0), axis=-1).mean(axis=1)
    lengths = np.concatenate([[0.0], first, steps, last])
    total: F64 = np.cumsum(lengths) / lengths.sum()
    return total


def _quads(k: I32, j: I32, j_next: I32, row: int) -> I32:
    """Split the cells of a grid into triangles, (2 M N, 3)."""
    a, b = k * row + j, k * row + j_next
    c, d = a + row, b + row
    corners = np.stack([np.stack([a, b, d], -1), np.stack([a, d, c], -1)])
    flat: I32 = corners.reshape(-1, 3)
    return flat


def lathe(profile: Sequence[tuple[float, float]] | F64, around: int = 24) -> Mesh:
    """Turn a profile (M, 2) of radius and height around z, the outside first, upwards."""
    points = np.asarray(profile, np.float64)
    angles = np.linspace(0, 2 * np.pi, around, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    radii = np.maximum(points[:, 0], 1e-4)
    flat = radii[:, None, None] * circle
    heights = np.broadcast_to(points[:, 1, None, None], (*flat.shape[:2], 1))
    return loft(np.concatenate([flat, heights], axis=-1))


def sweep(spine: F64, section: F64, scale: F64, is_loop: bool = False) -> Mesh:
    """Move a section (N, 2) along a curve (M, 2) in the plane of x and z.

    The section's x lies in that plane, across the curve, its y along y; both are multiplied by
    `scale` (M, 2).
    """
    tangent = np.gradient(spine, axis=0)
    if is_loop:
        tangent = np.roll(spine, -1, axis=0) - np.roll(spine, 1, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12
    across = np.stack([tangent[:, 1], -tangent[:, 0]], axis=-1)  # (M, 2) in x and z
    size = section[None] * scale[:, None]  # (M, N, 2)
    plane = spine[:, None] + size[..., :1] * across[:, None]
    return loft(np.stack([plane[..., 0], size[..., 1], plane[..., 1]], axis=-1), is_loop)


def superellipse(around: int, power: float) -> F64:
    """Return a unit outline (N, 2): 2 is a circle, more is squarer, 1 a lozenge."""
    angles = np.linspace(0, 2 * np.pi, around, endpoint=False) + np.pi / around
    wave = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    outline: F64 = np.sign(wave) * np.abs(wave) ** (2 / power)
    return outline


BOX_CELLS: tuple[Cell, ...] = tuple(
    (column / 3, row / 2, (column + 1) / 3, (row + 1) / 2) for row in (1, 0) for column in range(3)
)
"""Where a box's faces are in its texture: front, right, back; left, top, bottom."""

# (right, up) as seen from outside; the normal is right x up
BOX_AXES = np.array(
    [
        [[1, 0, 0], [0, 0, 1]],
        [[0, 1, 0], [0, 0, 1]],
        [[-1, 0, 0], [0, 0, 1]],
        [[0, -1, 0], [0, 0, 1]],
        [[1, 0, 0], [0, 1, 0]],
        [[1, 0, 0], [0, -1, 0]],
    ],
    np.float64,
)


def box(size: Sequence[float] | F64, radius: float) -> Mesh:
    """Make a box of full `size` (x, y, z) with edges broken by `radius`; a cell per face."""
    half = np.asarray(size, np.float64) / 2
    radius = min(radius, 0.9 * float(half.min()))
    parts = []
    for cell, (right, up) in zip(BOX_CELLS, BOX_AXES, strict=True):
        reach = np.abs([right @ half, up @ half])
        lines = [np.array([-r, radius - r, r - radius, r]) for r in reach]
        a, b = np.meshgrid(*lines)
        normal = np.cross(right, up)
        points = a[..., None] * right + b[..., None] * up + normal * np.abs(normal @ half)
        inner = np.clip(points, radius - half, half - radius)
        away = points - inner
        away *= radius / np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-12)
        parts.append(_patch(inner + away, np.stack([a, b], -1) / (2 * reach) + 0.5, cell))
    return join(*parts)


def _patch(points: F64, texcoords: F64, cell: Cell) -> Mesh:
    """Make a grid of points (M, N, 3) a surface, its texture in a cell."""
    rows, columns = points.shape[:2]
    k, j = np.indices((rows - 1, columns - 1), np.int32)
    faces = _quads(k, j, j + 1, columns)
    mesh = Mesh(points.reshape(-1, 3), texcoords.reshape(-1, 2), faces, faces)
    return mapped(mesh, cell)


def join(*meshes: Mesh) -> Mesh:
    """Put several surfaces into one."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    t_starts = np.cumsum([0, *(len(mesh.texcoords) for mesh in meshes)])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.texcoords for mesh in meshes]),
        np.concatenate([m.faces + k for m, k in zip(meshes, starts, strict=False)]).astype(
            np.int32
        ),
        np.concatenate(
            [m.face_texcoords + k for m, k in zip(meshes, t_starts, strict=False)]
        ).astype(np.int32),
    )


def mapped(mesh: Mesh, cell: Cell) -> Mesh:
    """Confine the texture to a cell, a hair inside it."""
    low, high = np.array(cell[:2]), np.array(cell[2:])
    inside = 0.01 + 0.98 * mesh.texcoords
    return mesh._replace(texcoords=low + inside * (high - low))


def projected(mesh: Mesh, axes: tuple[int, int] = (0, 1)) -> Mesh:
    """Lay the texture flat on the mesh, as seen along the axis that is left."""
    flat = mesh.vertices[:, axes]
    low, high = flat.min(axis=0), flat.max(axis=0)
    texcoords = (flat - low) / np.maximum(high - low, 1e-9)
    return mesh._replace(texcoords=texcoords, face_texcoords=mesh.faces)


def moved(mesh: Mesh, offset: Sequence[float], scale: Sequence[float] = (1, 1, 1)) -> Mesh:
    """Stretch by a positive `scale`, then shift."""
    return mesh._replace(vertices=mesh.vertices * np.asarray(scale) + np.asarray(offset))


def laid(mesh: Mesh) -> Mesh:
    """Turn z into -y and y into z: what stood lies."""
    x, y, z = mesh.vertices.T
    return mesh._replace(vertices=np.stack([x, -z, y], axis=-1))


def level(mesh: Mesh, ring: int, around: int = 24) -> float:
    """Return the texture's y at a ring of a lofted mesh."""
    return float(mesh.texcoords[ring * (around + 1), 1])


def extent(mesh: Mesh) -> F64:
    """Return the size along x, y and z."""
    size: F64 = np.ptp(mesh.vertices, axis=0)
    return size

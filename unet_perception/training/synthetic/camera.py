"""Where a camera stands and what it sees: colours, instance ids and distances.

Knows OpenGL by way of MuJoCo; not what a good picture is.
"""

from typing import Any, NamedTuple

import numpy as np

from ...core.frame import U8
from ...core.geometry import Size
from ...core.scores import F64
from ..chance import Rng
from .heap import Heap
from .simulator import mujoco, open_gl
from .textures import F32

OFFSCREEN = mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value
FONT = mujoco.mjtFontScale.mjFONTSCALE_50.value
FLAGS = mujoco.mjtRndFlag
MOST_SHAPES = 1000


class Pose(NamedTuple):
    """A camera: its place in metres, its axes (right, up, back) as rows, its angle of view."""

    place: F64  # (3,)
    axes: F64  # (3, 3)
    fovy: float  # degrees, top to bottom


def aim(heap: Heap, rng: Rng) -> Pose:
    """Point a camera at the heap, so near that it fills most of the picture."""
    middle, spread = heap.centres.mean(axis=0), heap.centres.std(axis=0)[:2]
    radius = 1.15 * float(np.linalg.norm(spread)) + 0.02
    target = middle + rng.normal(0, 0.25, 3) * radius * (1, 1, 0)
    fovy = rng.uniform(30, 62)
    distance = radius / np.tan(np.deg2rad(fovy) / 2) * np.exp(rng.uniform(-0.3, 0.45))
    up = np.deg2rad(rng.uniform(20, 85))
    around = rng.uniform(0, 2 * np.pi)
    if heap.table.has_wall:
        around = heap.table.back + np.pi + rng.uniform(-1.1, 1.1)
    back = np.array([np.cos(around) * np.cos(up), np.sin(around) * np.cos(up), np.sin(up)])
    roll = np.deg2rad(rng.normal(0, 4) if rng.random() < 0.8 else rng.uniform(-40, 40))
    right = np.array([-np.sin(around), np.cos(around), 0.0])
    above = np.cross(back, right)
    c, s = np.cos(roll), np.sin(roll)
    axes = np.stack([c * right + s * above, c * above - s * right, back])
    return Pose(target + back * max(distance, 0.2), axes, fovy)


class Seen(NamedTuple):
    """What a pixel belongs to and how far it is."""

    shapes: Any  # (H, W) index of the shape, -1 for the sky
    depth: F32  # (H, W) metres along the view


class Studio:
    """One OpenGL context for many scenes; a context manager."""

    def __init__(self, size: Size) -> None:
        self.options = mujoco.MjvOption()
        self._size, self._rect = size, mujoco.MjrRect(0, 0, size.width, size.height)
        self._gl = open_gl(*size)
        self._context: Any = None

    def __enter__(self) -> 'Studio':
        return self

    def __exit__(self, *_: object) -> None:
        self._unload()
        self._gl.free()

    def load(self, heap: Heap) -> None:
        """Upload another scene."""
        self._unload()
        self._heap = heap
        self._scene = mujoco.MjvScene(heap.model, MOST_SHAPES)
        self._context = mujoco.MjrContext(heap.model, FONT)
        mujoco.mjr_setBuffer(OFFSCREEN, self._context)

    def photo(self, pose: Pose) -> U8:
        """Return what is seen, (H, W, 3) RGB."""
        return self._render(pose, is_ids=False)[0]

    def seen(self, pose: Pose) -> Seen:
        """Return which shape is seen at each pixel, and how far away."""
        codes, depth = self._render(pose, is_ids=True)
        bits = codes.astype(np.int32) @ np.array([1, 256, 65536])
        shapes = np.full(self._scene.ngeom + 1, -1)
        for shape in self._scene.geoms[: self._scene.ngeom]:
            if shape.segid >= 0 and shape.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                shapes[shape.segid + 1] = shape.objid
        visual, extent = self._heap.model.vis.map, self._heap.model.stat.extent
        near, far = visual.znear * extent, visual.zfar * extent
        return Seen(shapes[bits], (near / (1 - depth * (1 - near / far))).astype(np.float32))

    def _render(self, pose: Pose, is_ids: bool) -> tuple[U8, F32]:
        """Render once, (H, W, 3) and (H, W)."""
        scene = self._scene
        scene.flags[FLAGS.mjRND_SEGMENT] = scene.flags[FLAGS.mjRND_IDCOLOR] = is_ids
        pixels = np.empty((*self._size, 3), np.uint8)
        depth = np.empty(self._size, np.float32)
        self._place(pose)
        mujoco.mjr_render(self._rect, scene, self._context)
        mujoco.mjr_readPixels(pixels, depth, self._rect, self._context)
        return np.ascontiguousarray(pixels[::-1]), depth[::-1]

    def _place(self, pose: Pose) -> None:
        """Move the model's only camera."""
        model, data = self._heap.model, self._heap.data
        model.cam_fovy[0] = pose.fovy
        data.cam_xpos[0] = pose.place
        data.cam_xmat[0] = pose.axes.T.ravel()
        camera = mujoco.MjvCamera()
        camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0
        every = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(model, data, self.options, None, camera, every, self._scene)

    def _unload(self) -> None:
        if self._context is not None:
            self._context.free()
        self._context = None

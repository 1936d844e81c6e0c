"""A MuJoCo scene under construction: surfaces, things, lights.

Knows MjSpec; not what a tabletop is. Lengths in metres, z up, the table's top at z = 0.
"""

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

from ...core.frame import U8
from ...core.geometry import Size
from ...core.scores import F64
from .meshes import Mesh
from .simulator import mujoco
from .thing import MATTE, Finish, Thing

BACKGROUND, OBJECT, HIDDEN = 0, 1, 4
"""Groups of shapes; MuJoCo does not render the third."""
BOX, PLANE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_PLANE
CYLINDER, CAPSULE = mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_CAPSULE
FLAT = {'type': mujoco.mjtTexture.mjTEXTURE_2D, 'nchannel': 3}
INERTIA = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
MOST_HULL_VERTICES = 40
UPRIGHT = (1.0, 0.0, 0.0, 0.0)
Vector = Sequence[float] | F64
SHADOW_MAP = 1024  # pixels of a side


class Stage:
    """Collects what a scene consists of; `compile` makes the model."""

    def __init__(self, size: Size) -> None:
        self.spec = mujoco.MjSpec()
        self.objects: list[Any] = []  # free bodies, in the order of their instance ids
        self._names = (f'{k}' for k in count())
        self.spec.option.timestep = 0.004
        self.spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        self.spec.stat.extent, self.spec.stat.center = 1.0, (0.0, 0.0, 0.0)
        visual = self.spec.visual
        visual.quality.shadowsize = SHADOW_MAP
        visual.global_.offheight, visual.global_.offwidth = size
        self.spec.worldbody.add_camera()

    def compile(self) -> Any:
        """Return the model (mujoco.MjModel)."""
        return self.spec.compile()

    def material(
        self, texture: U8, finish: Finish, repeats: Vector = (), reflectance: float = 0.0
    ) -> str:
        """Add a material and return its name; `repeats` are per metre, none: once over all."""
        name = next(self._names)
        height, width = texture.shape[:2]
        image = self.spec.add_texture(name=name, width=width, height=height, **FLAT)
        image.data = texture[::-1].tobytes()
        material = self.spec.add_material(
            name=name,
            specular=finish.specular,
            shininess=finish.shininess,
            rgba=(1.0, 1.0, 1.0, finish.alpha),
            reflectance=reflectance,
        )
        if len(repeats):
            material.texuniform, material.texrepeat = True, repeats
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
        return name

    def shape(
        self,
        kind: Any,
        size: Vector,
        place: Vector,
        material: str,
        turn: Vector = UPRIGHT,
        is_solid: bool = False,
    ) -> None:
        """Add a fixed primitive of the background."""
        self.spec.worldbody.add_geom(
            type=kind,
            size=(*size, *[0.0] * (3 - len(size))),
            pos=place,
            quat=turn,
            material=material,
            group=BACKGROUND,
            contype=int(is_solid),
            conaffinity=int(is_solid),
        )

    def scenery(self, thing: Thing, place: Vector, turn: Vector = UPRIGHT) -> None:
        """Add a fixed thing that belongs to the background and that nothing touches."""
        self.spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=self._mesh(thing.mesh),
            material=self.material(thing.texture, thing.finish),
            pos=place,
            quat=turn,
            group=BACKGROUND,
            contype=0,
            conaffinity=0,
        )

    def object(self, thing: Thing, place: Vector, turn: Vector) -> None:
        """Add a thing that falls and is labelled."""
        body = self.spec.worldbody.add_body(pos=place, quat=turn)
        body.add_freejoint()
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=self._mesh(thing.mesh),
            material=self.material(thing.texture, thing.finish),
            group=OBJECT,
            density=300,
            friction=(0.9, 0.01, 0.002),
            condim=4,
        )
        self.objects.append(body)

    def fence(self, radius: float, sides: int = 8) -> None:
        """Add invisible walls around the middle, for as long as things fall."""
        for angle in np.linspace(0, 2 * np.pi, sides, endpoint=False):
            out = np.array([np.cos(angle), np.sin(angle), 0.0])
            turn = np.zeros(4)
            mujoco.mju_quatZ2Vec(turn, -out)
            self.spec.worldbody.add_geom(
                type=PLANE, size=(1, 1, 0.1), pos=out * radius, quat=turn, group=HIDDEN
            )

    def light(self, place: F64, color: Vector, has_shadow: bool, is_directional: bool) -> None:
        """Add a light that shines on the middle of the table."""
        kinds = mujoco.mjtLightType
        self.spec.worldbody.add_light(
            pos=place,
            dir=-place,
            diffuse=color,
            specular=np.multiply(color, 0.6),
            castshadow=has_shadow,
            type=kinds.mjLIGHT_DIRECTIONAL if is_directional else kinds.mjLIGHT_SPOT,
            cutoff=70,
            exponent=1,
        )

    def sky(self, first: Vector, second: Vector) -> None:
        """Fill what no wall hides with a gradient."""
        self.spec.add_texture(
            name=next(self._names),
            type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
            builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
            rgb1=first,
            rgb2=second,
            width=32,
            height=32,
        )

    def plain(self, texture: U8) -> str:
        """Add a matte material."""
        return self.material(texture, MATTE)

    def _mesh(self, mesh: Mesh) -> str:
        name = next(self._names)
        self.spec.add_mesh(
            name=name,
            uservert=mesh.vertices.ravel(),
            userface=mesh.faces.ravel(),
            usertexcoord=mesh.texcoords.ravel(),
            userfacetexcoord=mesh.face_texcoords.ravel(),
            inertia=INERTIA,
            maxhullvert=MOST_HULL_VERTICES,
        )
        return name

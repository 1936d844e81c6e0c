"""A data folder of tabletops: what was ordered, drawn scene by scene and written.

Knows orders and files; not scenes.
"""

from collections.abc import Callable
from pathlib import Path
import shlex
from typing import NamedTuple

import numpy as np

from ...core.geometry import Size
from ...core.manifest import ClassInfo
from ...errors import RequestError
from ..labels import MASKS
from .folder import INSTANCES, SynthesisFolder

CLASSES = (ClassInfo(0, 'background', (0, 0, 0)), ClassInfo(1, 'object', (230, 120, 30)))
SMALLEST, LARGEST, MOST_VIEWS = 64, 2048, 100
ASSETS = (
    'none from elsewhere: every mesh, texture and print is drawn by unet_perception (Apache-2.0), '
    "text with OpenCV's fonts"
)
Progress = Callable[[int, int], None]


class Order(NamedTuple):
    """How many pictures of which scenes."""

    images: int
    seed: int
    size: Size
    views: int  # of a scene

    def check(self) -> None:
        """RequestError unless this can be drawn."""
        if self.images < 1:
            raise RequestError(f'--images {self.images} draws nothing; ask for 1 or more')
        if self.seed < 0:
            raise RequestError(f'--seed {self.seed} is negative; name one from 0 up')
        if not 1 <= self.views <= MOST_VIEWS:
            raise RequestError(f'--views {self.views} is not possible; 1 to {MOST_VIEWS} are')
        if min(self.size) < SMALLEST or max(self.size) > LARGEST:
            raise RequestError(
                f'--size {self.size.height} {self.size.width} is not possible; each side can be '
                f'{SMALLEST} to {LARGEST} pixels'
            )

    @property
    def command(self) -> str:
        """The command that draws this again."""
        words = ('unet_perception', 'synth', 'tabletop', 'OUT', '--images', self.images)
        options = ('--seed', self.seed, '--size', *self.size, '--views', self.views)
        return shlex.join(str(word) for word in (*words, *options))


class Drawn(NamedTuple):
    """What was drawn: a number per picture."""

    scenes: int
    object_shares: list[float]
    objects: list[int]


def write_tabletops(out: Path, order: Order, progress: Progress) -> Drawn:
    """Draw an order into the new or empty folder `out`; RequestError if that can't be."""
    order.check()
    from .camera import Studio  # needs MuJoCo and OpenGL, which a wrong request does not
    from .simulator import VERSION
    from .tabletop import pictures_from_scene

    scenes = -(-order.images // order.views)
    drawn = Drawn(scenes, [], [])
    with Studio(order.size) as studio:
        folder = SynthesisFolder(out)
        for scene in range(scenes):
            pictures = pictures_from_scene(studio, order.size, order.seed, scene, order.views)
            group = f'scene{scene:05}'
            for view, picture in enumerate(pictures[: order.images - len(drawn.objects)]):
                ids = {MASKS: picture.mask, INSTANCES: picture.instances}
                folder.add(
                    f'{group}_{view:0{len(str(order.views - 1))}}', group, picture.image, ids
                )
                drawn.object_shares.append(float(picture.mask.mean()))
                drawn.objects.append(len(np.unique(picture.instances[picture.mask > 0])))
                progress(len(drawn.objects), order.images)
    recipe = {**order._asdict(), 'size': list(order.size), 'command': order.command}
    folder.finish(CLASSES, {**recipe, 'assets': ASSETS, 'versions': {'mujoco': VERSION}})
    return drawn

"""A data folder of tabletops: what was asked for, drawn scene by scene and written.

Knows jobs and files; not scenes.
"""

from pathlib import Path
import shlex
from typing import NamedTuple

import numpy as np

from ...core.geometry import Size
from ...core.manifest import ClassInfo
from ...core.progress import OnProgress
from ...errors import RequestError
from ..labels import IMAGES, MASKS
from .catalogue import NAMES, check_kinds
from .folder import INSTANCES, check_order, synthesis_folder

CLASSES = (ClassInfo(0, 'background', (0, 0, 0)), ClassInfo(1, 'object', (230, 120, 30)))
MOST_VIEWS = 100
ASSETS = (
    'none from elsewhere: every mesh, texture and print is drawn by unet_perception (Apache-2.0), '
    "text with OpenCV's fonts"
)


class Job(NamedTuple):
    """How many pictures of which scenes."""

    images: int
    seed: int
    size: Size
    views: int  # of a scene
    kinds: tuple[str, ...] = NAMES

    def check(self) -> None:
        """RequestError unless this can be drawn."""
        check_order(self.images, self.seed, self.size)
        if not 1 <= self.views <= MOST_VIEWS:
            raise RequestError(f'--views {self.views} is not possible; 1 to {MOST_VIEWS} are')
        check_kinds(self.kinds)
        if not self.kinds:
            raise RequestError('--without leaves no kind of thing; leave one')

    @property
    def command(self) -> str:
        """The command that draws this again."""
        words = ('unet_perception', 'synth', 'tabletop', 'OUT', '--images', self.images)
        options = ('--seed', self.seed, '--size', *self.size, '--views', self.views)
        only = () if self.kinds == NAMES else ('--only', ','.join(self.kinds))
        return shlex.join(str(word) for word in (*words, *options, *only))


class Drawn(NamedTuple):
    """What was drawn: a number per picture."""

    scenes: int
    object_shares: list[float]
    objects: list[int]


def write_tabletops(out: Path, job: Job, on_progress: OnProgress) -> Drawn:
    """Draw a job into the new or empty folder `out`; RequestError if that can't be."""
    job.check()
    from .camera import Studio  # needs MuJoCo and OpenGL, which a wrong request does not
    from .simulator import VERSION
    from .tabletop import pictures_from_scene

    scenes = -(-job.images // job.views)
    drawn = Drawn(scenes, [], [])
    parts = (IMAGES, MASKS, INSTANCES)
    with Studio(job.size) as studio, synthesis_folder(out, parts) as folder:
        for scene in range(scenes):
            pictures = pictures_from_scene(studio, job.size, job.seed, scene, job.views, job.kinds)
            group = f'scene{scene:05}'
            for view, picture in enumerate(pictures[: job.images - len(drawn.objects)]):
                ids = {MASKS: picture.mask, INSTANCES: picture.instances}
                folder.add(f'{group}_{view:0{len(str(job.views - 1))}}', group, picture.image, ids)
                drawn.object_shares.append(float(picture.mask.mean()))
                drawn.objects.append(len(np.unique(picture.instances[picture.mask > 0])))
                on_progress('rendering', len(drawn.objects), job.images)
        recipe = {**job._asdict(), 'size': list(job.size), 'command': job.command}
        folder.finish(CLASSES, {**recipe, 'assets': ASSETS, 'versions': {'mujoco': VERSION}})
    return drawn

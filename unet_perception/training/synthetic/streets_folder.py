"""A data folder of streets: what was asked for, drawn scene by scene and written.

Knows jobs and files; not scenes.
"""

from pathlib import Path
import shlex
from typing import NamedTuple

from ...core.geometry import Size
from ...core.manifest import ClassInfo
from ...core.progress import OnProgress
from ..labels import MASKS
from .folder import check_order, synthesis_folder
from .streets_canvas import BACKGROUND, ROAD
from .streets_scene import picture_from_seed

CLASSES = (
    ClassInfo(BACKGROUND, 'background', (0, 0, 0)),
    ClassInfo(ROAD, 'road', (128, 64, 128)),
)
ASSETS = 'none from elsewhere: every shape and texture is drawn by unet_perception (Apache-2.0)'


class Job(NamedTuple):
    """How many pictures, of which size, from which seed."""

    images: int
    seed: int
    size: Size

    @property
    def command(self) -> str:
        """The command that draws this again."""
        words = ('unet_perception', 'synth', 'streets', 'OUT', '--images', self.images)
        return shlex.join(
            str(word) for word in (*words, '--seed', self.seed, '--size', *self.size)
        )


def write_streets(out: Path, job: Job, on_progress: OnProgress) -> list[float]:
    """Draw a job into the new or empty folder `out`; return the share of road of each picture.

    RequestError if that can't be.
    """
    check_order(*job)
    shares: list[float] = []
    with synthesis_folder(out) as folder:
        for scene in range(job.images):
            picture = picture_from_seed(job.size, job.seed, scene)
            name = f'street{scene:05}'
            folder.add(name, name, picture.image, {MASKS: picture.mask})
            shares.append(float(picture.mask.mean()))
            on_progress('rendering', len(shares), job.images)
        recipe = {**job._asdict(), 'size': list(job.size), 'command': job.command}
        folder.finish(CLASSES, {**recipe, 'assets': ASSETS})
    return shares

"""Renders the sample tabletop clip: a camera that sweeps around a table.

    python -m docs.sweep

The things on it are of the kinds that models/grasp never saw in its training. Knows one path of
the camera; not how things are drawn.
"""

from pathlib import Path

import cv2
import numpy as np

from unet_perception.core.geometry import Size
from unet_perception.core.scores import F64
from unet_perception.training.synthetic.camera import Pose, Studio
from unet_perception.training.synthetic.heap import drop_heap
from unet_perception.training.synthetic.sensor import exposed

UNSEEN = (
    'milk_carton',
    'spray',
    'pan',
    'vase',
    'lid',
    'teddy',
    'mouse',
    'wrench',
    'gear',
    'bracket',
)
FILE = Path(__file__).parents[1] / 'examples' / 'footage' / 'tabletop.mp4'
SIZE, FRAMES, RATE = Size(360, 480), 150, 25.0
SEED = 7


def main() -> None:
    """Draw a scene, sweep over it, write the clip."""
    rng = np.random.default_rng(SEED)
    heap = None
    while heap is None:  # too many things fell off the table
        heap = drop_heap(SIZE, UNSEEN, rng)
    middle = heap.centres.mean(0)
    reach = 1.6 * float(np.linalg.norm(heap.centres.std(0)[:2])) + 0.05
    code = cv2.VideoWriter.fourcc(*'mp4v')
    video = cv2.VideoWriter(str(FILE), code, RATE, (SIZE.width, SIZE.height))
    with Studio(SIZE) as studio:
        studio.load(heap)
        for k in range(FRAMES):
            turn = k / FRAMES
            around = heap.table.back + np.pi + 1.1 * np.sin(2 * np.pi * turn)
            up = np.deg2rad(45 + 20 * np.sin(4 * np.pi * turn))
            pose = looking_at(middle, around, up, reach)
            depth = studio.seen(pose).depth
            image = exposed(studio.photo(pose), depth, np.random.default_rng(SEED))
            video.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    video.release()


def looking_at(middle: F64, around: float, up: float, reach: float, fovy: float = 45.0) -> Pose:
    """Return a level camera on a sphere around `middle`, which shows `reach` metres around it."""
    back = np.array([np.cos(around) * np.cos(up), np.sin(around) * np.cos(up), np.sin(up)])
    right = np.array([-np.sin(around), np.cos(around), 0.0])
    distance = max(0.25, reach / np.tan(np.deg2rad(fovy) / 2))
    return Pose(middle + back * distance, np.stack([right, np.cross(back, right), back]), fovy)


if __name__ == '__main__':
    main()

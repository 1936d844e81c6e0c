"""Cluttered tabletops: scenes that are drawn from a seed, and the pictures taken of them.

Knows what a good picture is; not files.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np

from ...core.frame import U8
from ...core.geometry import Size
from ..chance import Rng
from .camera import Pose, Seen, Studio, aim
from .catalogue import NAMES
from .heap import Heap, drop_heap
from .sensor import exposed

TRIES = 6  # views before another scene is drawn instead
SHARES = (0.1, 0.75)  # of object pixels
FEWEST_VISIBLE, VISIBLE = 4, 0.002  # things, and the share of pixels that makes one count


class Picture(NamedTuple):
    """A picture (H, W, 3) RGB and the ids (H, W) of the things in it: 0 none, k the k-th."""

    image: U8
    instances: U8

    @property
    def mask(self) -> U8:
        """Class ids (H, W)."""
        return (self.instances > 0).astype(np.uint8)


def pictures_from_scene(
    studio: Studio, size: Size, seed: int, scene: int, views: int, kinds: Sequence[str] = NAMES
) -> list[Picture]:
    """Draw a scene and take its pictures; these arguments decide every byte.

    A scene whose things fall off the table, or of which no good view is found, is drawn again.
    """
    for attempt in count():
        rng = np.random.default_rng((seed, scene, attempt))
        heap = drop_heap(size, kinds, rng)
        if heap is None:
            continue
        studio.load(heap)
        pictures = list(_pictures(studio, heap, views, rng))
        if len(pictures) == views:
            return pictures
    raise AssertionError('count() has no end')


def _pictures(studio: Studio, heap: Heap, views: int, rng: Rng) -> Iterator[Picture]:
    """Yield pictures until no good view is found, or there are enough."""
    for _ in range(views):
        found = _good_view(studio, heap, rng)
        if found is None:
            return
        pose, seen = found
        image = exposed(studio.photo(pose), seen.depth, rng)
        yield Picture(image, instances_from_shapes(heap, seen))


def _good_view(studio: Studio, heap: Heap, rng: Rng) -> tuple[Pose, Seen] | None:
    """Aim until enough things are seen, neither too small nor filling all."""
    for _ in range(TRIES):
        pose = aim(heap, rng)
        seen = studio.seen(pose)
        ids = instances_from_shapes(heap, seen)
        shares = np.bincount(ids.ravel(), minlength=2)[1:] / ids.size
        is_enough = (shares > VISIBLE).sum() >= FEWEST_VISIBLE
        if is_enough and SHARES[0] < shares.sum() < SHARES[1]:
            return pose, seen
    return None


def instances_from_shapes(heap: Heap, seen: Seen) -> U8:
    """Return the instance id at each pixel, (H, W)."""
    ids = np.append(heap.instances, 0).astype(np.uint8)  # the last one is the sky's, at -1
    instances: U8 = ids[seen.shapes]
    return instances

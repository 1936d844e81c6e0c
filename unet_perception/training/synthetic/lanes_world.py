"""The same road elsewhere: under another sky, lower in the picture, among other colours.

Knows a photo's light, mask and road shape; not paint. All of it comes before the paint, and moves
labels only together with their pixels.
"""

from typing import NamedTuple, TypeVar

import numpy as np

from ...core.frame import U8
from ..chance import Rng
from .lanes_ground import F32, Road
from .lanes_recolor import recolored
from .lanes_sky import Sky, sky_from_photo, under_new_sky
from .paint_layout import ROAD

NEW_SKY, LOWERED, RECOLORED = 0.7, 0.6, 0.25
"""Chances: of another sky, if one is found (in half of the photos), that it also takes more of the
picture, of other colours."""
_TOP, _LOWER = 0.85, (0.05, 0.45)  # share of the top row that must be sky; of the height
_LOWEST = 0.7  # of the height: where the road's far end may come to lie
Plane = TypeVar('Plane', U8, F32)


class Photo(NamedTuple):
    """A photo of a road, before it is painted."""

    light: F32  # (H, W, 3), linear
    mask: U8
    real: U8
    """Ones (H, W) where it may show real markings."""
    shape: Road | None

    @property
    def road(self) -> U8:
        """Return ones (H, W) on the road."""
        road: U8 = (self.mask == ROAD).astype(np.uint8)
        return road


def elsewhere(photo: Photo, image: U8, rng: Rng) -> Photo:
    """Move a photo to another place, at random; `image` (H, W, 3) RGB is what it was taken from.

    The sky stays where none is found, or no road that tells where the horizon is.
    """
    if photo.shape is not None and rng.random() < NEW_SKY:
        sky = sky_from_photo(image, photo.light, photo.road, photo.shape)
        if sky is not None:
            photo = _under_sky(photo, sky, rng)
    if rng.random() < RECOLORED and photo.road.any():
        photo = photo._replace(light=recolored(photo.light, photo.road, rng))
    return photo


def _under_sky(photo: Photo, sky: Sky, rng: Rng) -> Photo:
    """Put a photo under a new sky; where it ends in sky above, lower it at times."""
    shape = photo.shape
    assert shape is not None
    is_open = (sky.matte[2] > 0.9).mean() > _TOP
    rows = round(rng.uniform(*_LOWER) * len(sky.matte))
    has_room = shape.far + rows < _LOWEST * len(sky.matte)
    if is_open and has_room and rng.random() < LOWERED:
        sky = Sky(_lowered(sky.matte, rows, 1), _lowered(sky.light, rows, None))
        shape = shape._replace(horizon=shape.horizon + rows, far=shape.far + rows)
        light = _lowered(photo.light, rows, None)
        mask, real = (_lowered(plane, rows, 0) for plane in (photo.mask, photo.real))
        photo = Photo(light, mask, real, shape)
    return photo._replace(light=under_new_sky(photo.light, sky, shape.horizon, rng))


def _lowered(plane: Plane, rows: int, fill: int | None) -> Plane:
    """Move a plane down by `rows`, and fill what comes in; None repeats its first row."""
    lowered = np.empty_like(plane)
    lowered[:rows] = plane[:1] if fill is None else fill
    lowered[rows:] = plane[:-rows]
    return lowered

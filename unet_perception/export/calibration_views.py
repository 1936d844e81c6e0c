"""The labelled images that calibration looks at: as they are, and shifted.

Knows data folders and augmentation; not networks. A network is too sure of itself on images unlike
its training set, so a temperature that is chosen on images like it alone is too low elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..core.frame import U8
from ..core.geometry import Size
from ..errors import DataError
from ..training.augment import RandomView
from ..training.dataset import Pair, read_pair
from ..training.plan import Augmentation
from ..training.split import runs_of_groups

SHIFT = Augmentation(
    zoom=(0.7, 1.6),
    light=1.8,
    shadow=0.7,
    blur=0.6,
    noise=0.7,
    jpeg=0.5,
    rain=0.15,
    night=0.15,
)
"""Light, weather and sensors beyond what a training shows by default."""
RUNS = 8


class View(NamedTuple):
    """An image (H, W, 3) RGB and its ids (H, W)."""

    image: U8
    mask: U8


def halves_of_pairs(
    pairs: Sequence[Pair], groups: Mapping[str, str]
) -> tuple[list[Pair], list[Pair]]:
    """Deal up to `RUNS` runs of neighbouring groups to two halves in turn; DataError if one."""
    halves: tuple[list[Pair], list[Pair]] = ([], [])
    for pair, run in zip(pairs, runs_of_groups(pairs, groups, RUNS), strict=True):
        halves[run % 2].append(pair)
    if not halves[1]:
        raise DataError(
            'what one half of the validation images teaches is measured on the other, but there '
            'is one group of them; give at least two'
        )
    return halves


def views_as_they_are(pairs: Sequence[Pair], classes: int, _size: Size) -> Iterator[View]:
    """Yield each pair at its own size."""
    for pair in pairs:
        yield View(*read_pair(pair, classes))


def shifted_views(pairs: Sequence[Pair], classes: int, size: Size) -> Iterator[View]:
    """Yield a view of each pair of the network's `size`, in other light; each time the same."""
    shifted = RandomView(SHIFT, size)
    for seed, pair in enumerate(pairs):
        yield View(*shifted(*read_pair(pair, classes), seed))


KINDS = {'as they are': views_as_they_are, 'shifted': shifted_views}
"""What a robot will see: images like the training set, and others."""
AS_THEY_ARE = 'as they are'

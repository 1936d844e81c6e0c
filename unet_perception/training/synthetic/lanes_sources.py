"""The labelled road folders that photos come from, and the side of the split each photo is on.

Knows files, names and splits; not pixels beyond their ids, nor how a road is painted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...core.frame import U8
from ...core.scores import IGNORE
from ...errors import DataError, RequestError
from ..dataset import Pair, pairs_from_folder, read_pair
from ..labels import CLASSES, GROUPS, classes_from_folder, groups_from_folder
from ..split import SPLIT, Split, saved_split
from .paint_layout import ROAD

LEAST_SIDE = 64


class Source(NamedTuple):
    """A labelled road folder."""

    root: Path
    classes: list[str]
    pairs: list[Pair]
    groups: dict[str, str]
    """By name of a photo; a photo of no group is one of its own."""
    validation: frozenset[str] | None
    """Names of photos that only judge; None if the folder has no split."""

    def read(self, pair: Pair) -> tuple[U8, U8]:
        """Read photo (H, W, 3) RGB and mask (H, W) of 0, 1 = road and 255; DataError if small."""
        image, labels = read_pair(pair, len(self.classes))
        if min(labels.shape) < LEAST_SIDE:
            size = f'{labels.shape[1]}x{labels.shape[0]}'
            raise DataError(
                f'{str(pair.image)!r} is {size}, too small to paint; '
                f'give photos of {LEAST_SIDE}x{LEAST_SIDE} or more'
            )
        rest = np.where(labels == IGNORE, labels, np.uint8(0))
        return image, np.where(labels == self.classes.index('road'), np.uint8(ROAD), rest)

    def sha256(self) -> str:
        """Hash the names and bytes of all that is read."""
        digest = hashlib.sha256()
        beside = [self.root / name for name in (CLASSES, GROUPS, SPLIT)]
        pixels = [file for pair in self.pairs for file in (pair.image, pair.mask)]
        for file in (*(file for file in beside if file.is_file()), *pixels):
            digest.update(f'{file.relative_to(self.root).as_posix()}/'.encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()


class Named(NamedTuple):
    """A photo and what it is called among those of all sources."""

    source: Source
    pair: Pair
    name: str
    group: str

    @property
    def only_judges(self) -> bool:
        """Tell whether its source keeps it for validation: it must stay as real as it is."""
        return self.pair.name in (self.source.validation or ())


def sources_from_folders(roots: Sequence[Path]) -> list[Source]:
    """Look into each folder; RequestError or DataError names the one that can't be used."""
    for root in roots:
        if [other.resolve() for other in roots].count(root.resolve()) > 1:
            raise RequestError(f'{str(root)!r} is given twice; name each folder once')
    return [_source(root) for root in roots]


def _source(root: Path) -> Source:
    classes = [entry.name for entry in classes_from_folder(root)]
    if 'road' not in classes:
        raise RequestError(
            f'{str(root)!r} has no class named road, only {", ".join(classes)}; '
            f'rename the class of the road surface in its classes.yaml'
        )
    pairs, groups = pairs_from_folder(root), groups_from_folder(root)
    split = saved_split(root, pairs)
    validation = None if split is None else frozenset(split.names()['validation'])
    return Source(root, classes, pairs, groups, validation)


def named(sources: Sequence[Source]) -> Iterator[Named]:
    """Yield all photos in order; names and groups of two sources are never the same."""
    names = _prefixes(sources, lambda source: [pair.name for pair in source.pairs])
    groups = _prefixes(sources, lambda source: [*_groups(source).values()])
    for source, name, group in zip(sources, names, groups, strict=True):
        of_pair = _groups(source)
        for pair in source.pairs:
            yield Named(source, pair, name + pair.name, group + of_pair[pair.name])


def _groups(source: Source) -> dict[str, str]:
    return {pair.name: source.groups.get(pair.name, pair.name) for pair in source.pairs}


def _prefixes(sources: Sequence[Source], words: Callable[[Source], list[str]]) -> list[str]:
    """Return what must precede each source's words so that no two sources share one.

    Nothing, or the folders' names, or their numbers, whichever is enough.
    """
    numbers = [f'{k}-' for k in range(1, len(sources) + 1)]
    folders = [f'{source.root.resolve().name}-' for source in sources]
    sets = [set(words(source)) for source in sources]
    for prefixes in ([''] * len(sources), folders):
        long = [{p + word for word in own} for p, own in zip(prefixes, sets, strict=True)]
        if len(set[str]().union(*long)) == sum(map(len, sets)):
            return prefixes
    return numbers


def sides_of_split(
    sources: Sequence[Source], images: Mapping[str, Named]
) -> dict[str, list[str]] | None:
    """Return the names of images, by image the photo, on each side; None without any split.

    What comes from a validation photo only judges; a source without a split only teaches.
    """
    if all(source.validation is None for source in sources):
        return None
    is_judge = {name: photo.only_judges for name, photo in images.items()}
    sides = [[name for name, judges in is_judge.items() if judges == side] for side in (0, 1)]
    return dict(zip(Split._fields, sides, strict=True))

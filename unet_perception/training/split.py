"""Which pairs teach and which only judge, as a file that lies beside the data.

Knows names and groups; not pixels.

    DIR/split.json   {"training": [NAME, …], "validation": [NAME, …]}
"""

from collections import Counter
from collections.abc import Mapping, Sequence
import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from ..core.files import replace_file
from ..errors import DataError
from .dataset import Pair, pairs_from_folder
from .labels import CLASSES, groups_from_folder

SPLIT = 'split.json'
BLOCKS, EVERY = 19, 5


class Split(NamedTuple):
    """Pairs to learn from, and pairs that only judge."""

    training: list[Pair]
    validation: list[Pair]

    def names(self) -> dict[str, list[str]]:
        """Return the names on each side."""
        return {side: [p.name for p in pairs] for side, pairs in self._asdict().items()}


def split_of_folder(root: Path) -> Split:
    """Read the folder's split, or make one and write it; DataError if neither can be."""
    pairs = pairs_from_folder(root)
    if (written := saved_split(root, pairs)) is not None:
        return written
    split = split_by_blocks(pairs, groups_from_folder(root))
    try:
        write_split(root, split.names())
    except OSError as exc:
        raise DataError(
            f"{str(root / SPLIT)!r} can't be written ({exc.strerror}); link images, masks and "
            f'{CLASSES} into a folder of your own and give that'
        ) from exc
    return split


def saved_split(root: Path, pairs: Sequence[Pair]) -> Split | None:
    """Read the folder's split of its pairs, None if it has none; DataError if it is wrong."""
    file = root / SPLIT
    return _split_from_file(file, pairs) if file.is_file() else None


def write_split(root: Path, names: Mapping[str, Sequence[str]]) -> None:
    """Write the names on each side; `saved_split` is the inverse."""
    replace_file(root / SPLIT, json.dumps(names, indent=1).encode() + b'\n')


def _split_from_file(file: Path, pairs: Sequence[Pair]) -> Split:
    """Understand a split that may have been written by hand; DataError says what is wrong."""
    try:
        sides = [[str(name) for name in json.loads(file.read_text())[k]] for k in Split._fields]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise DataError(
            f"{str(file)!r} can't be used ({exc!r}); it holds a list of names for each of "
            f'{" and ".join(Split._fields)}; remove it to have one made'
        ) from exc
    by_name = {pair.name: pair for pair in pairs}
    named = [name for side in sides for name in side]
    _check_names(file, named, by_name)
    if not all(sides):
        raise DataError(f'{str(file)!r} leaves a side empty; remove it to have one made')
    return Split(*([by_name[name] for name in side] for side in sides))


def _check_names(file: Path, named: Sequence[str], by_name: Mapping[str, Pair]) -> None:
    """DataError unless the split names every pair once."""
    problems = {
        'names {!r}, which has no image': [name for name in named if name not in by_name],
        'names {!r} twice': [name for name, count in Counter(named).items() if count > 1],
        'does not name {!r}': sorted(set(by_name) - set(named)),
    }
    for problem, names in problems.items():
        if names:
            raise DataError(
                f'{str(file)!r} {problem.format(names[0])}; edit it, or remove it to have one made'
            )


def split_by_blocks(pairs: Sequence[Pair], groups: Mapping[str, str] | None = None) -> Split:
    """Give every fifth of up to 19 runs of neighbouring groups to validation.

    Neighbours can be frames of one drive, so a split frame by frame would let the network
    be judged on what it has all but seen.
    """
    blocks = runs_of_groups(pairs, groups or {}, BLOCKS)
    count = len(set(blocks))
    if count < EVERY // 2 + 1:
        raise DataError(
            f'{len(pairs)} image(s) in {count} group(s) are too few to split; '
            f'give at least {EVERY // 2 + 1} groups, better hundreds'
        )
    split = Split([], [])
    for pair, block in zip(pairs, blocks, strict=True):
        (split.validation if block % EVERY == EVERY // 2 else split.training).append(pair)
    return split


def runs_of_groups(pairs: Sequence[Pair], groups: Mapping[str, str], most: int) -> list[int]:
    """Cut the groups, in their order, into up to `most` runs; return the run of each pair.

    A pair of no group is a group of its own.
    """
    names = [groups.get(pair.name, f'/{pair.name}') for pair in pairs]
    order = {name: k for k, name in enumerate(dict.fromkeys(names))}
    runs = min(most, len(order))
    return [order[name] * runs // len(order) for name in names]


def sha256_from_split(split: Split) -> str:
    """Return the version of data and split: a hash of every file's bytes and its side."""
    digest = hashlib.sha256()
    for side, pairs in split._asdict().items():
        for pair in pairs:
            for file in (pair.image, pair.mask):
                digest.update(os.fsencode(f'{side}/{file.name}/'))
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()

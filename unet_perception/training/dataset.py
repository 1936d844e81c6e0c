"""A folder of images and masks as training and validation samples.

Knows files and splits; not augmentation, not the network.

    DIR/images/NAME.jpg (or .png)   DIR/masks/NAME.png   ids, 255 = not labelled
"""

import hashlib
from itertools import pairwise
from pathlib import Path
import re
from typing import NamedTuple

import cv2
import numpy as np

from ..core.footage import IMAGE_SUFFIXES
from ..core.frame import U8
from ..core.scores import IGNORE
from ..errors import DataError


class Pair(NamedTuple):
    """The files of one labelled image."""

    name: str
    image: Path
    mask: Path


class Split(NamedTuple):
    """Pairs to learn from, and pairs that only judge."""

    training: list[Pair]
    validation: list[Pair]


def pairs_from_folder(root: Path) -> list[Pair]:
    """List the pairs of `root` in the order of their numbers; DataError if a mask is missing."""
    folder = root / 'images'
    if not folder.is_dir():
        raise DataError(f'{str(folder)!r} is not a folder; expected DIR/images and DIR/masks')
    files = (f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES)
    images = sorted(files, key=_natural_key)
    pairs = [Pair(f.stem, f, root / 'masks' / f'{f.stem}.png') for f in images]
    for pair in pairs:
        if not pair.mask.is_file():
            raise DataError(f'{str(pair.image)!r} has no mask; expected {str(pair.mask)!r}')
    for first, second in pairwise(pairs):
        if first.name == second.name:
            raise DataError(
                f'{str(first.image)!r} and {str(second.image)!r} share a mask; rename one of them'
            )
    if not pairs:
        raise DataError(f'{str(folder)!r} holds no image ({", ".join(IMAGE_SUFFIXES)})')
    return pairs


def _natural_key(file: Path) -> tuple[list[str | int], str]:
    """Sort frame_2 before frame_10, so that neighbours in time stay neighbours."""
    parts = re.split(r'(\d+)', file.stem)
    return [int(part) if part.isdigit() else part for part in parts], file.name


def split_by_blocks(pairs: list[Pair], blocks: int = 19, every: int = 5) -> Split:
    """Give every `every`-th of `blocks` runs of neighbouring names to validation.

    Neighbours can be frames of one drive, so a split frame by frame would let the network
    be judged on what it has all but seen.
    """
    if len(pairs) < blocks:
        raise DataError(f'{len(pairs)} images are too few for {blocks} blocks; add images')
    split = Split([], [])
    for position, pair in enumerate(pairs):
        block = position * blocks // len(pairs)
        (split.validation if block % every == every // 2 else split.training).append(pair)
    return split


def sha256_from_split(split: Split) -> str:
    """Return the version of data and split: a hash of every file's bytes and its side."""
    digest = hashlib.sha256()
    for side, pairs in zip(Split._fields, split, strict=True):
        for pair in pairs:
            for file in (pair.image, pair.mask):
                digest.update(f'{side}/{file.name}/'.encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def check_pairs(pairs: list[Pair], classes: int) -> None:
    """DataError unless every file can be used and every class occurs in some mask."""
    seen: set[int] = set()
    for pair in pairs:
        seen.update(int(k) for k in np.unique(read_pair(pair, classes)[1]))
    absent = set(range(classes)) - seen
    if absent:
        raise DataError(
            f'{str(pairs[0].mask.parent)!r} shows no class {min(absent)}; masks hold class ids '
            f'0 to {classes - 1}, and {IGNORE} where nothing is labelled'
        )


def read_pair(pair: Pair, classes: int) -> tuple[U8, U8]:
    """Read image (H, W, 3) RGB and mask (H, W); DataError names the file that is wrong."""
    image = _read(pair.image, cv2.IMREAD_COLOR)
    mask = _read(pair.mask, cv2.IMREAD_ANYDEPTH)
    if mask.dtype != np.uint8:
        raise DataError(f'{str(pair.mask)!r} has {mask.dtype} pixels; save ids as an 8-bit PNG')
    if image.shape[:2] != mask.shape:
        raise DataError(
            f'{str(pair.mask)!r} is {mask.shape[1]}x{mask.shape[0]} but its image is '
            f'{image.shape[1]}x{image.shape[0]}; label at image size'
        )
    stray = mask[(mask >= classes) & (mask != IGNORE)]
    if stray.size:
        raise DataError(
            f'{str(pair.mask)!r} holds id {stray[0]}; {classes} classes and {IGNORE} exist'
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), mask


def _read(file: Path, mode: int) -> U8:
    pixels: U8 | None = cv2.imread(str(file), mode)
    if pixels is None:
        raise DataError(f'{str(file)!r} is not a readable image; replace or remove it')
    return pixels

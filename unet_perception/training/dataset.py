"""A folder of images and masks as pairs of files, and the pixels of a pair.

Knows files and ids; not splits, augmentation or the network.
"""

from itertools import pairwise
from pathlib import Path
import re
from typing import NamedTuple

import cv2
import numpy as np

from ..core.footage import IMAGE_SUFFIXES
from ..core.frame import U8
from ..core.image_file import image_file_from_bytes
from ..core.scores import IGNORE
from ..errors import DataError, FrameError
from .labels import IMAGES, MASKS

MOST_PIXELS = 100_000_000
"""Of an image; more is taken for a file that was made to fill the memory."""


class Pair(NamedTuple):
    """The files of one labelled image."""

    name: str
    image: Path
    mask: Path


def images_from_folder(root: Path) -> list[Path]:
    """List the images of `root` in the order of their numbers; DataError if there is none."""
    folder = root / IMAGES
    if not folder.is_dir():
        raise DataError(f'{str(folder)!r} is not a folder; expected DIR/{IMAGES} and DIR/{MASKS}')
    files = (f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES)
    images = sorted(files, key=_natural_key)
    if not images:
        raise DataError(f'{str(folder)!r} holds no image ({", ".join(IMAGE_SUFFIXES)})')
    return images


def pairs_from_folder(root: Path) -> list[Pair]:
    """List the pairs of `root`; DataError for an image without a mask, or two with one."""
    pairs = [pair_from_image(root, file) for file in images_from_folder(root)]
    for pair in pairs:
        if not pair.mask.is_file():
            raise DataError(f'{str(pair.image)!r} has no mask; expected {str(pair.mask)!r}')
    for first, second in pairwise(pairs):
        if first.name == second.name:
            raise DataError(
                f'{str(first.image)!r} and {str(second.image)!r} share a mask; rename one of them'
            )
    return pairs


def pair_from_image(root: Path, image: Path) -> Pair:
    """Return the files of an image of `root`; whether its mask is there is not asked."""
    return Pair(image.stem, image, root / MASKS / f'{image.stem}.png')


def _natural_key(file: Path) -> tuple[list[str | int], str]:
    """Sort frame_2 before frame_10, so that neighbours in time stay neighbours."""
    parts = re.split(r'(\d+)', file.stem)
    return [int(part) if part.isdigit() else part for part in parts], file.name


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
    try:
        content = np.fromfile(file, np.uint8)
        size = image_file_from_bytes(content).size
        if size.height * size.width > MOST_PIXELS:
            raise FrameError(f'{size.width}x{size.height} is too large')
        pixels: U8 | None = cv2.imdecode(content, mode | cv2.IMREAD_IGNORE_ORIENTATION)
    except OSError as exc:
        raise DataError(f"{str(file)!r} can't be read: {exc.strerror}") from exc
    except (FrameError, cv2.error) as exc:
        raise DataError(f'{str(file)!r} is not a readable image ({exc}); replace it') from exc
    if pixels is None:
        raise DataError(f'{str(file)!r} is not a readable image; replace it')
    return pixels

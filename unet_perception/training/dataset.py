"""A folder of images and masks as pairs of files, and the pixels of a pair.

Knows files and ids; not splits, augmentation or the network.
"""

from collections.abc import Callable
from pathlib import Path
import re
from typing import NamedTuple

import cv2
import numpy as np

from ..core.frame import U8
from ..core.image_file import image_file_from_bytes
from ..core.scores import IGNORE
from ..errors import DataError, FrameError
from .labels import IMAGES, MASKS

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png')
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
    """List the pairs of `root`; DataError if an image or a mask has no partner of its own."""
    pairs, problems = matched(root)
    if problems:
        raise DataError(problems[0])
    return pairs


def matched(root: Path) -> tuple[list[Pair], list[str]]:
    """Return the images that have a mask of their own, and a sentence for each other file."""
    pairs, problems = [], []
    seen: dict[str, Path] = {}
    for image in images_from_folder(root):
        pair = Pair(image.stem, image, root / MASKS / f'{image.stem}.png')
        other = seen.setdefault(pair.name, image)
        if other != image:
            problems.append(f'{str(other)!r} and {str(image)!r} share a mask; rename one')
        elif not pair.mask.is_file():
            problems.append(f'{str(image)!r} has no mask; expected {str(pair.mask)!r}')
        else:
            pairs.append(pair)
    problems += [
        f'{str(mask)!r} has no image; add the image or remove the mask'
        for mask in sorted((root / MASKS).glob('*.png'))
        if mask.stem not in seen
    ]
    return pairs, problems


def _natural_key(file: Path) -> tuple[list[str | int], str]:
    """Sort frame_2 before frame_10, so that neighbours in time stay neighbours."""
    parts = re.split(r'(\d+)', file.stem)
    return [int(part) if part.isdecimal() else part for part in parts], file.name


def read_pair(pair: Pair, classes: int) -> tuple[U8, U8]:
    """Read image (H, W, 3) RGB and mask (H, W); DataError names the file that is wrong."""
    image = _read(pair.image, cv2.IMREAD_COLOR)
    mask = _read(pair.mask, cv2.IMREAD_GRAYSCALE, _not_ids)
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


def _anything(_: U8) -> str:
    return ''


def _not_ids(content: U8) -> str:
    """Say what a PNG has instead of one byte a pixel; empty if nothing (ISO 15948, 11.2.2)."""
    depth, kind = int(content[24]), int(content[25])
    if kind == 0 and depth == 8:
        return ''
    kinds = {0: 'grey', 2: 'colour', 3: 'a palette', 4: 'grey and alpha', 6: 'colour and alpha'}
    return f'it has {depth} bits of {kinds.get(kind, "?")}; save class ids as 8-bit grey'


def _read(file: Path, mode: int, fault: Callable[[U8], str] = _anything) -> U8:
    try:
        if not file.is_file():
            raise FrameError('it is not a file')
        content = np.fromfile(file, np.uint8)
        size = image_file_from_bytes(content).size
        if problem := fault(content):
            raise FrameError(problem)
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

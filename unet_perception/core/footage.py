"""A video file or a folder of images, one frame after the other.

Knows files; not cameras, messages or time.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2

from ..errors import RequestError
from .frame import U8

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp')


def frames_from_path(source: Path) -> Iterator[U8]:
    """Yield BGR images (H, W, 3) in order; RequestError if there is none to yield."""
    if source.is_dir():
        return _images(source)
    if source.is_file():
        return _video(source)
    raise RequestError(f'{str(source)!r} is neither a video file nor a folder of images')


def _images(folder: Path) -> Iterator[U8]:
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise RequestError(f'{str(folder)!r} holds no image ({", ".join(IMAGE_SUFFIXES)})')
    for file in files:
        image = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if image is None:
            raise RequestError(f'{str(file)!r} is not a readable image; replace or remove it')
        yield image


def _video(file: Path) -> Iterator[U8]:
    capture = cv2.VideoCapture(str(file))
    try:
        ok, image = capture.read()
        if not ok:
            raise RequestError(f'{str(file)!r} is not a video that OpenCV can read')
        while ok:
            yield image
            ok, image = capture.read()
    finally:
        capture.release()

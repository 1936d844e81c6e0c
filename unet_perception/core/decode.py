"""From a frame's bytes to pixels, as a view wherever the bytes allow it.

Knows encodings; not sizes that a network wants. Colour order is put right after the resize, on
the small image, so the caller gets pixels together with the conversion that makes them RGB.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ..errors import FrameError
from .frame import COMPRESSED, U8, Frame


class RawEncoding(NamedTuple):
    """How one `sensor_msgs/Image` encoding lays out a pixel."""

    channels: int
    to_rgb: int | None
    """OpenCV conversion code to RGB; None if it is RGB already."""


class CompressedFormat(NamedTuple):
    """How a compressed file begins and ends."""

    magic: bytes
    end: bytes


class Decoded(NamedTuple):
    """Pixels (H, W) or (H, W, 3), and the OpenCV code that makes them RGB (None: they are)."""

    pixels: U8
    to_rgb: int | None


ENCODINGS = {
    'rgb8': RawEncoding(3, None),
    'bgr8': RawEncoding(3, cv2.COLOR_BGR2RGB),
    'mono8': RawEncoding(1, cv2.COLOR_GRAY2RGB),
}

FORMATS = {
    'JPEG': CompressedFormat(b'\xff\xd8\xff', b'\xff\xd9'),
    'PNG': CompressedFormat(b'\x89PNG\r\n\x1a\n', b'IEND\xaeB`\x82'),
}
_TAIL = 4096  # drivers pad a file's end; a thumbnail's end marker lies in the first bytes


def decode(frame: Frame) -> Decoded:
    """Return the frame's pixels; FrameError says what is wrong with it."""
    if frame.encoding == COMPRESSED:
        return _decode_file(frame.data)
    encoding = ENCODINGS.get(frame.encoding)
    if encoding is None:
        raise FrameError(
            f'encoding {frame.encoding!r:.80} is not supported; '
            f'publish one of {", ".join(ENCODINGS)}'
        )
    return Decoded(_view(frame, encoding.channels), encoding.to_rgb)


def bgr_from_decoded(decoded: Decoded) -> U8:
    """Return decoded pixels as a BGR image (H, W, 3), for pictures; the pipeline needs none."""
    pixels, to_rgb = decoded
    if to_rgb == cv2.COLOR_BGR2RGB:
        return pixels
    rgb = pixels if to_rgb is None else cv2.cvtColor(pixels, to_rgb)
    bgr: U8 = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    return bgr


def _view(frame: Frame, channels: int) -> U8:
    """Look at raw bytes as (H, W[, 3]), skipping the padding at the end of each row."""
    height, width, step = frame.height, frame.width, frame.step
    if height <= 0 or width <= 0:
        raise FrameError(f'image is {width}x{height}; both must be positive')
    if step < width * channels:
        raise FrameError(
            f'step {step} is less than a row of {width} {frame.encoding!r} pixels '
            f'({width * channels} bytes)'
        )
    if frame.data.size < step * height:
        raise FrameError(
            f'data holds {frame.data.size} bytes, but step * height is {step * height}'
        )
    if channels == 1:
        grey: U8 = np.ndarray((height, width), np.uint8, frame.data.data, 0, (step, 1))
        return grey
    shape, strides = (height, width, channels), (step, channels, 1)
    color: U8 = np.ndarray(shape, np.uint8, frame.data.data, 0, strides)
    return color


def _decode_file(data: U8) -> Decoded:
    """Decompress a JPEG or PNG; a file without its end is refused, not guessed at."""
    if not data.size:
        raise FrameError('compressed data is empty')
    start = data[:16].tobytes()
    for name, known in FORMATS.items():
        if start.startswith(known.magic):
            if known.end not in data[-_TAIL:].tobytes():
                raise FrameError(f'{name} of {data.size} bytes is truncated: it has no end')
            return Decoded(_imdecode(data, name), cv2.COLOR_BGR2RGB)
    raise FrameError(f'compressed data begins with {start[:8].hex(" ")}; neither JPEG nor PNG')


def _imdecode(data: U8, name: str) -> U8:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels: U8 | None = cv2.imdecode(data, flags)
    except cv2.error as exc:
        raise FrameError(f'{name} of {data.size} bytes does not decode: {exc.err}') from exc
    if pixels is None:
        raise FrameError(f'{name} of {data.size} bytes does not decode; it is damaged')
    return pixels

"""From a frame's bytes to pixels, as a view wherever the bytes allow it.

Knows encodings; not sizes that a network wants. Colour order, alpha and depth are put right
after the resize, on the small image, so the caller gets pixels together with the conversion that
makes them RGB. Where neighbouring pixels share samples there is no small image to be had: those
frames become RGB at full size, in memory that is kept.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import FrameError
from .frame import COMPRESSED, U8, Frame
from .geometry import Size
from .image_file import image_file_from_bytes

Pixels = NDArray[Any]
"""uint8, or uint16 in the machine's byte order."""

Bridge = Callable[[Frame], U8]
"""Makes RGB (H, W, 3) of a frame in an encoding that is not in `ENCODINGS`, or FrameError."""

MAX_PIXELS = 25_000_000
_BYTE_PER_WORD = 255 / 65535  # as cv_bridge scales
_BYTES = (np.dtype('u1'), np.dtype('u1'))
_WORDS = (np.dtype('<u2'), np.dtype('>u2'))


class Mosaic(NamedTuple):
    """Which sizes are possible where neighbouring pixels share samples."""

    height: int
    """The image's height is a multiple of it; so is its width of `width`."""
    width: int
    rows: int
    """Rows of samples for each `height` rows of pixels."""
    least: int
    """The smallest height and width."""
    needs: str
    """The sizes in words."""


class RawEncoding(NamedTuple):
    """How one `sensor_msgs/Image` encoding lays out its samples, and what makes them RGB."""

    channels: int
    """Samples per pixel, in each row of samples."""
    to_rgb: int | None
    """OpenCV conversion code to RGB; None if it is RGB already."""
    mosaic: Mosaic | None = None
    """None if every pixel stands by itself."""
    samples: 'tuple[np.dtype[Any], np.dtype[Any]]' = _BYTES
    """Little-endian and big-endian."""


class Decoded(NamedTuple):
    """Pixels (H, W[, C]), and the OpenCV code that makes them RGB (None: they are).

    Two bytes per sample are made one by `eight_bit` before that code applies.
    """

    pixels: Pixels
    to_rgb: int | None


_YUV422 = Mosaic(1, 2, 1, 1, 'an even width')
_YUV420 = Mosaic(2, 2, 3, 2, 'an even width and height')
_BAYER = Mosaic(1, 1, 1, 3, 'at least 3x3 pixels')  # OpenCV makes smaller ones black

ENCODINGS = {
    'rgb8': RawEncoding(3, None),
    'bgr8': RawEncoding(3, cv2.COLOR_BGR2RGB),
    'rgba8': RawEncoding(4, cv2.COLOR_RGBA2RGB),
    'bgra8': RawEncoding(4, cv2.COLOR_BGRA2RGB),
    'mono8': RawEncoding(1, cv2.COLOR_GRAY2RGB),
    'mono16': RawEncoding(1, cv2.COLOR_GRAY2RGB, samples=_WORDS),
    'yuv422': RawEncoding(2, cv2.COLOR_YUV2RGB_UYVY, _YUV422),
    'uyvy': RawEncoding(2, cv2.COLOR_YUV2RGB_UYVY, _YUV422),
    'yuv422_yuy2': RawEncoding(2, cv2.COLOR_YUV2RGB_YUYV, _YUV422),
    'yuyv': RawEncoding(2, cv2.COLOR_YUV2RGB_YUYV, _YUV422),
    'nv12': RawEncoding(1, cv2.COLOR_YUV2RGB_NV12, _YUV420),
    'nv21': RawEncoding(1, cv2.COLOR_YUV2RGB_NV21, _YUV420),
    # OpenCV names a pattern by its second row, from the second pixel on
    'bayer_rggb8': RawEncoding(1, cv2.COLOR_BayerBG2RGB, _BAYER),
    'bayer_bggr8': RawEncoding(1, cv2.COLOR_BayerRG2RGB, _BAYER),
    'bayer_gbrg8': RawEncoding(1, cv2.COLOR_BayerGR2RGB, _BAYER),
    'bayer_grbg8': RawEncoding(1, cv2.COLOR_BayerGB2RGB, _BAYER),
}


class Decoder:
    """Makes pixels of frames; they are valid until its next `decode`. One thread at a time."""

    def __init__(self, max_pixels: int = MAX_PIXELS, bridge: Bridge | None = None) -> None:
        self._max_pixels, self._bridge = max_pixels, bridge
        self._rgb: U8 = np.empty((0, 0, 3), np.uint8)
        self._words: NDArray[np.uint16] = np.empty((0, 0), np.uint16)

    def decode(self, frame: Frame) -> Decoded:
        """Return the frame's pixels; FrameError says what is wrong with it."""
        if frame.encoding == COMPRESSED and not (frame.height or frame.width or frame.step):
            file = image_file_from_bytes(frame.data)
            _check_size(file.size, self._max_pixels)
            return Decoded(file.bgr(), cv2.COLOR_BGR2RGB)
        encoding = ENCODINGS.get(frame.encoding)
        if encoding is None:
            return Decoded(self._bridged(frame), None)
        _check_size(Size(frame.height, frame.width), self._max_pixels)
        samples = _samples(frame, encoding)
        if encoding.mosaic is None:
            return Decoded(self._native(samples), encoding.to_rgb)
        return Decoded(self._full_size_rgb(frame, samples, encoding), None)

    def _bridged(self, frame: Frame) -> U8:
        if self._bridge is None:
            raise FrameError(
                f'encoding {frame.encoding!r:.80} is not supported; publish one of '
                f'{", ".join(ENCODINGS)}, or install cv_bridge, which knows more'
            )
        _check_size(Size(frame.height, frame.width), self._max_pixels)
        _check_data(frame, frame.height)
        rgb = self._bridge(frame)
        if rgb.shape != (frame.height, frame.width, 3):
            raise FrameError(
                f'encoding {frame.encoding!r:.80}: cv_bridge makes {rgb.shape} of an image of '
                f'{frame.width}x{frame.height}; publish one of {", ".join(ENCODINGS)}'
            )
        return rgb

    def _full_size_rgb(self, frame: Frame, samples: Pixels, encoding: RawEncoding) -> U8:
        assert encoding.to_rgb is not None
        shape = (frame.height, frame.width, 3)
        if self._rgb.shape != shape:
            self._rgb = np.empty(shape, np.uint8)
        cv2.cvtColor(samples, encoding.to_rgb, dst=self._rgb)
        return self._rgb

    def _native(self, samples: Pixels) -> Pixels:
        """Copy samples that OpenCV can't read in place: of foreign byte order or an odd step."""
        if samples.dtype.isnative and samples.flags.aligned:
            return samples
        if self._words.shape != samples.shape:
            self._words = np.empty(samples.shape, np.uint16)
        np.copyto(self._words, samples)
        return self._words


def eight_bit(pixels: Pixels, out: U8 | None = None) -> U8:
    """Scale uint16 to bytes (to `out`, if given), rounded; bytes are returned as they are."""
    if pixels.dtype == np.uint8:
        return pixels
    scaled: U8 = cv2.convertScaleAbs(pixels, dst=out, alpha=_BYTE_PER_WORD)
    return scaled


def bgr_from_decoded(decoded: Decoded) -> U8:
    """Return decoded pixels as a BGR image (H, W, 3), for pictures; the pipeline needs none."""
    pixels, to_rgb = eight_bit(decoded.pixels), decoded.to_rgb
    if to_rgb == cv2.COLOR_BGR2RGB:
        return pixels
    rgb = pixels if to_rgb is None else cv2.cvtColor(pixels, to_rgb)
    bgr: U8 = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    return bgr


def _check_size(size: Size, max_pixels: int) -> None:
    """FrameError if there is nothing to see, or too much."""
    height, width = size
    if height <= 0 or width <= 0:
        raise FrameError(f'image is {width}x{height}; both must be positive')
    if height * width == 1:  # OpenCV 4.5 takes no colour array of one pixel
        raise FrameError('image is 1x1; it needs more than one pixel')
    if height * width > max_pixels:
        raise FrameError(
            f'image is {width}x{height}, {height * width / 1e6:g} megapixels, but '
            f'max_megapixels is {max_pixels / 1e6}; raise it if the camera is meant to send that'
        )


def _samples(frame: Frame, encoding: RawEncoding) -> Pixels:
    """Look at raw bytes as (rows, W[, C]), skipping the padding at the end of each row."""
    sample = encoding.samples[frame.is_bigendian]
    pixel = encoding.channels * sample.itemsize
    rows = _rows(frame, encoding.mosaic)
    if frame.step < frame.width * pixel:
        raise FrameError(
            f'step {frame.step} is less than a row of {frame.width} {frame.encoding!r} pixels '
            f'({frame.width * pixel} bytes)'
        )
    _check_data(frame, rows)
    shape: tuple[int, ...] = (rows, frame.width, encoding.channels)
    strides: tuple[int, ...] = (frame.step, pixel, sample.itemsize)
    if encoding.channels == 1:
        shape, strides = shape[:2], strides[:2]
    pixels: Pixels = np.ndarray(shape, sample, frame.data.data, 0, strides)
    return pixels


def _check_data(frame: Frame, rows: int) -> None:
    """FrameError if there are fewer bytes than so many rows take."""
    if frame.data.size < frame.step * rows:
        raise FrameError(
            f'data holds {frame.data.size} bytes, but {rows} rows of step {frame.step} are '
            f'{frame.step * rows}'
        )


def _rows(frame: Frame, mosaic: Mosaic | None) -> int:
    """Return how many rows of samples the image has; FrameError if its size is impossible."""
    height, width = frame.height, frame.width
    if mosaic is None:
        return height
    if height % mosaic.height or width % mosaic.width or min(height, width) < mosaic.least:
        raise FrameError(
            f'image is {width}x{height}, but {frame.encoding!r} needs {mosaic.needs}; '
            f'set the camera to such a size'
        )
    return height // mosaic.height * mosaic.rows

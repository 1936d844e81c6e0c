"""JPEG and PNG files: whole or not, how large, and their pixels.

Knows how a file is built; not cameras, nor how large an image may be. OpenCV's decoders believe
a file, so what would make them run for seconds or take gigabytes is looked for beforehand.
"""

from collections.abc import Callable, Iterator
import re
import struct
from typing import NamedTuple

import cv2

from ..errors import FrameError
from .frame import U8
from .geometry import Size


class ImageFile(NamedTuple):
    """A file with a beginning, a size and an end; not decompressed yet."""

    kind: str
    data: U8  # (bytes,)
    size: Size

    def bgr(self) -> U8:
        """Decompress to BGR (H, W, 3), not turned by EXIF; FrameError if the file is damaged."""
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        what = f'{self.kind} of {self.data.size} bytes'
        try:
            pixels: U8 | None = cv2.imdecode(self.data, flags)
        except cv2.error as exc:
            raise FrameError(f'{what} does not decode: {exc.err}') from exc
        if pixels is None:
            raise FrameError(f'{what} does not decode; it is damaged')
        return pixels


class FileFormat(NamedTuple):
    """How to tell a kind of file, and what it says of itself."""

    magic: bytes
    has_end: Callable[[bytes], bool]
    size: Callable[[bytes], Size | None]
    fault: Callable[[bytes, Size], str]
    """What it has that a camera's file of its size has not, or lacks; empty if nothing."""


def image_file_from_bytes(data: U8) -> ImageFile:
    """Look at bytes as a JPEG or PNG; FrameError if they are neither, or not a whole one."""
    content = data.tobytes()
    if not content:
        raise FrameError('compressed data is empty')
    kind = next((k for k, known in FORMATS.items() if content.startswith(known.magic)), None)
    if kind is None:
        start = content[:8].hex(' ')
        raise FrameError(f'compressed data begins with {start}; neither JPEG nor PNG')
    known, what = FORMATS[kind], f'{kind} of {len(content)} bytes'
    if not known.has_end(content):
        raise FrameError(f'{what} is truncated: it has no end')
    size = known.size(content)
    if size is None:
        raise FrameError(f'{what} is damaged: it has no size before its pixels')
    if fault := known.fault(content, size):
        raise FrameError(f'{what} has {fault}')
    return ImageFile(kind, data, size)


_JPEG_TAIL = 4096  # drivers pad a file's end; a thumbnail's end marker lies in the first bytes
_JPEG_SEGMENTS = 1000  # before the size; cameras write about ten
_JPEG_SCANS = 100  # each goes over all pixels, for 10 bytes; encoders write about ten
_JPEG_FEW_SCANS, _JPEG_WORK = 20, 400_000_000  # so few always pass; pixels of all others together
_JPEG_MARKER = re.compile(rb'\xff([^\x00\x01\xd0-\xd7\xff])')
"""A marker that something follows: not a stuffed zero, TEM, RST or a fill byte."""
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; between them lie DHT, JPG and DAC."""
_JPEG_STOPS = frozenset((0xD8, 0xD9, 0xDA))
"""SOI, EOI, SOS: too late for a size."""


def _jpeg_has_end(content: bytes) -> bool:
    return b'\xff\xd9' in content[-_JPEG_TAIL:]


def _jpeg_size(content: bytes) -> Size | None:
    """Walk the markers as libjpeg's `next_marker` does: the decoder must find the same size."""
    start = 2
    for _ in range(_JPEG_SEGMENTS):
        marker = _JPEG_MARKER.search(content, start)
        if marker is None or marker[1][0] in _JPEG_STOPS:
            return None
        start = marker.end()
        if marker[1][0] in _JPEG_SIZES:
            return _size(content[start + 3 : start + 5], content[start + 5 : start + 7])
        start += int.from_bytes(content[start : start + 2], 'big')
    return None


def _jpeg_fault(content: bytes, size: Size) -> str:
    most = min(_JPEG_SCANS, max(_JPEG_FEW_SCANS, _JPEG_WORK // (size.height * size.width)))
    scans = content.count(b'\xff\xda')
    if not scans:
        return 'no pixels'  # libjpeg makes up what is missing before the end, and can't be asked
    if scans > most:
        return f'more than {most} scans; publish baseline JPEG'
    return ''


_PNG_CHUNK = struct.Struct('>I4s')
_PNG_METADATA = (b'iCCP', b'iTXt', b'zTXt')
_PNG_METADATA_BYTES = 100_000  # inflated, a thousand times as much; cameras write none


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each chunk's name and length, up to the end or to one that is not there whole."""
    start, name = 8, b''
    while start + 12 <= len(content) and name != b'IEND':
        length, name = _PNG_CHUNK.unpack_from(content, start)
        start += 12 + length  # length, name, content, checksum
        if start <= len(content):
            yield name, length


def _png_has_end(content: bytes) -> bool:
    return any(name == b'IEND' for name, _ in _png_chunks(content))


def _png_size(content: bytes) -> Size | None:
    is_header = content[8:16] == b'\0\0\0\x0dIHDR'
    return _size(content[20:24], content[16:20]) if is_header else None


def _png_fault(content: bytes, _: Size) -> str:
    total = sum(length for name, length in _png_chunks(content) if name in _PNG_METADATA)
    if total > _PNG_METADATA_BYTES:
        return f'{total} bytes of compressed text or profile; publish it without'
    return ''


def _size(height: bytes, width: bytes) -> Size | None:
    size = Size(int.from_bytes(height, 'big'), int.from_bytes(width, 'big'))
    return size if min(size) > 0 else None


FORMATS = {
    'JPEG': FileFormat(b'\xff\xd8\xff', _jpeg_has_end, _jpeg_size, _jpeg_fault),
    'PNG': FileFormat(b'\x89PNG\r\n\x1a\n', _png_has_end, _png_size, _png_fault),
}

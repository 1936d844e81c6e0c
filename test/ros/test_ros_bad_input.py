"""Whatever a camera sends: the node says what was wrong, and the next good image is segmented."""

from collections.abc import Callable, Iterator
import struct
from typing import Any, NamedTuple
import zlib

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from rig import Rig, fake_opener, image_message, jpeg_message, wait_until
from unet_perception.core.frame import U8
from unet_perception.ros.messages import SECOND_NS, time_from_ns

WARN = 1
BGR: U8 = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
S = SECOND_NS
LONG_AGO = (12, 0)


def now_stamp(rig: Rig, ahead_s: float = 0.0) -> Any:
    return time_from_ns(rig.node.get_clock().now().nanoseconds + int(ahead_s * S))


@pytest.fixture(scope='module')
def raw() -> Iterator[Rig]:
    """A node that takes raw images; each test leaves it running."""
    with Rig(fake_opener()).start() as rig:
        yield rig


@pytest.fixture(scope='module')
def compressed() -> Iterator[Rig]:
    """A node that takes JPEG and PNG."""
    with Rig(fake_opener(), image_transport='compressed').start() as rig:
        yield rig


def sent(rig: Rig, publisher: Any, message: Any) -> dict[str, int]:
    """Send one message; return by how much it changed the counters."""
    before, frames = rig.counters(), sum(rig.counters().values())
    publisher.publish(message)
    after = rig.settle(frames + 1)
    return {name: n - before.get(name, 0) for name, n in after.items() if n != before.get(name)}


def says(rig: Rig, words: str) -> bool:
    """Tell whether the status `input` warns with these words."""
    return wait_until(lambda: rig.level_of('input') == WARN and words in said(rig))


def said(rig: Rig) -> str:
    return rig.message_of('input')


MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    'zero height': ({'height': 0}, 'image is 64x0; both must be positive'),
    'zero width': ({'width': 0}, 'image is 0x48; both must be positive'),
    'no data': ({'data': b''}, 'data holds 0 bytes'),
    'short data': ({'data': bytes(100)}, 'data holds 100 bytes, but 48 rows of step 192 are 9216'),
    'short step': ({'step': 10}, 'step 10 is less than a row'),
    'unknown encoding': ({'encoding': 'yuv9'}, "'yuv9' is not supported; publish one of rgb8,"),
    'odd nv12': ({'encoding': 'nv12', 'width': 63}, 'needs an even width and height'),
    '100 megapixels': (
        {'width': 10_000, 'height': 10_000, 'step': 30_000},
        'image is 10000x10000, 100 megapixels, but max_megapixels is 25.0',
    ),
}


@pytest.mark.parametrize('name', MALFORMED)
def test_a_malformed_image_is_named(raw: Rig, name: str) -> None:
    changes, words = MALFORMED[name]
    assert sent(raw, raw.images, image_message(BGR, LONG_AGO, **changes)) == {'malformed': 1}
    assert says(raw, words)
    assert "malformed image on '/image'" in said(raw)
    assert sent(raw, raw.images, image_message(BGR, LONG_AGO)) == {'published': 1}


def png_bomb(side: int = 20_000) -> bytes:
    """Return a small file that unpacks to an image of side x side."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack('>I', zlib.crc32(kind + content))
        return struct.pack('>I', len(content)) + kind + content + checksum

    header = struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(side * (side + 1)), 1)
    parts = chunk(b'IHDR', header) + chunk(b'IDAT', rows) + chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + parts


def jpeg_of_100_megapixels() -> bytes:
    """Return a JPEG whose header promises more than there is."""
    content = bytearray(cv2.imencode('.jpg', BGR)[1].tobytes())
    at = content.index(b'\xff\xc0') + 5
    content[at : at + 4] = struct.pack('>HH', 10_000, 10_000)
    return bytes(content)


class Hostile(NamedTuple):
    """A compressed image that must not be decoded, and what is said of it."""

    make: Callable[[], bytes]
    words: str


JPEG, PNG = (cv2.imencode(suffix, BGR)[1].tobytes() for suffix in ('.jpg', '.png'))
HOSTILE = {
    'truncated JPEG': Hostile(lambda: JPEG[: len(JPEG) // 2], 'is truncated: it has no end'),
    'truncated PNG': Hostile(lambda: PNG[: len(PNG) // 2], 'is truncated: it has no end'),
    'PNG bomb': Hostile(png_bomb, 'image is 20000x20000, 400 megapixels'),
    'JPEG header of 100 megapixels': Hostile(jpeg_of_100_megapixels, '10000x10000, 100 megapix'),
    'neither JPEG nor PNG': Hostile(lambda: b'GIF89a' + bytes(99), 'neither JPEG nor PNG'),
    'empty': Hostile(lambda: b'', 'compressed data is empty'),
}


@pytest.mark.parametrize('name', HOSTILE)
def test_a_hostile_file_is_named(compressed: Rig, name: str) -> None:
    hostile = HOSTILE[name]
    message = CompressedImage(format='jpeg', data=hostile.make())
    assert sent(compressed, compressed.jpegs, message) == {'malformed': 1}
    assert says(compressed, hostile.words)
    assert sent(compressed, compressed.jpegs, jpeg_message(BGR)) == {'published': 1}


def test_max_megapixels_is_the_cameras_to_raise() -> None:
    with Rig(fake_opener(), max_megapixels=0.1).start() as rig:
        large = np.zeros((300, 400, 3), np.uint8)
        assert sent(rig, rig.images, image_message(large)) == {'malformed': 1}
        assert says(rig, '400x300, 0.12 megapixels, but max_megapixels is 0.1')
        assert sent(rig, rig.images, image_message(BGR)) == {'published': 1}


def test_an_image_without_frame_id_is_segmented_and_warned_of(raw: Rig) -> None:
    message = image_message(BGR, frame_id='')
    message.header.stamp = now_stamp(raw)
    assert sent(raw, raw.images, message) == {'published': 1}
    assert says(raw, "on '/image', frame_id is empty")


def test_a_stamp_of_zero_is_segmented_and_warned_of_and_gives_no_latency(raw: Rig) -> None:
    assert sent(raw, raw.images, image_message(BGR, (0, 0))) == {'published': 1}
    assert says(raw, 'stamp is zero')
    assert wait_until(lambda: latency_of(raw) == 'n/a')


def value_of(rig: Rig, status: str, key: str) -> str:
    return str({pair.key: pair.value for pair in rig.status_of(status).values}[key])


def latency_of(rig: Rig) -> str:
    return value_of(rig, 'latency', 'pipeline_latency_ms')


def test_a_stamp_in_the_future_is_segmented_and_warned_of(raw: Rig) -> None:
    message = image_message(BGR)
    message.header.stamp = now_stamp(raw, ahead_s=60.0)
    assert sent(raw, raw.images, message) == {'published': 1}
    assert says(raw, 's in the future: synchronise the clocks')
    assert wait_until(lambda: latency_of(raw) == 'n/a')


def test_a_stamp_that_goes_back_is_segmented_and_warned_of(raw: Rig) -> None:
    for stamp in ((100, 0), (97, 500_000_000)):
        assert sent(raw, raw.images, image_message(BGR, stamp)) == {'published': 1}
    assert says(raw, 'stamp went back by 2.500 s')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda: image_message(BGR[:24]), 'image changed from 64x48 bgr8 to 64x24 bgr8'),
        (
            lambda: image_message(BGR, encoding='rgb8'),
            'image changed from 64x48 bgr8 to 64x48 rgb8',
        ),
        (
            lambda: image_message(BGR[..., 0].copy(), encoding='mono8', step=64),
            'image changed from 64x48 bgr8 to 64x48 mono8',
        ),
    ],
    ids=['size', 'encoding', 'channels'],
)
def test_a_change_of_size_or_encoding_is_followed_and_warned_of(
    raw: Rig, change: Callable[[], Image], words: str
) -> None:
    assert sent(raw, raw.images, image_message(BGR)) == {'published': 1}
    raw.received['mask'].clear()
    message = change()
    assert sent(raw, raw.images, message) == {'published': 1}
    assert says(raw, words)
    assert wait_until(lambda: raw.received['mask'])
    mask = raw.received['mask'][0]
    assert (mask.height, mask.width) == (message.height, message.width)


def test_compressed_images_that_change_their_size_are_warned_of(compressed: Rig) -> None:
    for bgr in (BGR, BGR[:24]):
        assert sent(compressed, compressed.jpegs, jpeg_message(bgr)) == {'published': 1}
    assert says(compressed, 'image changed from 64x48 compressed to 64x24 compressed')


def test_images_lost_on_the_way_are_told_by_the_gaps_in_their_stamps(raw: Rig) -> None:
    start = 5_000 * S
    for k in range(90):
        if k % 4:  # every fourth is lost
            message = image_message(BGR)
            message.header.stamp = time_from_ns(start + k * 40_000_000)
            sent(raw, raw.images, message)
    assert says(raw, "% of the images on '/image' were lost on the way")
    assert wait_until(lambda: 18 <= int(value_of(raw, 'input', 'lost_on_the_way')) <= 24)

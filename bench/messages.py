"""Which way of sending and taking an image is fastest: malloc, publishing and subscribing.

The variants that could be told apart in rclpy, each with two processes over shared memory; the
node uses the one named `CHOSEN`. Latency runs from the publish call to the pixels in a NumPy
array. Run by itself with a role and a variant, this file is one of the two processes.
"""

from array import array
from contextlib import ExitStack, suppress
import json
from pathlib import Path
import struct
import sys
from tempfile import TemporaryDirectory
from time import monotonic, monotonic_ns, sleep
from typing import Any, NamedTuple

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from unet_perception.cli.processes import loopback_environment, running
from unet_perception.core.memory import tune_malloc
from unet_perception.ros.messages import ImageFiller, ns_from_time, time_from_ns

SIZES = ((640, 480), (1280, 720))
COUNT, WARM_UP, HZ = 120, 20, 30.0
QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


class Variant(NamedTuple):
    """How malloc is set, how a message is published and how it is taken."""

    malloc: str
    publish: str
    subscribe: str

    @property
    def name(self) -> str:
        """The variant in one word."""
        return '-'.join(self)


VARIANTS = (
    Variant('default', 'bytes', 'message'),
    Variant('default', 'kept', 'message'),
    Variant('tuned', 'bytes', 'message'),
    Variant('tuned', 'array', 'message'),
    Variant('tuned', 'kept', 'message'),
    Variant('tuned', 'kept', 'raw'),
    Variant('tuned', 'cdr', 'raw'),
)
CHOSEN = Variant('tuned', 'kept', 'message')


def measure() -> list[dict[str, Any]]:
    """Return a row for each size and variant."""
    return [_measured(size, variant) for size in SIZES for variant in VARIANTS]


def _measured(size: tuple[int, int], variant: Variant) -> dict[str, Any]:
    with TemporaryDirectory(prefix='unet_perception_bench_') as folder, ExitStack() as stack:
        environment, file = loopback_environment(Path(folder)), Path(folder) / 'latencies.json'
        arguments = [variant.name, *map(str, size), str(file)]
        receiver = stack.enter_context(running(__name__, ['receive', *arguments], environment))
        stack.enter_context(running(__name__, ['send', *arguments], environment))
        receiver.wait(60.0)
        times = json.loads(file.read_text())[WARM_UP:]
    p50, p95 = (float(value) for value in np.percentile(times, (50, 95)))
    row = {'width': size[0], 'height': size[1], **variant._asdict(), 'received': len(times)}
    return {**row, 'p50_ms': p50, 'p95_ms': p95, 'is_chosen': variant == CHOSEN}


def send(node: Node, variant: Variant, width: int, height: int) -> None:
    """Publish the images at their pace."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    publisher, filler = node.create_publisher(Image, 'image', QOS), ImageFiller('bgr8')
    make = {
        'bytes': lambda stamp_ns: _image(stamp_ns, width, height, pixels.tobytes()),
        'array': lambda stamp_ns: _image(stamp_ns, width, height, array('B', pixels.tobytes())),
        'kept': lambda stamp_ns: filler.filled(pixels, stamp_ns, 'camera'),
        'cdr': lambda stamp_ns: _cdr_header(stamp_ns, width, height) + pixels.tobytes(),
    }[variant.publish]
    while not publisher.get_subscription_count():
        sleep(0.05)
    sleep(0.5)
    start = monotonic()
    for k in range(COUNT):
        sleep(max(0.0, start + k / HZ - monotonic()))
        publisher.publish(make(monotonic_ns()))
    sleep(0.5)


def receive(node: Node, variant: Variant, file: Path) -> None:
    """Take the images, and write their latencies once the sender is gone."""
    latencies_ms: list[float] = []

    def on_image(message: Any) -> None:
        if variant.subscribe == 'raw':
            stamp_ns, pixels = _from_cdr(message)
        else:
            stamp_ns = ns_from_time(message.header.stamp)
            pixels = np.frombuffer(message.data, np.uint8)
        assert pixels.size
        latencies_ms.append((monotonic_ns() - stamp_ns) / 1e6)

    node.create_subscription(Image, 'image', on_image, QOS, raw=variant.subscribe == 'raw')
    until = monotonic() + COUNT / HZ + 20.0
    while len(latencies_ms) < COUNT and monotonic() < until:
        rclpy.spin_once(node, timeout_sec=0.1)
        if latencies_ms and not node.count_publishers('image'):
            break
    file.write_text(json.dumps(latencies_ms))


def _image(stamp_ns: int, width: int, height: int, data: Any) -> Image:
    message = Image(width=width, height=height, step=3 * width, encoding='bgr8', data=data)
    message.header.stamp, message.header.frame_id = time_from_ns(stamp_ns), 'camera'
    return message


def _cdr_header(stamp_ns: int, width: int, height: int) -> bytes:
    """Return an Image in little-endian CDR up to its data.

    Numbers are aligned to 4 bytes; the zeros after `bgr8` end it, say little-endian, and pad.
    """
    sec, nanosec = divmod(stamp_ns, 10**9)
    strings = struct.pack('<I8s', 7, b'camera'), struct.pack('<I8s', 5, b'bgr8')
    head = struct.pack('<4siI', b'\0\1\0\0', sec, nanosec) + strings[0]
    body = struct.pack('<II', height, width) + strings[1]
    return head + body + struct.pack('<II', 3 * width, 3 * width * height)


def _from_cdr(message: bytes) -> tuple[int, Any]:
    """Return stamp and pixels of an Image in little-endian CDR."""
    sec, nanosec, length = struct.unpack_from('<iII', message, 4)
    at = _aligned(16 + length) + 8
    (length,) = struct.unpack_from('<I', message, at)
    at = _aligned(_aligned(at + 4 + length + 1) + 4)  # encoding, is_bigendian, step
    (size,) = struct.unpack_from('<I', message, at)
    return sec * 10**9 + nanosec, np.frombuffer(message, np.uint8, size, at + 4)


def _aligned(offset: int) -> int:
    return (offset + 3) // 4 * 4


def main() -> None:
    """Be the sender or the receiver."""
    role, name, width, height, file = sys.argv[1:]
    variant = Variant(*name.split('-'))
    if variant.malloc == 'tuned':
        tune_malloc()
    rclpy.init()
    node = rclpy.create_node(f'bench_{role}')
    if role == 'send':
        send(node, variant, int(width), int(height))
    else:
        receive(node, variant, Path(file))


if __name__ == '__main__':
    with suppress(KeyboardInterrupt):
        main()

"""Messages to frames, and masks to messages: where bytes are copied, and nowhere else.

Knows sensor_msgs and the fast ways to fill them; not topics or time.
"""

from array import array
from importlib import import_module
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from ..core.frame import COMPRESSED, U8, Frame
from ..core.manifest import Manifest

SECOND_NS = 1_000_000_000


def ns_from_time(stamp: Time) -> int:
    """Return a stamp as ns."""
    return int(stamp.sec) * SECOND_NS + int(stamp.nanosec)


def time_from_ns(stamp_ns: int) -> Time:
    """Return ns as a stamp; the inverse of `ns_from_time`."""
    sec, nanosec = divmod(stamp_ns, SECOND_NS)
    return Time(sec=sec, nanosec=nanosec)


def frame_from_image(message: Image, sequence: int, received_ns: int) -> Frame:
    """Look at a raw image message as a frame; the bytes are shared, not copied."""
    header = message.header
    return Frame(
        sequence,
        ns_from_time(header.stamp),
        header.frame_id,
        received_ns,
        message.encoding,
        np.frombuffer(message.data, np.uint8),
        message.height,
        message.width,
        message.step,
        bool(message.is_bigendian),
    )


def frame_from_compressed(message: CompressedImage, sequence: int, received_ns: int) -> Frame:
    """Look at a JPEG or PNG message as a frame; the bytes are shared, not copied."""
    header = message.header
    data = np.frombuffer(message.data, np.uint8)
    stamp_ns = ns_from_time(header.stamp)
    return Frame(sequence, stamp_ns, header.frame_id, received_ns, COMPRESSED, data, 0, 0, 0)


def label_info_message(manifest: Manifest, threshold: float, stamp: Time) -> Any:
    """Return a vision_msgs/LabelInfo; ImportError where vision_msgs is not installed."""
    kinds = import_module('vision_msgs.msg')
    message = kinds.LabelInfo(threshold=threshold)
    message.header.stamp = stamp
    message.class_map = [
        kinds.VisionClass(class_id=info.id, class_name=info.name) for info in manifest.classes
    ]
    return message


class ImageFiller:
    """One Image message that is filled anew for each publish, its memory kept.

    Assigning an ndarray to `data` copies element by element (54 ms at VGA); writing through a
    view of the message's own array is a memcpy.
    """

    def __init__(self, encoding: str) -> None:
        self._message = Image(encoding=encoding)
        self._pixels: U8 = np.empty(0, np.uint8)

    def filled(self, pixels: U8, stamp_ns: int, frame_id: str) -> Image:
        """Return the message with `pixels` (H, W[, C]); valid until the next call."""
        message = self._message
        message.header.stamp = time_from_ns(stamp_ns)
        message.header.frame_id = frame_id
        height, width = pixels.shape[:2]
        if pixels.size != self._pixels.size:
            message.data = array('B', bytes(pixels.size))
            self._pixels = np.frombuffer(message.data, np.uint8)
        message.height, message.width = height, width
        message.step = pixels.size // height
        self._pixels.reshape(pixels.shape)[:] = pixels
        return message

"""Encodings outside our own table, through cv_bridge where that is installed.

Knows cv_bridge's one call; which encodings need it is `core.decode`'s business.
"""

from array import array
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

from ..core.frame import U8, Frame
from ..errors import FrameError


def installed_bridge() -> Callable[[Frame], U8] | None:
    """Return a conversion to RGB (H, W, 3), or None where cv_bridge is missing or broken."""
    try:
        bridge = import_module('cv_bridge').CvBridge()
    except Exception:  # built for another NumPy, it fails in ways of its own
        return None
    return lambda frame: _rgb_from_frame(bridge, frame)


def _rgb_from_frame(bridge: Any, frame: Frame) -> U8:
    try:
        pixels = bridge.imgmsg_to_cv2(_image_from_frame(frame), 'rgb8')
    except Exception as exc:  # CvBridgeError, cv2.error, or NumPy's on short data
        raise FrameError(f'encoding {frame.encoding!r:.80}: cv_bridge says: {exc}') from exc
    return np.asarray(pixels, np.uint8)


def _image_from_frame(frame: Frame) -> Image:
    message = Image(encoding=frame.encoding, is_bigendian=frame.is_bigendian)
    message.height, message.width, message.step = frame.height, frame.width, frame.step
    message.data = array('B', frame.data.tobytes())
    return message

"""The node `camera_player`: plays a video file or a folder of images as if it were a camera.

Knows footage, pace and the camera's topics; not who listens.
"""

from collections.abc import Iterator
from contextlib import ExitStack
import csv
from itertools import chain, repeat
from pathlib import Path
import sys
from time import monotonic, sleep
from typing import Any

import cv2
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ..core.footage import frames_from_path
from ..core.frame import U8
from ..core.paths import sample_footage
from ..errors import RequestError
from .messages import ImageFiller, ns_from_time
from .parameters import Row, checked_values, declare_parameters
from .process import run_node

LINGER_S = 0.5  # images still on their way would be lost with the process

PARAMETERS = (
    Row(
        'source',
        '',
        (),
        False,
        'Video file or folder of images; empty is the shipped highway clip',
    ),
    Row('rate', 25.0, (0.1, 1000.0), False, 'Images per second'),
    Row('loop', True, (), False, 'Begin again at the end'),
    Row('frames', 0, (0, 2**31 - 1), False, 'Stop after so many images; 0 is at the end'),
    Row(
        'image_transport',
        'raw',
        ('raw', 'compressed'),
        False,
        'Publish `image` (bgr8) or `image/compressed` (JPEG)',
    ),
    Row('frame_id', 'camera_optical_frame', (), False, 'Frame id of the headers'),
    Row(
        'wait_for_subscriber_s',
        0.0,
        (0.0, 3600.0),
        False,
        'Wait at most so long for a subscriber before the first image',
    ),
    Row('sent_log', '', (), False, 'CSV file to write: sequence, source_frame, stamp_ns'),
)


class CameraPlayer(Node):
    """Publishes one image at each tick of a timer, with a CameraInfo of the same stamp."""

    def __init__(self) -> None:
        super().__init__('camera_player')
        declare_parameters(self, PARAMETERS)
        self._values = checked_values(self, PARAMETERS)
        self._resources = ExitStack()
        self._source = Path(self._values['source'] or sample_footage())
        self._footage = _numbered(self._source, self._values['loop'])
        self._next = next(self._footage)  # a source that can't be read is refused here
        self._log = self._opened_log()
        is_raw = self._values['image_transport'] == 'raw'
        kind, name = (Image, 'image') if is_raw else (CompressedImage, 'image/compressed')
        self._images = self.create_publisher(kind, name, QoSProfile(depth=5))
        self._infos = self.create_publisher(CameraInfo, 'camera_info', QoSProfile(depth=5))
        self._message = self._raw if is_raw else self._jpeg
        self._filler = ImageFiller('bgr8')
        self._wait_until_s = 0.0
        self.sent = 0
        self.is_done = False

    def play(self) -> None:
        """Start the timer; the first image waits until someone listens or the wait is over."""
        self._wait_until_s = monotonic() + self._values['wait_for_subscriber_s']
        self.get_logger().info(f'playing {self._source} at {self._values["rate"]} images/s')
        self.create_timer(1.0 / self._values['rate'], self._on_tick)

    def close(self) -> None:
        """Let the last images arrive, close the log and destroy the node."""
        sleep(LINGER_S)
        self.get_logger().info(f'done: {self.sent} images')
        self._resources.close()
        self.destroy_node()

    def _on_tick(self) -> None:
        if self.is_done or self._is_waiting():
            return
        source_frame, bgr = self._next
        stamp = self.get_clock().now().to_msg()
        self._images.publish(self._message(bgr, stamp))
        self._infos.publish(self._camera_info(bgr, stamp))
        self._log.writerow((self.sent, source_frame, ns_from_time(stamp)))
        self.sent += 1
        try:
            self._next = next(self._footage)
            self.is_done = self.sent == self._values['frames']
        except StopIteration:
            self.is_done = True

    def _is_waiting(self) -> bool:
        if self.sent or self._images.get_subscription_count():
            return False
        return monotonic() < self._wait_until_s

    def _raw(self, bgr: U8, stamp: Any) -> Image:
        return self._filler.filled(bgr, ns_from_time(stamp), self._values['frame_id'])

    def _jpeg(self, bgr: U8, stamp: Any) -> CompressedImage:
        message = CompressedImage(format='jpeg')
        message.header.stamp, message.header.frame_id = stamp, self._values['frame_id']
        message.data = cv2.imencode('.jpg', bgr)[1].tobytes()
        return message

    def _camera_info(self, bgr: U8, stamp: Any) -> CameraInfo:
        """Return the size alone: footage has no calibration, and K stays zero to say so."""
        message = CameraInfo(height=bgr.shape[0], width=bgr.shape[1])
        message.header.stamp, message.header.frame_id = stamp, self._values['frame_id']
        return message

    def _opened_log(self) -> Any:
        path = self._values['sent_log'] or '/dev/null'
        try:
            stream = Path(path).open('w', newline='')  # noqa: SIM115, closed by close()
            self._resources.callback(stream.close)
        except OSError as exc:
            raise RequestError(f"sent_log {path!r} can't be written: {exc.strerror}") from exc
        writer = csv.writer(stream)
        writer.writerow(('sequence', 'source_frame', 'stamp_ns'))
        return writer


def _numbered(source: Path, loop: bool) -> Iterator[tuple[int, U8]]:
    """Yield the footage with frame numbers, once or for ever."""
    passes = repeat(source) if loop else [source]
    return chain.from_iterable(enumerate(frames_from_path(path)) for path in passes)


def main(args: list[str] | None = None) -> int:
    """Play until the footage ends or the process is told to stop; 2 if a parameter is wrong."""
    return run_node(
        'camera_player', CameraPlayer, CameraPlayer.play, lambda player: player.is_done, args
    )


if __name__ == '__main__':
    sys.exit(main())

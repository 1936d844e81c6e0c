"""A running segmentation node with a camera and a consumer around it, for tests."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
import os
import signal
import subprocess
import sys
import threading
from time import monotonic, sleep
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from unet_perception.core.engine import Engine
from unet_perception.core.frame import U8
from unet_perception.core.golden import golden_from_bytes
from unet_perception.core.health import HealthSnapshot
from unet_perception.core.manifest import Artifact, Model
from unet_perception.engines.fake import FakeEngine
from unet_perception.ros import topics
from unet_perception.ros.compat import spin_once
from unet_perception.ros.node import SegmentationNode
from unet_perception.ros.serving import TIMED_RUNS

NEAR, FAR, LONG = 0.01, 10.0, 20.0
OUTPUTS = ('confidence', 'mask', 'camera_info')


def wait_until(holds: Callable[[], object], seconds: float = FAR) -> bool:
    """Look until `holds()` is true; False if it is not within `seconds`."""
    deadline = monotonic() + seconds
    while not holds():
        if monotonic() > deadline:
            return False
        sleep(NEAR)
    return True


@contextmanager
def python_process(arguments: list[str], *parameters: str) -> Iterator['subprocess.Popen[str]']:
    """Run Python with a node's parameters (`name:=value`); it is gone afterwards.

    It is asked to end, so that it takes leave of its peers: of one that is killed they believe
    for 20 s that it is there, and what they send to its remains of shared memory gets lost.
    """
    command = [sys.executable, *arguments, '--ros-args']
    for parameter in parameters:
        command += ['-p', parameter]
    popen = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        yield popen
    finally:
        popen.send_signal(signal.SIGINT)
        try:
            popen.communicate(timeout=LONG)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.communicate()


def image_message(
    bgr: U8, stamp: tuple[int, int] = (12, 34), frame_id: str = 'front', **changes: Any
) -> Image:
    """Return a bgr8 image message, with fields changed as asked."""
    message = Image(height=bgr.shape[0], width=bgr.shape[1], encoding='bgr8')
    message.step = bgr.shape[1] * 3
    message.data = array('B', bgr.tobytes())
    message.header.stamp.sec, message.header.stamp.nanosec = stamp
    message.header.frame_id = frame_id
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def jpeg_message(bgr: U8, keep: float = 1.0) -> CompressedImage:
    """Return a JPEG message with only the first part of its bytes, if asked."""
    data = cv2.imencode('.jpg', bgr)[1].tobytes()
    message = CompressedImage(format='jpeg')
    message.data = array('B', data[: round(len(data) * keep)])
    return message


def fake_opener(
    script: Iterable[float | Exception] = (),
) -> Callable[[str, Model, Artifact, int], Engine]:
    """Return an opener of engines that give the golden answer, then follow the script.

    An iterator is shared by the engines of all operating points; a list begins anew for each.
    """

    def opener(backend: str, model: Model, artifact: Artifact, threads: int) -> Engine:
        points = {point[:2]: point for point in model.manifest.operating_points}
        point = points[artifact.height, artifact.width]
        golden = golden_from_bytes(model.read(point.golden), 'golden')
        calm = [0.0] * (TIMED_RUNS + 1)  # and the golden check
        return FakeEngine(golden.probabilities, chain(calm, script))

    return opener


class Rig:
    """Node, camera and consumer, spun by one thread; `close` ends all.

    The budget is generous unless a test is about it: test machines have slow moments.
    """

    def __init__(self, opener: Any = None, **parameters: Any) -> None:
        parameters = {'latency_budget_ms': 10_000.0, **parameters}
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        options: dict[str, Any] = {'parameter_overrides': overrides}
        if opener is not None:
            options['opener'] = opener
        self.node = SegmentationNode(**options)
        self.peer = rclpy.create_node('peer')
        prefixes = [f'{name}/' if name else '' for name in parameters.get('cameras', [''])]
        self.received: dict[str, list[Any]] = {
            f'{prefix}{name}': [] for prefix in prefixes for name in OUTPUTS
        }
        self.arrivals: list[str] = []
        self.statuses: list[DiagnosticArray] = []
        self.cameras = {
            prefix.rstrip('/'): self.peer.create_publisher(Image, f'{prefix}image', 5)
            for prefix in prefixes
        }
        self.images = next(iter(self.cameras.values()))
        self.jpegs = self.peer.create_publisher(CompressedImage, 'image/compressed', 5)
        self.infos = self.peer.create_publisher(CameraInfo, 'camera_info', 5)
        for name in self.received:
            self._subscribe(name)
        self.peer.create_subscription(
            DiagnosticArray, topics.DIAGNOSTICS.name, self.statuses.append, 10
        )
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._executor.add_node(self.peer)
        self._is_open = True
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def __enter__(self) -> 'Rig':
        return self

    def __exit__(self, *_: object) -> None:
        self._is_open = False
        self._thread.join()
        self._executor.shutdown()
        self.node.close()
        self.peer.destroy_node()

    def start(self) -> 'Rig':
        """Configure, activate and wait until camera and consumer are connected."""
        assert self.node.trigger_configure().name == 'SUCCESS'
        assert self.node.trigger_activate().name == 'SUCCESS'
        compressed = self.node.get_parameter('image_transport').value == 'compressed'
        cameras = [self.jpegs] if compressed else list(self.cameras.values())
        assert wait_until(lambda: all(camera.get_subscription_count() for camera in cameras))
        masks = [f'{name}/segmentation/mask'.lstrip('/') for name in self.cameras]
        assert wait_until(lambda: all(self.peer.count_publishers(name) for name in masks))
        sleep(0.2)  # the graph knows a moment before the endpoints do
        return self

    def health(self, camera: str = '') -> HealthSnapshot:
        """Return what the node knows of a camera's frames."""
        return self.node.healths[camera].snapshot()

    def counters(self, camera: str = '') -> dict[str, int]:
        """Return the counters that are not zero."""
        return {k: n for k, n in self.health(camera).counters.items() if n}

    def settle(self, frames: int) -> dict[str, int]:
        """Wait until so many frames have ended; return the counters that are not zero."""
        assert wait_until(lambda: sum(self.counters().values()) >= frames), self.counters()
        return self.counters()

    def level_of(self, name: str) -> int | None:
        """Return the latest published level of a status."""
        status = self.status_of(name)
        return None if status is None else int.from_bytes(status.level, 'little')

    def message_of(self, name: str) -> str:
        """Return the latest published message of a status; empty before the first."""
        status = self.status_of(name)
        return '' if status is None else str(status.message)

    def status_of(self, name: str) -> Any:
        """Return the latest published status of a name."""
        for message in reversed(self.statuses):
            for status in message.status:
                if status.name.endswith(f': {name}'):
                    return status
        return None

    def _spin(self) -> None:
        """Serve both nodes as a process of ours serves its one."""
        while self._is_open:
            spin_once(self._executor, self.node, 0.1)

    def _subscribe(self, name: str) -> None:
        kind = CameraInfo if name.endswith('camera_info') else Image
        camera, _, output = name.rpartition('/')
        topic = '/'.join(filter(None, (camera, 'segmentation', output)))

        def receive(message: Any) -> None:
            self.received[name].append(message)
            self.arrivals.append(name)

        self.peer.create_subscription(kind, topic, receive, 10)

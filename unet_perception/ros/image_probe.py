"""Processes that send images to each other, to tell what this machine's transport carries.

Knows a topic, a size and a pace; judges nothing. `python -m unet_perception.ros.image_probe ROLE`
prints one line of JSON: `describe` what rclpy is, `send` how many images went out, `receive` how
many came and after how long. Sender and receiver run on one machine: they share its clock.
"""

from abc import ABC, abstractmethod
import argparse
from importlib.metadata import PackageNotFoundError, version
import json
import os
import sys
from time import monotonic, monotonic_ns, sleep
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from .messages import ImageFiller, ns_from_time, time_from_ns
from .process import run_node

DEPTH = 5  # as the node's subscription to images
SETTLE_S = 0.3  # a publisher may know the subscription before that knows the publisher
LINGER_S = 0.5  # images still on their way would be lost with the process
RELIABILITIES = {
    'best_effort': ReliabilityPolicy.BEST_EFFORT,
    'reliable': ReliabilityPolicy.RELIABLE,
}


class Probe(Node, ABC):
    """A node hidden from tools that leaves one line of JSON: its answer."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(
            f'_image_probe_{options.role}', enable_rosout=False, start_parameter_services=False
        )
        self._options = options
        self._give_up_s = monotonic() + float(options.patience)

    def start(self) -> None:
        """Begin what takes time."""

    def is_done(self) -> bool:
        """Tell whether the answer is known."""
        return True

    @abstractmethod
    def answer(self) -> dict[str, Any]:
        """Return what was found, with units in the names."""

    def close(self) -> None:
        """Print the answer and destroy the node."""
        print(json.dumps(self.answer()), flush=True)
        self.destroy_node()

    def _qos(self) -> QoSProfile:
        return QoSProfile(depth=DEPTH, reliability=RELIABILITIES[self._options.reliability])

    def _is_patience_over(self) -> bool:
        return monotonic() > self._give_up_s


class Describer(Probe):
    """Says which ROS 2 this is; that it could be made shows that ROS 2 starts."""

    def answer(self) -> dict[str, Any]:
        """Return the middleware in use, versions, and whether rclpy comes from a wheel."""
        return {
            'rmw': rclpy.get_rmw_implementation_identifier(),
            'rclpy': _version_of('rclpy'),
            'is_wheel': _version_of('ros-rclpy') is not None,
            'distribution': os.environ.get('ROS_DISTRO') or None,
            'domain': self.context.get_domain_id(),
        }


class Sender(Probe):
    """Waits for a subscription, then publishes `count` images at `rate`."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._images = self.create_publisher(Image, options.topic, self._qos())
        self._filler = ImageFiller('bgr8')
        self._pixels = np.full((options.height, options.width, 3), 7, np.uint8)
        self._matched_s: float | None = None
        self._sent = 0

    def start(self) -> None:
        """Start the timer that publishes."""
        self.create_timer(1.0 / self._options.rate, self._on_tick)

    def is_done(self) -> bool:
        """Tell whether all is sent, or nobody came to listen."""
        is_alone = self._matched_s is None and self._is_patience_over()
        return is_alone or self._sent == self._options.count

    def answer(self) -> dict[str, Any]:
        """Return how many images were published, after letting the last ones arrive."""
        sleep(LINGER_S if self._sent else 0.0)
        return {'sent': self._sent}

    def _on_tick(self) -> None:
        now_s = monotonic()
        if self._matched_s is None and self._images.get_subscription_count():
            self._matched_s = now_s
        if self._matched_s is None or now_s < self._matched_s + SETTLE_S or self.is_done():
            return
        message = self._filler.filled(self._pixels, 0, str(self._sent))
        message.header.stamp = time_from_ns(monotonic_ns())
        self._images.publish(message)
        self._sent += 1


class Receiver(Probe):
    """Takes images until it has `count`, or the sender is gone, or none came up."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._latencies_ms: dict[str, float] = {}  # by the image's number, so none counts twice
        self._sender_seen_s: float | None = None
        self.create_subscription(Image, options.topic, self._on_image, self._qos())

    def is_done(self) -> bool:
        """Tell whether nothing more is to be expected."""
        if len(self._latencies_ms) == self._options.count:
            return True
        if self.count_publishers(self._options.topic):
            self._sender_seen_s = monotonic()
        if self._sender_seen_s is None:
            return self._is_patience_over()
        return monotonic() - self._sender_seen_s > LINGER_S

    def answer(self) -> dict[str, Any]:
        """Return how many images came, and the latency from publish call to callback."""
        times = list(self._latencies_ms.values())
        p50, p95, most = np.percentile(times, (50, 95, 100)).tolist() if times else [None] * 3
        return {'received': len(times), 'p50_ms': p50, 'p95_ms': p95, 'max_ms': most}

    def _on_image(self, message: Image) -> None:
        now_ns = monotonic_ns()
        header = message.header
        self._latencies_ms[header.frame_id] = (now_ns - ns_from_time(header.stamp)) / 1e6


ROLES = {'describe': Describer, 'send': Sender, 'receive': Receiver}


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='image_probe', description=__doc__)
    parser.add_argument('role', choices=ROLES)
    parser.add_argument('--topic', default='_image_probe/image')
    parser.add_argument('--width', type=int, default=640)
    parser.add_argument('--height', type=int, default=480)
    parser.add_argument('--count', type=int, default=30, help='images to send and to wait for')
    parser.add_argument('--rate', type=float, default=30.0, help='images per second')
    parser.add_argument('--reliability', choices=RELIABILITIES, default='best_effort')
    parser.add_argument('--patience', type=float, default=10.0, help='s to wait for the other')
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Play a role and print its line; 2 if ROS 2 does not start."""
    options = _parser().parse_args(arguments)
    make = ROLES[options.role]
    return run_node(
        'image_probe',
        lambda: make(options),
        lambda probe: probe.start(),
        lambda probe: probe.is_done(),
        [],
    )


if __name__ == '__main__':
    sys.exit(main())

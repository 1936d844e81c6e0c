"""Cameras for measurements: the shipped footage from memory, at an exact pace.

Knows images and pace; not who listens. Prints the stamps of the first and of the last image.
Arguments: width, height, images/s of all cameras
together, how many, seconds to wait for a subscriber, and names of the cameras (none: one, plain).
"""

from contextlib import suppress
from itertools import islice
import sys
from time import monotonic, sleep

import cv2
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from unet_perception.core.footage import frames_from_path
from unet_perception.core.memory import tune_malloc
from unet_perception.core.paths import sample_footage
from unet_perception.ros.messages import ImageFiller, ns_from_time

KEPT = 32
SETTLE_S = 1.0


def main() -> None:
    """Wait for subscribers, then publish in turn."""
    width, height, rate, count, wait_s = (float(text) for text in sys.argv[1:6])
    size = int(width), int(height)
    images = [cv2.resize(bgr, size) for bgr in islice(frames_from_path(sample_footage()), KEPT)]
    tune_malloc()
    rclpy.init()
    node = rclpy.create_node('bench_camera')
    topics = [f'{name}/image' for name in sys.argv[6:]] or ['image']
    publishers = [node.create_publisher(Image, topic, QoSProfile(depth=5)) for topic in topics]
    filler, until = ImageFiller('bgr8'), monotonic() + wait_s
    while not all(p.get_subscription_count() for p in publishers) and monotonic() < until:
        sleep(0.05)
    sleep(SETTLE_S)
    start, stamps_ns = monotonic(), []
    for k in range(int(count)):
        sleep(max(0.0, start + k / rate - monotonic()))
        stamp_ns = ns_from_time(node.get_clock().now().to_msg())
        image = filler.filled(images[k % KEPT], stamp_ns, 'camera')
        publishers[k % len(publishers)].publish(image)
        stamps_ns.append(stamp_ns)
    print(stamps_ns[0], stamps_ns[-1], flush=True)
    sleep(SETTLE_S)


if __name__ == '__main__':
    with suppress(KeyboardInterrupt):
        main()

"""Waits for one mask and writes when it came: `at_ns` (Unix time) in the JSON file it is given.

Writes an empty object first, to say that it listens.
"""

from contextlib import suppress
import json
from pathlib import Path
import sys
from time import time_ns

import rclpy
from sensor_msgs.msg import Image


def main() -> None:
    """Listen until the first mask."""
    file = Path(sys.argv[1])
    rclpy.init()
    node = rclpy.create_node('bench_first_mask')
    came: list[int] = []
    node.create_subscription(Image, 'segmentation/mask', lambda _: came.append(time_ns()), 1)
    file.write_text('{}')
    while not came:
        rclpy.spin_once(node, timeout_sec=0.5)
    file.write_text(json.dumps({'at_ns': came[0]}))


if __name__ == '__main__':
    with suppress(KeyboardInterrupt):
        main()

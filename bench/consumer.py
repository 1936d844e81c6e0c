"""What a planner sees: when each pair of confidence and mask is complete, and how old it is.

Knows the node's outputs; not which node made them. Writes a JSON object to the file that is its
argument when it is interrupted: `stamps_ns`, `ages_ms` and the node's latest diagnostics.
"""

import json
from pathlib import Path
import signal
import sys
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from unet_perception.core.memory import tune_malloc
from unet_perception.ros.messages import ns_from_time

seen: dict[str, Any] = {'stamps_ns': [], 'ages_ms': [], 'diagnostics': {}}


def main() -> None:
    """Listen until interrupted."""
    tune_malloc()
    stop: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: stop.append(number))
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('bench_consumer')
    confidences: dict[int, Image] = {}

    def on_confidence(message: Image) -> None:
        confidences[ns_from_time(message.header.stamp)] = message

    def on_mask(message: Image) -> None:
        now_ns = node.get_clock().now().nanoseconds
        stamp_ns = ns_from_time(message.header.stamp)
        if confidences.pop(stamp_ns, None) is not None:
            seen['stamps_ns'].append(stamp_ns)
            seen['ages_ms'].append((now_ns - stamp_ns) / 1e6)
            confidences.clear()

    def on_diagnostics(message: DiagnosticArray) -> None:
        for status in message.status:
            name = status.name.rpartition(': ')[2]
            seen['diagnostics'][name] = {pair.key: pair.value for pair in status.values}

    node.create_subscription(Image, 'segmentation/confidence', on_confidence, 10)
    node.create_subscription(Image, 'segmentation/mask', on_mask, 10)
    node.create_subscription(DiagnosticArray, '/diagnostics', on_diagnostics, 10)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stop:
        executor.spin_once(timeout_sec=0.2)
    Path(sys.argv[1]).write_text(json.dumps(seen))


if __name__ == '__main__':
    main()

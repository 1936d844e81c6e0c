"""What a planner sees: when each pair of confidence and mask is complete, and how old it is.

Knows the node's outputs; not which node made them. Arguments: a file, and names of the cameras
(none: one, plain). When interrupted it writes a JSON object to the file: `cameras` by name, each
with `stamps_ns`, `ages_ms` (at the consumer) and `published_ages_ms` (when the publish call
returned); the latest `diagnostics` by status; `steps` of the operating point, as (time ns, name).
"""

from collections.abc import Callable
import json
from pathlib import Path
import signal
import sys
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Float64

from unet_perception.core.memory import tune_malloc
from unet_perception.ros.consumer import Pairing
from unet_perception.ros.messages import ns_from_time

SAME_STEP_NS = 100_000_000
"""The age of a step is told anew each second, to this precision."""


def main() -> None:
    """Listen until interrupted."""
    file, names = Path(sys.argv[1]), sys.argv[2:] or ['']
    tune_malloc()
    stop: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: stop.append(number))
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('bench_consumer')
    seen: dict[str, Any] = {'cameras': {}, 'diagnostics': {}, 'steps': []}
    for name in names:
        seen['cameras'][name] = listen_to(node, f'{name}/' if name else '')
    node.create_subscription(DiagnosticArray, '/diagnostics', diagnostics_into(node, seen), 10)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stop:
        executor.spin_once(timeout_sec=0.2)
    file.write_text(json.dumps(seen))


def listen_to(node: Node, prefix: str) -> dict[str, list[Any]]:
    """Subscribe to a camera's masks; return what is filled with what comes."""
    seen: dict[str, list[Any]] = {'stamps_ns': [], 'ages_ms': [], 'published_ages_ms': []}
    pairing = Pairing()

    def on_confidence(message: Image) -> None:
        if pairing.mask_for(message) is not None:
            on_pair(message)

    def on_mask(message: Image) -> None:
        if pairing.confidence_for(message) is not None:
            on_pair(message)

    def on_pair(message: Image) -> None:
        now_ns = node.get_clock().now().nanoseconds
        stamp_ns = ns_from_time(message.header.stamp)
        seen['stamps_ns'].append(stamp_ns)
        seen['ages_ms'].append((now_ns - stamp_ns) / 1e6)

    def on_latency(message: Float64) -> None:
        seen['published_ages_ms'].append(message.data)

    node.create_subscription(Image, f'{prefix}segmentation/confidence', on_confidence, 10)
    node.create_subscription(Image, f'{prefix}segmentation/mask', on_mask, 10)
    latency = f'/segmentation/{prefix}debug/pipeline_latency_ms'
    node.create_subscription(Float64, latency, on_latency, 10)
    return seen


def diagnostics_into(node: Node, seen: dict[str, Any]) -> Callable[[DiagnosticArray], None]:
    """Return a callback that keeps the latest statuses, and every step."""

    def on_diagnostics(message: DiagnosticArray) -> None:
        for status in message.status:
            name = status.name.rpartition(': ')[2]
            seen['diagnostics'][name] = {pair.key: pair.value for pair in status.values}
        told = seen['diagnostics'].get('latency', {}).get('recent_steps', 'none')
        now_ns = node.get_clock().now().nanoseconds
        for text in reversed([] if told == 'none' else told.split(', ')):
            what, _, age = text.removesuffix(' s ago').rpartition(' ')
            step = now_ns - int(float(age) * 1e9), what
            known = seen['steps'][-1] if seen['steps'] else (0, '')
            if step[0] - known[0] > SAME_STEP_NS or (step[1] != known[1] and step[0] > known[0]):
                seen['steps'].append(step)

    return on_diagnostics


if __name__ == '__main__':
    main()

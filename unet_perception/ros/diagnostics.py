"""The thread that reports on the node, whatever the node's other threads are doing.

Knows time and messages; what is worth reporting is `core.status`'s business.
"""

from collections.abc import Callable
import threading
from time import monotonic

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from ..core.status import Status
from ..core.verdict import Level
from . import topics

PERIOD_S = 1.0
LOOK_S = 0.25  # a change of level is noticed at this pace

LEVELS = {
    Level.OK: DiagnosticStatus.OK,
    Level.WARN: DiagnosticStatus.WARN,
    Level.ERROR: DiagnosticStatus.ERROR,
    Level.STALE: DiagnosticStatus.STALE,
}


class Diagnostics:
    """Publishes `look()` once a second, and at once when one of its levels changes."""

    def __init__(self, node: Node, look: Callable[[], list[Status]]) -> None:
        self._node, self._look = node, look
        self._publisher = topics.publisher_on(node, topics.DIAGNOSTICS)
        self._wake = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name='diagnostics', daemon=True)
        self._thread.start()

    def notice(self) -> None:
        """Look again now: something changed."""
        self._wake.set()

    def close(self) -> None:
        """End the thread and destroy the publisher."""
        self._is_closing = True
        self._wake.set()
        self._thread.join()
        self._node.destroy_publisher(self._publisher)

    def _run(self) -> None:
        levels: list[Level] = []
        published_s = float('-inf')
        while not self._is_closing and self._node.context.ok():
            try:
                found = self._look()
                changed = levels != [status.level for status in found]
                if changed or monotonic() - published_s >= PERIOD_S:
                    self._publish(found)
                    levels, published_s = [status.level for status in found], monotonic()
            except Exception as exc:  # reporting must outlive its own mistakes
                if self._node.context.ok():
                    self._node.get_logger().error(
                        f'diagnostics: {type(exc).__name__}: {exc}', throttle_duration_sec=5.0
                    )
            self._wake.wait(LOOK_S)
            self._wake.clear()

    def _publish(self, found: list[Status]) -> None:
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        name = self._node.get_fully_qualified_name().lstrip('/')
        message.status = [message_from_status(status, name) for status in found]
        self._publisher.publish(message)


def message_from_status(status: Status, node_name: str) -> DiagnosticStatus:
    """Return the status as a message, named after its node."""
    return DiagnosticStatus(
        level=LEVELS[status.level],
        name=f'{node_name}: {status.name}',
        message=status.message,
        hardware_id=status.hardware_id,
        values=[KeyValue(key=key, value=value) for key, value in status.values.items()],
    )

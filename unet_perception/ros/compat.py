"""What differs between the distributions of ROS 2, and nothing else.

Everything that the other modules take from rclpy is there since Humble.
"""

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from ..errors import UnetPerceptionError


def spin_once(executor: SingleThreadedExecutor, node: Node, timeout_s: float) -> None:
    """Serve what is waiting; a callback's mistake is logged and ends neither node nor process.

    Before Kilted, rclpy itself raises from the service when a lifecycle request is invalid.
    """
    try:
        executor.spin_once(timeout_sec=timeout_s)
    except UnetPerceptionError:
        raise
    except Exception as exc:
        node.get_logger().error(f'a callback failed: {type(exc).__name__}: {exc}')

"""What becomes of exceptions in a node's callbacks."""

from collections.abc import Iterator
from time import monotonic

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from unet_perception.errors import RequestError
from unet_perception.ros.process import _spin_once


@pytest.fixture
def node() -> Iterator[Node]:
    made = rclpy.create_node('clumsy')
    yield made
    made.destroy_node()


def spin_with_a_timer_that_raises(node: Node, mistake: Exception) -> None:
    """Let one timer raise, and serve the node until it has."""
    calls: list[float] = []

    def tick() -> None:
        calls.append(monotonic())
        raise mistake

    executor = SingleThreadedExecutor()
    executor.add_node(node)
    timer = node.create_timer(0.01, tick)
    try:
        while len(calls) < 2:
            _spin_once(executor, node)
    finally:
        node.destroy_timer(timer)
        executor.shutdown()


def test_a_callbacks_mistake_is_logged_and_the_next_call_served(
    node: Node, capfd: pytest.CaptureFixture[str]
) -> None:
    spin_with_a_timer_that_raises(node, ZeroDivisionError('by surprise'))
    assert 'a callback failed: ZeroDivisionError: by surprise' in capfd.readouterr().err


def test_a_refusal_of_ours_ends_the_node(node: Node) -> None:
    with pytest.raises(RequestError, match='no such image'):
        spin_with_a_timer_that_raises(node, RequestError('no such image'))

"""What differs between distributions: exceptions in callbacks, and the names that rclpy has."""

import ast
from collections.abc import Iterator
import importlib
from pathlib import Path
from time import monotonic

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from rig import Rig, fake_opener, wait_until
from unet_perception.core.paths import share_folder
from unet_perception.errors import RequestError
from unet_perception.ros.compat import spin_once

HUMBLE = {
    'rclpy': {
        'create_node',
        'get_rmw_implementation_identifier',
        'init',
        'ok',
        'spin_once',
        'try_shutdown',
    },
    'rclpy.clock': {'Clock', 'ClockType'},
    'rclpy.exceptions': {
        'InvalidParameterTypeException',
        'InvalidParameterValueException',
        'ParameterException',
    },
    'rclpy.executors': {'SingleThreadedExecutor'},
    'rclpy.lifecycle': {'LifecycleNode', 'LifecycleState', 'TransitionCallbackReturn'},
    'rclpy.node': {'Node'},
    'rclpy.parameter': {'Parameter'},
    'rclpy.qos': {
        'DurabilityPolicy',
        'QoSCompatibility',
        'QoSPolicyKind',
        'QoSProfile',
        'ReliabilityPolicy',
        'qos_check_compatible',
    },
    'rclpy.qos_overriding_options': {'QoSOverridingOptions'},
    'rclpy.signals': {'SignalHandlerOptions'},
    'rclpy.time': {'Time'},
}
"""What rclpy's branch `humble` has of the names that we use; read there, for it has no wheel."""


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
            spin_once(executor, node, 0.1)
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


def rclpy_names(file: Path) -> Iterator[tuple[str, str]]:
    """Yield module and name of all that a file takes from rclpy."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('rclpy'):
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == 'rclpy'
        ):
            yield 'rclpy', node.attr


def test_what_we_take_from_rclpy_is_in_humble_as_well() -> None:
    ours = Path(importlib.import_module('unet_perception').__file__ or '').parent
    files = [*ours.rglob('*.py'), *(share_folder() / 'examples').glob('*.py')]
    used = {name for file in files for name in rclpy_names(file)}
    assert len(used) > 10
    assert {(m, n) for m, n in used if n not in HUMBLE.get(m, ())} == set()


def test_an_invalid_lifecycle_request_ends_nothing() -> None:
    with Rig(fake_opener()) as rig:
        client = rig.peer.create_client(ChangeState, 'segmentation/change_state')
        assert client.wait_for_service(5.0)
        wrong = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_ACTIVATE))
        client.call_async(wrong)  # Jazzy never answers it
        right = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
        future = client.call_async(right)
        assert wait_until(future.done)
        assert future.result().success

"""How each of our nodes becomes a process: start, spin, stop, exit code.

Knows rclpy's life cycle of a process; not what a node does.
"""

from collections.abc import Callable
import os
import signal
import sys
from threading import Event, main_thread
from threading import enumerate as enumerate_threads
from typing import Protocol, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from ..core.memory import tune_malloc
from ..errors import UnetPerceptionError
from .compat import spin_once


class Closable(Protocol):
    """A node that gives everything back."""

    def close(self) -> None:
        """Destroy the node and what it holds."""


LOOK_S = 0.2
_STOP = Event()
N = TypeVar('N', bound=Closable)


def run_node(
    name: str,
    make: Callable[[], N],
    start: Callable[[N], None],
    is_done: Callable[[N], bool],
    args: list[str] | None = None,
) -> int:
    """Make the node, start it, spin until it is done or told to stop; return the exit code.

    2, after one sentence on standard error, if it can't do what it was asked for.
    rclpy's own signal handlers raise from whatever call is under way, so a flag is set instead; a
    second signal ends a process that does not look at it.
    """
    tune_malloc()
    stop = _STOP
    stop.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(1) if stop.is_set() else stop.set())
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as exc:  # arguments that rcl can't parse
        return _refused(name, exc)
    try:
        node = make()
    except UnetPerceptionError as exc:
        return _refused(name, exc)
    executor = SingleThreadedExecutor()
    assert isinstance(node, Node), 'only nodes are run'
    executor.add_node(node)
    code = 0
    try:
        start(node)
        while rclpy.ok() and not stop.is_set() and not is_done(node):
            spin_once(executor, node, LOOK_S)
    except UnetPerceptionError as exc:
        code = _refused(name, exc)
    finally:
        node.close()
        executor.shutdown()
        rclpy.try_shutdown()
    _leave_if_hanging(code)
    return code


def is_told_to_stop() -> bool:
    """Tell whether this process was sent a signal to end; for work that takes minutes."""
    return _STOP.is_set()


def _leave_if_hanging(code: int) -> None:
    """End the process at once if a thread is left that hangs in a library.

    Python would end without it, but the library's own clean-up at exit may wait for it for ever.
    """
    if any(thread.is_alive() for thread in enumerate_threads() if thread is not main_thread()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _refused(name: str, exc: Exception) -> int:
    """Say why in one sentence."""
    print(f'{name}: {exc}', file=sys.stderr)
    rclpy.try_shutdown()
    return 2

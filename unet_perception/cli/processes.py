"""Runs the processes that a verb or a measurement needs, so that none is left behind.

Knows signals and the environment that nodes on one machine share; not what they do.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
import os
from pathlib import Path
import secrets
import signal
import subprocess
import sys
from typing import Any

from ..core.transport import transport_environment

STOP_S = 10.0


def started(command: list[str], **options: Any) -> 'subprocess.Popen[str]':
    """Start a process, as `subprocess.Popen` does, with text streams.

    Between fork and return an interrupt would raise while nobody yet knows the process: it
    waits, ends the process, and is raised then.
    """
    pending: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: pending.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        popen = subprocess.Popen(command, text=True, **options)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if pending:
        popen.kill()
        popen.wait()
        raise KeyboardInterrupt
    return popen


@contextmanager
def running(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], **options: Any
) -> Iterator['subprocess.Popen[str]']:
    """Run `python -m module arguments`; on leaving it is interrupted, and killed if need be."""
    command = [sys.executable, '-m', module, *arguments]
    popen = started(command, env=dict(environment), **options)
    try:
        yield popen
    finally:
        popen.send_signal(signal.SIGINT)
        try:
            popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


def loopback_environment(scratch: Path) -> dict[str, str]:
    """Return the environment for nodes that talk on this machine's loopback only."""
    return {
        **os.environ,
        'ROS_DOMAIN_ID': str(40 + secrets.randbelow(60)),
        'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp',
        **transport_environment('local', os.environ.get('ROS_DISTRO')),
        'ROS_LOG_DIR': str(scratch / 'log'),
    }

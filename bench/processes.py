"""Runs processes for a measurement, in a ROS domain on the loopback of their own.

Knows how to start and end them; not what they do.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import os
from pathlib import Path
import secrets
import signal
import subprocess
import sys

from unet_perception.core.transport import transport_environment

STOP_S = 10.0


def bench_environment(scratch: Path) -> dict[str, str]:
    """Return the environment of one measurement's processes."""
    return {
        **os.environ,
        **transport_environment('local', os.environ.get('ROS_DISTRO')),
        'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp',
        'ROS_DOMAIN_ID': str(40 + secrets.randbelow(60)),
        'ROS_LOG_DIR': str(scratch / 'log'),
    }


@contextmanager
def running(
    module: str, arguments: list[str], environment: Mapping[str, str]
) -> Iterator['subprocess.Popen[bytes]']:
    """Run `python -m module arguments`; interrupted, and killed if need be, on leaving."""
    popen = subprocess.Popen([sys.executable, '-m', module, *arguments], env=dict(environment))
    try:
        yield popen
    finally:
        if popen.poll() is None:
            popen.send_signal(signal.SIGINT)
        try:
            popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()

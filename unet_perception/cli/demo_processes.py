"""Runs our nodes as processes for the demo, and follows what they say.

Knows how to start, watch and end them; rclpy only through them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import json
from pathlib import Path
import queue
import subprocess
import threading
from time import monotonic
from typing import Any, NamedTuple

from ..errors import UnetPerceptionError
from .processes import running

READY_S = 60.0  # importing and compiling take a few seconds, more on a busy machine
DRAIN_S = 2.5  # diagnostics come once a second; the last ones must have seen the last frame

Lines = queue.Queue[dict[str, Any]]


class DemoError(UnetPerceptionError):
    """One of the demo's processes did not do its part."""


class Process(NamedTuple):
    """A running node; its log goes to a file."""

    name: str
    popen: 'subprocess.Popen[str]'
    log: Path

    def check(self, may_be_done: bool = False) -> None:
        """DemoError, with the end of its log, if the process has failed or ended too early."""
        code = self.popen.poll()
        if code is not None and (code != 0 or not may_be_done):
            tail = '\n'.join(self.log.read_text(errors='replace').splitlines()[-8:])
            raise DemoError(f'{self.name} ended with {code}:\n{tail}')


@contextmanager
def node_process(
    name: str, parameters: Mapping[str, Any], scratch: Path, environment: Mapping[str, str]
) -> Iterator[Process]:
    """Start one of our nodes; on leaving it is interrupted, and killed if that does not help."""
    arguments = ['--ros-args']
    for key, value in parameters.items():
        arguments += ['-p', f'{key}:={json.dumps(value)}']
    log = scratch / f'{name}.log'
    with log.open('w') as stream:
        out = subprocess.PIPE if name == 'mask_recorder' else stream
        module = f'unet_perception.ros.{name}'
        with running(module, arguments, environment, stdout=out, stderr=stream) as popen:
            yield Process(name, popen, log)


def lines_of(process: Process) -> Lines:
    """Read a process's JSON lines in a thread, so that waiting for them can time out."""
    lines: Lines = queue.Queue()
    stream = process.popen.stdout
    assert stream is not None, 'standard output is a pipe'

    def read() -> None:
        for line in stream:
            if line.startswith('{'):  # the middleware may print as well
                lines.put(json.loads(line))

    threading.Thread(target=read, daemon=True).start()
    return lines


def wait_until_active(lines: Lines, processes: tuple[Process, ...]) -> None:
    """Wait until the recorder sees the node's masks advertised and the node active."""
    deadline = monotonic() + READY_S
    status: dict[str, Any] = {}
    while monotonic() < deadline:
        for process in processes:
            process.check()
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            continue
        status = line['node']
        if status.get('state') == 'active' and line['mask_publishers']:
            return
        if status.get('state') == 'unconfigured' and status['level'] == 2:
            raise DemoError(f'the node refused to start: {status["message"]}')
    raise DemoError(f'the node is not active after {READY_S:.0f} s; last seen: {status}')


def follow(
    lines: Lines,
    processes: tuple[Process, ...],
    player: Process,
    seconds: float,
    on_line: Callable[[dict[str, Any]], None],
) -> None:
    """Hand on a line a second until the player has ended; then let the last frames drain.

    DemoError if a process ends early, or the player takes far longer than `seconds`.
    """
    ends, overdue = float('inf'), monotonic() + seconds + READY_S
    while monotonic() < ends:
        for process in processes:
            process.check()
        player.check(may_be_done=True)
        if player.popen.poll() is not None and ends == float('inf'):
            ends = monotonic() + DRAIN_S
        if monotonic() > overdue and ends == float('inf'):
            raise DemoError(f'{player.name} has not ended after {seconds + READY_S:.0f} s')
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            continue
        if line['mask_publishers'] > 1:
            raise DemoError('another node publishes masks in this ROS domain; try again')
        if line['latency_ms'] and ends == float('inf'):
            on_line(line)

"""Asks `unet_perception.ros.image_probe` what ROS 2 does in a given environment.

Knows how to start, await and end the probe's processes, and their lines of JSON; rclpy only
through them. What the answers mean is judged elsewhere.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
import json
import re
import secrets
import signal
import subprocess
import sys
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, Any, NamedTuple

from ..errors import UnetPerceptionError
from .processes import started

DESCRIBE_S = 20.0  # importing rclpy from a cold disk takes a few seconds
STOP_S = 3.0
COLOUR = re.compile(r'\x1b\[[0-9;]*m')
STAMP_OR_PLACE = re.compile(r'^(\[[^]]*\] ?)+: |^\d{4}-\S+ \S+ |, at /\S+:\d+$| -> Function .*$')
SUSPECTS = ('RMW_IMPLEMENTATION', 'ROS_DOMAIN_ID', 'ROS_SECURITY_ENABLE', 'CYCLONEDDS_URI')
"""Variables that can keep ROS 2 from starting."""

Environment = Mapping[str, str]


class ProbeError(UnetPerceptionError):
    """A process of the probe failed, or did not answer in time."""


class Description(NamedTuple):
    """What rclpy is, or why it does not start."""

    facts: Mapping[str, Any]
    """The probe's answer; empty if there is none."""
    complaint: str
    """Why it does not start; empty if it does."""
    culprit: str
    """The variables without which it does start; empty if none of `SUSPECTS` is to blame."""


class Carried(NamedTuple):
    """What became of the images that were sent; latencies are None if none arrived."""

    sent: int
    received: int
    p50_ms: float | None
    p95_ms: float | None
    max_ms: float | None


class _Process(NamedTuple):
    role: str
    popen: 'subprocess.Popen[str]'
    log: IO[str]

    def last_words(self) -> str:
        self.log.seek(0)
        lines = [STAMP_OR_PLACE.sub('', COLOUR.sub('', line).strip()) for line in self.log]
        return next((line[:300] for line in reversed(lines) if line), 'nothing')


def describe_ros(environment: Environment) -> Description:
    """Start a node in `environment`; if it fails, try without each suspect, then without all."""
    try:
        return Description(_described(environment), '', '')
    except ProbeError as exc:
        complaint = str(exc)
    suspects = [name for name in SUSPECTS if name in environment]
    tries = [[name] for name in suspects] + ([suspects] if len(suspects) > 1 else [])
    for names in tries:
        rest = {key: value for key, value in environment.items() if key not in names}
        try:
            return Description(_described(rest), complaint, ' and '.join(names))
        except ProbeError:
            continue
    return Description({}, complaint, '')


def import_problem(package: str, environment: Environment) -> str:
    """Return why Python can't import a package in `environment`; empty if it can.

    In a process of its own: what is built for another NumPy may take the process with it.
    """
    command = [sys.executable, '-c', f'import {package}']
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=DESCRIBE_S, env=dict(environment)
        )
    except subprocess.TimeoutExpired:
        return f'nothing after {DESCRIBE_S:.0f} s'
    lines = run.stderr.strip().splitlines()
    return (lines[-1][:300] if lines else f'exit code {run.returncode}') if run.returncode else ''


def carry_images(
    environment: Environment,
    width: int,
    height: int,
    count: int = 30,
    rate: float = 30.0,
    reliability: str = 'best_effort',
    seconds: float = 20.0,
) -> Carried:
    """Send bgr8 images from one process to another, both in `environment`; return what came.

    `reliability` is best_effort or reliable, of both ends, at depth 5. Latency runs from the
    publish call to the callback. The topic is private, so nothing else in the ROS domain is
    disturbed. After `seconds` both are told to stop, and what has come by then counts. `sent` is
    0 if they do not find each other within half of that. ProbeError if one of them fails.
    """
    options = {
        'topic': f'/_unet_perception_probe_{secrets.token_hex(6)}/image',
        'width': width,
        'height': height,
        'count': count,
        'rate': rate,
        'reliability': reliability,
        'patience': seconds / 2,
    }
    arguments = [f'--{key}={value}' for key, value in options.items()]
    deadline_s = monotonic() + seconds
    with ExitStack() as running:
        receiver, sender = (
            running.enter_context(_probe(role, arguments, environment))
            for role in ('receive', 'send')
        )
        sent = _answer_of(sender, deadline_s)
        return Carried(sent['sent'], **_answer_of(receiver, deadline_s))


def _described(environment: Environment) -> Mapping[str, Any]:
    with _probe('describe', [], environment) as process:
        return _answer_of(process, monotonic() + DESCRIBE_S)


@contextmanager
def _probe(role: str, arguments: list[str], environment: Environment) -> Iterator[_Process]:
    """Start the probe; on leaving it is gone."""
    command = [sys.executable, '-m', 'unet_perception.ros.image_probe', role, *arguments]
    with (
        TemporaryFile('w+', errors='replace') as log,
        started(command, stdout=subprocess.PIPE, stderr=log, env=dict(environment)) as popen,
    ):
        try:
            yield _Process(role, popen, log)
        finally:
            popen.kill()


def _answer_of(process: _Process, deadline_s: float) -> dict[str, Any]:
    """Return the process's line; at the deadline it is told to stop, and may still answer."""
    text = ''
    for wait_s in (max(deadline_s - monotonic(), 0.1), STOP_S):
        try:
            text, _ = process.popen.communicate(timeout=wait_s)
            break
        except subprocess.TimeoutExpired:
            process.popen.send_signal(signal.SIGINT)
    else:
        raise ProbeError(f'image_probe {process.role} hangs; last it said: {process.last_words()}')
    for line in text.splitlines():
        if line.startswith('{'):  # the middleware may print as well
            return dict(json.loads(line))
    code = process.popen.returncode
    raise ProbeError(f'{process.last_words()} (image_probe {process.role} ended with {code})')

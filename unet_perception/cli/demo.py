"""`unet_perception demo`: three processes, real footage, real ROS 2, and what came of it.

Knows which processes to start and what they write; rclpy only through them. What the files
mean is in `demo_results`.
"""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
import importlib.util
import json
import os
from pathlib import Path
import queue
import signal
import subprocess
import sys
from tempfile import TemporaryDirectory
import threading
from time import monotonic
from typing import Any, NamedTuple

from ..core.footage import frames_from_path
from ..core.paths import model_folder, share_folder
from ..core.transport import transport_environment
from ..engines import choose_backend
from ..errors import RequestError, UnetPerceptionError

READY_S = 60.0  # importing and compiling take a few seconds, more on a busy machine
DRAIN_S = 2.5  # diagnostics come once a second; the last ones must have seen the last frame
STOP_S = 10.0


class DemoError(UnetPerceptionError):
    """One of the demo's processes did not do its part."""


class Process(NamedTuple):
    """A running node; its log goes to a file."""

    name: str
    popen: 'subprocess.Popen[str]'
    log: Path

    def check(self) -> None:
        """DemoError, with the end of its log, if the process has ended by itself."""
        if self.popen.poll() is not None and self.popen.returncode != 0:
            tail = '\n'.join(self.log.read_text(errors='replace').splitlines()[-8:])
            raise DemoError(f'{self.name} ended with {self.popen.returncode}:\n{tail}')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `demo` takes."""
    parser.add_argument('--out', type=Path, default=Path('out/demo'), help='default: out/demo')
    parser.add_argument('--source', type=Path, help='video or folder of images; default: shipped')
    parser.add_argument('--seconds', type=float, default=15.0, help='default: 15')
    parser.add_argument('--rate', type=float, default=25.0, help='images per second; default: 25')
    parser.add_argument('--model', default='road', help='shipped model or folder; default: road')
    parser.add_argument('--backend', default='auto', help='auto, openvino or onnxruntime')
    parser.add_argument('--json', action='store_true', help='print the summary as JSON')


def run(options: argparse.Namespace) -> int:
    """Play, record, compare with the offline pipeline, report; 1 if something is amiss."""
    from ..report.demo import headline
    from .demo_results import DemoRun, complaints, write_results

    if importlib.util.find_spec('rclpy') is None:
        raise RequestError('rclpy is missing: source a ROS 2 installation, or run make demo')
    frames = round(options.seconds * options.rate)
    if frames < 1:
        raise RequestError('--seconds times --rate must be at least one image')
    source = options.source or share_folder() / 'examples' / 'footage' / 'highway.mp4'
    next(frames_from_path(source))  # what can't be played is refused before anything starts
    model = model_folder(options.model)
    choose_backend(options.backend)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix='unet_perception_demo_') as scratch:
            _play_and_record(options, source, model, frames, Path(scratch))
            results = DemoRun(Path(scratch), source, model, options.backend, options.rate)
            summary = write_results(results, options.out)
    except DemoError as exc:
        print(f'unet_perception demo: {exc}', file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        out = options.out
        print(f'{headline(summary)}\n{out}/overlay.mp4  {out}/report.html  {out}/summary.json')
    found = complaints(summary)
    for complaint in found:
        print(f'unet_perception demo: {complaint}', file=sys.stderr)
    return 1 if found else 0


def _play_and_record(
    options: argparse.Namespace, source: Path, model: Path, frames: int, scratch: Path
) -> None:
    """Run node, recorder and player; their files are in `scratch` afterwards."""
    environment = _environment(scratch)
    show = not options.json
    with ExitStack() as running:
        node = running.enter_context(
            _process(
                'node',
                {'model': str(model), 'backend': options.backend, 'autostart': True},
                scratch,
                environment,
            )
        )
        recorder = running.enter_context(
            _process('mask_recorder', {'folder': str(scratch)}, scratch, environment)
        )
        lines = _lines_of(recorder)
        _say(show, 'starting the node: verify the model, open the engine, warm up')
        _wait_until_active(lines, (node, recorder))
        player = running.enter_context(
            _process(
                'camera_player',
                {
                    'source': str(source),
                    'rate': options.rate,
                    'frames': frames,
                    'wait_for_subscriber_s': 10.0,
                    'sent_log': str(scratch / 'sent.csv'),
                },
                scratch,
                environment,
            )
        )
        _say(show, f'playing {frames} images at {options.rate:g} images/s')
        _follow(lines, (node, recorder, player), player, frames, show)


def _environment(scratch: Path) -> dict[str, str]:
    """Return the environment for nodes that talk on this machine's loopback only."""
    return {
        'ROS_DOMAIN_ID': str(40 + os.getpid() % 60),
        **os.environ,
        **transport_environment('local', os.environ.get('ROS_DISTRO')),
        'ROS_LOG_DIR': str(scratch / 'log'),
    }


@contextmanager
def _process(
    name: str, parameters: Mapping[str, Any], scratch: Path, environment: Mapping[str, str]
) -> Iterator[Process]:
    """Start one of our nodes; on leaving it is interrupted, and killed if that does not help."""
    command = [sys.executable, '-m', f'unet_perception.ros.{name}', '--ros-args']
    for key, value in parameters.items():
        command += ['-p', f'{key}:={json.dumps(value)}']
    log = scratch / f'{name}.log'
    with log.open('w') as stream:
        popen = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stream, text=True, env=dict(environment)
        )
    try:
        yield Process(name, popen, log)
    finally:
        popen.send_signal(signal.SIGINT)
        try:
            popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


def _lines_of(process: Process) -> 'queue.Queue[dict[str, Any]]':
    """Read a process's JSON lines in a thread, so that waiting for them can time out."""
    lines: queue.Queue[dict[str, Any]] = queue.Queue()
    stream = process.popen.stdout
    assert stream is not None, 'standard output is a pipe'

    def read() -> None:
        for line in stream:
            lines.put(json.loads(line))

    threading.Thread(target=read, daemon=True).start()
    return lines


def _wait_until_active(
    lines: 'queue.Queue[dict[str, Any]]', processes: tuple[Process, ...]
) -> None:
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
        if status.get('state') == 'active' and line['connected']:
            return
        if status.get('state') == 'unconfigured' and status['level'] == 2:
            raise DemoError(f'the node refused to start: {status["message"]}')
    raise DemoError(f'the node is not active after {READY_S:.0f} s; last seen: {status}')


def _follow(
    lines: 'queue.Queue[dict[str, Any]]',
    processes: tuple[Process, ...],
    player: Process,
    frames: int,
    show: bool,
) -> None:
    """Show a live line until the player has ended and the last frames have drained."""
    ends = float('inf')
    while monotonic() < ends:
        for process in processes:
            process.check()
        if player.popen.poll() is not None and ends == float('inf'):
            ends = monotonic() + DRAIN_S
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            continue
        if show and line['latency_ms']:
            start, end = ('\r', '') if sys.stdout.isatty() else ('', '\n')
            print(f'{start}{_live_line(line, frames)}', end=end, flush=True)
    _say(show, '')


def _live_line(line: Mapping[str, Any], frames: int) -> str:
    """Say how it goes: rate and latency at the consumer, and what got lost where."""
    latency, seen = line['latency_ms'], line['input']
    lost = ', '.join(
        f'{name} {seen[name]}'
        for name in ('displaced', 'malformed', 'failed', 'gated')
        if seen.get(name, '0') != '0'
    )
    return (
        f'{line["fps"]:5.1f} masks/s  p50 {latency["p50"]:5.1f} ms  p95 {latency["p95"]:5.1f} ms  '
        f'{line["masks"]} masks of {frames} images  lost: {lost or "none"}   '
    )


def _say(show: bool, text: str) -> None:
    if show:
        print(text, flush=True)

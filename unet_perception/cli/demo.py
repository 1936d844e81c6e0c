"""`unet_perception demo`: three processes, real footage, real ROS 2, and what came of it.

Knows the order of events; how processes run is in `demo_processes`, what their files mean in
`demo_results`.
"""

import argparse
from collections.abc import Callable
from contextlib import ExitStack
import importlib.util
import json
from pathlib import Path
import signal
import sys
from tempfile import TemporaryDirectory
from typing import Any

from ..core.engine import EngineOptions
from ..core.footage import frames_from_path
from ..core.health import Outcome
from ..core.manifest import Model, model_from_folder
from ..core.paths import model_folder, sample_footage
from ..engines import choose_backend, choose_precision, default_artifact, open_engine
from ..errors import RequestError
from .demo_processes import (
    DemoError,
    follow,
    lines_of,
    node_process,
    wait_until_active,
)
from .processes import loopback_environment
from .progress import Bar

LOSSES = [outcome.value for outcome in Outcome if outcome is not Outcome.PUBLISHED]
OUTPUTS = ('overlay.mp4', 'report.html', 'summary.json')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `demo` takes."""
    parser.add_argument('--out', type=Path, default=Path('out/demo'), help='default: out/demo')
    parser.add_argument(
        '--source',
        type=Path,
        help='video or folder of images; default: the shipped clip for the model',
    )
    parser.add_argument('--seconds', type=_within(0.1, 3600.0), default=15.0, help='default: 15')
    parser.add_argument(
        '--rate', type=_within(0.1, 1000.0), default=25.0, help='images per second; default: 25'
    )
    parser.add_argument('--model', default='lane', help='shipped model or folder; default: lane')
    parser.add_argument(
        '--backend', default='auto', help='auto, tensorrt, openvino or onnxruntime'
    )
    parser.add_argument('--json', action='store_true', help='print the summary as JSON')


def run(options: argparse.Namespace) -> int:
    """Play, record, compare with the offline pipeline, report; 1 if something is amiss."""
    from ..report.demo import headline
    from .demo_results import DemoRun, complaints, write_results

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no process may stay behind
    if importlib.util.find_spec('rclpy') is None:
        raise RequestError('rclpy is missing: source a ROS 2 installation, or run make demo')
    frames = round(options.seconds * options.rate)
    if frames < 1:
        raise RequestError('--seconds times --rate must be at least one image')
    model = model_folder(options.model)
    source = options.source or sample_footage(model_from_folder(model).manifest.task)
    next(frames_from_path(source))  # what can't be played is refused before anything starts
    backend = choose_backend(options.backend).backend
    _make_empty(options.out)
    say = _silence if options.json else _print
    if backend == 'tensorrt':
        _build_plan(model_from_folder(model), backend, options.json)
    try:
        with TemporaryDirectory(prefix='unet_perception_demo_') as scratch:
            _play_and_record(options, source, model, frames, Path(scratch), say)
            say('comparing each mask with the offline pipeline, drawing')
            results = DemoRun(Path(scratch), source, model, options.backend, options.rate, frames)
            summary = write_results(results, options.out)
    except DemoError as exc:
        print(f'unet_perception demo: {exc}', file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(summary, indent=2))
    say(headline(summary))
    say(f'the node holds {summary["node_rss_mb"]:.0f} MB of memory')
    say('  '.join(str(options.out / name) for name in OUTPUTS))
    found = complaints(summary, frames)
    for complaint in found:
        print(f'unet_perception demo: {complaint}', file=sys.stderr)
    return 1 if found else 0


def _build_plan(model: Model, backend: str, quiet: bool) -> None:
    """Build what the node is about to serve, if it is not there yet: minutes, with a bar."""
    artifact, _ = default_artifact(model, choose_precision('auto', backend, model))
    with Bar(quiet) as bar:
        how = EngineOptions(may_build=True, on_progress=bar.update)
        open_engine(backend, model, artifact, how).close()


def _make_empty(out: Path) -> None:
    """Make the folder, and remove what an earlier run left there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in OUTPUTS:
            (out / name).unlink(missing_ok=True)
    except OSError as exc:
        raise RequestError(
            f"can't write to {str(out)!r} ({exc.strerror}); choose another --out"
        ) from exc


def _play_and_record(
    options: argparse.Namespace,
    source: Path,
    model: Path,
    frames: int,
    scratch: Path,
    say: Callable[[str], None],
) -> None:
    """Run node, recorder and player; their files are in `scratch` afterwards."""
    environment = loopback_environment(scratch)
    serving: dict[str, Any] = {
        'model': str(model),
        'backend': options.backend,
        'operating_point': model_from_folder(model).manifest.best_first[0].name,
        'autostart': True,
    }  # at one point, so that every mask can be compared with the offline pipeline's
    playing: dict[str, Any] = {
        'source': str(source),
        'rate': options.rate,
        'frames': frames,
        'wait_for_subscriber_s': 10.0,
        'sent_log': str(scratch / 'sent.csv'),
    }
    with ExitStack() as running:

        def start(name: str, parameters: dict[str, Any]) -> Any:
            return running.enter_context(node_process(name, parameters, scratch, environment))

        node, recorder = start('node', serving), start('mask_recorder', {'folder': str(scratch)})
        lines = lines_of(recorder)
        say('starting the node: verify the model, open the engine, warm up')
        wait_until_active(lines, (node, recorder))
        player = start('camera_player', playing)
        say(f'playing {frames} images at {options.rate:g} images/s')
        live = _silence if say is _silence else _rewrite
        follow(
            lines,
            (node, recorder),
            player,
            options.seconds,
            lambda line: live(_live_line(line, frames)),
        )
        live('')


def _live_line(line: dict[str, Any], frames: int) -> str:
    """Say how it goes: rate and latency at the consumer, and what got lost where."""
    latency, seen = line['latency_ms'], line['input']
    lost = ', '.join(f'{name} {seen[name]}' for name in LOSSES if seen.get(name, '0') != '0')
    return (
        f'{line["fps"]:5.1f} masks/s  p50 {latency["p50"]:5.1f} ms  p95 {latency["p95"]:5.1f} ms  '
        f'{line["masks"]} masks of {frames} images  lost: {lost or "none"}'
    )


def _within(least: float, most: float) -> Callable[[str], float]:
    """Return a parser of numbers that refuses those out of range, and NaN."""

    def number(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f'{text} is not {least:g} to {most:g}')
        return value

    return number


def _print(text: str) -> None:
    print(text, flush=True)


def _rewrite(text: str) -> None:
    """Print over the line before, on a terminal; elsewhere, below it."""
    start, end = ('\r\x1b[K', '') if sys.stdout.isatty() else ('', '\n' if text else '')
    print(f'{start}{text}', end=end, flush=True)


def _silence(text: str) -> None:
    """Say nothing: the JSON is all that standard output carries."""

"""What everything around the engine costs, beside the node that a tutorial would build.

The peer (`naive`) and our node serve the same camera and consumer, one after the other, at 0.7
and 1.3 times the rate that the peer can keep up with. Ages are those that the consumer sees:
from the image's stamp to the moment when confidence and mask are both there.
"""

from collections.abc import Mapping
from contextlib import ExitStack
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any, NamedTuple

import numpy as np
import onnx

from unet_perception.cli.processes import loopback_environment, running
from unet_perception.core.manifest import Model, model_from_folder
from unet_perception.core.paths import model_folder
from unet_perception.engines import default_artifact

WIDTH, HEIGHT = 640, 480
LOADS = (0.7, 1.3)
SECONDS, WARM_UP = 15.0, 20
FLOOD_HZ = 120.0
CAPACITY_RUNS = 3
READY_S = 30.0
STAGES = (
    'arrival',
    'queue',
    'decode',
    'preprocess',
    'inference',
    'postprocess',
    'publish',
    'processing',
    'pipeline_latency',
)


class Run(NamedTuple):
    """What the consumer saw of one node under one camera."""

    ages_ms: list[float]
    masks_per_s: float
    diagnostics: Mapping[str, Mapping[str, str]]
    rss_mb: float


def measure(threads: int) -> dict[str, Any]:
    """Return the figures of `overhead.json` for a number of engine threads."""
    model = model_from_folder(model_folder('road'))
    with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
        scratch = Path(folder)
        nodes = {'naive': _naive(model, scratch, threads), 'ours': _ours(threads)}
        capacity_hz = max(
            _run(nodes['naive'], scratch, FLOOD_HZ).masks_per_s for _ in range(CAPACITY_RUNS)
        )  # neighbours of this machine only ever take from it
        loads = {str(load): _compared(nodes, scratch, load * capacity_hz) for load in LOADS}
    return {
        'model': f'{model.manifest.name} {model.manifest.version}',
        'width': WIDTH,
        'height': HEIGHT,
        'engine_threads': threads,
        'naive_capacity_hz': capacity_hz,
        'loads': loads,
    }


def _compared(nodes: Mapping[str, list[str]], scratch: Path, rate: float) -> dict[str, Any]:
    naive, ours = (_run(nodes[name], scratch, rate) for name in ('naive', 'ours'))
    latency = ours.diagnostics['latency']
    return {
        'rate_hz': rate,
        'frames': _frames(rate),
        'engine_p50_ms': float(latency['inference_p50_ms']),
        **{f'ours_{key}': value for key, value in _figures(ours).items()},
        **{f'naive_{key}': value for key, value in _figures(naive).items()},
        'ours_stages_p50_ms': {name: float(latency[f'{name}_p50_ms']) for name in STAGES},
        'ours_ages_ms': [round(age, 2) for age in ours.ages_ms],
        'naive_ages_ms': [round(age, 2) for age in naive.ages_ms],
    }


def _figures(run: Run) -> dict[str, float]:
    p50, p95, p99 = (float(value) for value in np.percentile(run.ages_ms, (50, 95, 99)))
    return {
        'p50_ms': p50,
        'p95_ms': p95,
        'p99_ms': p99,
        'masks': len(run.ages_ms),
        'rss_mb': run.rss_mb,
    }


def _frames(rate: float) -> int:
    return round(SECONDS * rate)


def _run(command: list[str], scratch: Path, rate: float) -> Run:
    """Serve one camera for `SECONDS` s; the first masks are not counted."""
    environment, file = loopback_environment(scratch), scratch / 'consumer.json'
    file.unlink(missing_ok=True)
    with ExitStack() as stack:
        node = stack.enter_context(running(*_split(command), environment))
        with running('bench.consumer', [str(file)], environment):
            size = [str(WIDTH), str(HEIGHT)]
            camera = ['bench.camera', *size, str(rate), str(_frames(rate))]
            with running(*_split(camera), environment) as popen:
                popen.wait(READY_S + 3 * SECONDS)
            rss_mb = _rss_mb(node.pid)
            sleep(1.2)  # diagnostics come once a second
    seen = json.loads(file.read_text())
    ages, stamps = seen['ages_ms'][WARM_UP:], seen['stamps_ns'][WARM_UP:]
    if len(ages) < 2:
        raise RuntimeError(f'no masks came from {command}')
    per_s = (len(stamps) - 1) / ((stamps[-1] - stamps[0]) / 1e9)
    return Run(ages, per_s, seen['diagnostics'], rss_mb)


def _split(command: list[str]) -> tuple[str, list[str]]:
    return command[0], command[1:]


def _rss_mb(pid: int) -> float:
    """Return the memory that a process holds now."""
    pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    return pages * 4096 / 1e6


def _ours(threads: int) -> list[str]:
    parameters = ['autostart:=true', 'backend:=openvino', f'engine_threads:={threads}']
    flags = [part for parameter in parameters for part in ('-p', parameter)]
    return ['unet_perception.ros.node', '--ros-args', *flags]


def _naive(model: Model, scratch: Path, threads: int) -> list[str]:
    """Write the network without our pre- and post-processing, and return the peer's command."""
    artifact, point = default_artifact(model)
    network = onnx.load_from_string(model.read(artifact.file))
    graph, size = network.graph, (point.height, point.width)
    names = [node.output[0] for node in graph.node]
    first, last = names.index('normalised') + 1, names.index('logits') + 1
    kept = list(graph.node)[first:last]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(kept)
    for io, name, channels in (
        (graph.input, 'normalised', 3),
        (graph.output, 'logits', len(model.manifest.classes)),
    ):
        io.append(onnx.helper.make_tensor_value_info(name, 1, [1, channels, *size]))
    file = scratch / 'network.onnx'
    onnx.save(network, file)
    normalisation = json.dumps(model.manifest.document['training']['normalisation'])
    return ['bench.naive', str(file), normalisation, str(threads)]

"""A node between cameras and a consumer, for as long as the cameras play.

Knows processes and what the consumer wrote; not what is made of it.
"""

from collections.abc import Callable, Mapping
import json
import os
from pathlib import Path
from subprocess import PIPE, TimeoutExpired
from time import monotonic, sleep
from typing import Any, NamedTuple

import onnx

from unet_perception.cli.processes import loopback_environment, running
from unet_perception.core.manifest import Model, model_from_folder
from unet_perception.core.memory import resident_mb
from unet_perception.core.paths import model_folder
from unet_perception.engines import default_artifact

WIDTH, HEIGHT = 640, 480
WARM_UP = 20
"""So many first masks of each camera are not counted."""
READY_S = 30.0
GENEROUS_MS = 10_000.0
"""A budget that nothing exceeds, for measurements of something else."""
LOOK_S = 0.5


class Cameras(NamedTuple):
    """What is played: images/s of all cameras together, for how long, under which names."""

    rate: float
    seconds: float
    names: tuple[str, ...] = ('',)

    @property
    def frames(self) -> int:
        """How many images all cameras send."""
        return round(self.rate * self.seconds)

    def arguments(self, wait_s: float) -> list[str]:
        """Return the arguments of `bench.camera`."""
        numbers = (WIDTH, HEIGHT, self.rate, self.frames, wait_s)
        return [*map(str, numbers), *self.given]

    @property
    def given(self) -> list[str]:
        """The names, where there are several."""
        return [name for name in self.names if name]


class Seen(NamedTuple):
    """What the consumer saw of one camera, after the first masks."""

    stamps_ns: list[int]
    ages_ms: list[float]
    published_ages_ms: list[float]
    until_ns: int
    """The stamp of the last image that was sent, by whichever camera."""

    @property
    def fps(self) -> float:
        """Masks a second, from the first that counts to the end of the play."""
        return (len(self.stamps_ns) - 1) / ((self.until_ns - self.stamps_ns[0]) / 1e9)


class Run(NamedTuple):
    """What came of one node."""

    cameras: Mapping[str, Seen]
    diagnostics: Mapping[str, Mapping[str, str]]
    steps: list[tuple[int, str]]
    rss_mb: float

    @property
    def only(self) -> Seen:
        """The one camera."""
        (seen,) = self.cameras.values()
        return seen


def ours(threads: int, **parameters: object) -> list[str]:
    """Return our node's command; at the best operating point unless another is named."""
    _, point = default_artifact(the_model())
    settings = {
        'autostart': 'true',
        'backend': 'openvino',
        'engine_threads': threads,
        'operating_point': point.name,
        **parameters,
    }
    flags = [part for name, value in settings.items() for part in ('-p', f'{name}:={value}')]
    return ['unet_perception.ros.node', '--ros-args', *flags]


def naive(scratch: Path, threads: int) -> list[str]:
    """Write the network without our pre- and post-processing, and return the peer's command."""
    model = the_model()
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


def the_model() -> Model:
    """Return the shipped model."""
    return model_from_folder(model_folder('lane'))


def served(
    command: list[str],
    scratch: Path,
    cameras: Cameras,
    on_look: Callable[[int, float], None] = lambda *_: None,
) -> Run:
    """Serve the cameras until they end; `on_look` gets the node's pid and how long they play."""
    environment, file = loopback_environment(scratch), scratch / 'consumer.json'
    file.unlink(missing_ok=True)
    log = scratch / 'node.log'
    with log.open('w') as stderr:
        node = running(command[0], command[1:], environment, stderr=stderr)
        consumer = running('bench.consumer', [str(file), *cameras.given], environment)
        camera = running('bench.camera', cameras.arguments(READY_S), environment, stdout=PIPE)
        with node as node_popen, consumer, camera as camera_popen:
            start = monotonic()
            while (
                camera_popen.poll() is None and monotonic() - start < 3 * cameras.seconds + READY_S
            ):
                sleep(LOOK_S)
                on_look(node_popen.pid, monotonic() - start)
            rss_mb = resident_mb(node_popen.pid)
            sleep(1.2)  # diagnostics come once a second
            stamps = camera_popen.communicate(timeout=READY_S)[0].split()
    seen = json.loads(file.read_text())
    found = {
        name: Seen(*(values[WARM_UP:] for values in entry.values()), int(stamps[-1]))
        for name, entry in seen['cameras'].items()
    }
    if min(len(camera.ages_ms) for camera in found.values()) < 2:
        raise RuntimeError(f'hardly a mask came from {command}: {log.read_text()[-2000:]}')
    return Run(found, seen['diagnostics'], [(at, what) for at, what in seen['steps']], rss_mb)


def engine_alone(threads: int, seconds: float) -> dict[str, float]:
    """Return the engine's `fps` and `p50_ms` while nothing else runs."""
    with running('bench.floor', [str(threads), str(seconds)], os.environ, stdout=PIPE) as popen:
        return _floor_of(popen, seconds)


def engine_beside(cameras: Cameras, threads: int, scratch: Path) -> dict[str, float]:
    """Return the engine's `fps` and `p50_ms` in a loop while cameras and consumer run."""
    environment = loopback_environment(scratch)
    consumer = [str(scratch / 'floor.json'), *cameras.given]
    longer = cameras._replace(seconds=3 * cameras.seconds + READY_S)
    with (
        running('bench.consumer', consumer, environment),
        running('bench.camera', longer.arguments(0.0), environment),
    ):
        sleep(3.0)  # until both are at work
        arguments = [str(threads), str(cameras.seconds)]
        with running('bench.floor', arguments, environment, stdout=PIPE) as popen:
            return _floor_of(popen, cameras.seconds)


def _floor_of(popen: Any, seconds: float) -> dict[str, float]:
    try:
        out, _ = popen.communicate(timeout=2 * seconds + READY_S)
    except TimeoutExpired as exc:
        raise RuntimeError('the engine alone did not come to its end') from exc
    return dict(json.loads(out))

"""From the start of the node's process to the first mask, beside a camera and a consumer at work.

Cold: no compiled model in the cache; warm: it is there. The floor is Python importing what any
node on this engine must: rclpy, the messages and the engine's library.
"""

from collections.abc import Mapping
from contextlib import ExitStack
import json
from pathlib import Path
from statistics import median
import subprocess
import sys
from tempfile import TemporaryDirectory
from time import sleep, time_ns
from typing import Any

from unet_perception.cli.processes import loopback_environment, running

from .serving import Cameras, ours

IMPORTS = (
    'import sys; sys.modules["openvino_telemetry"] = None; '
    'import rclpy, sensor_msgs.msg, openvino, time; print(time.time_ns())'
)
"""As the node does it, without what its engine would tell its makers."""
RUNS = 3
CAMERAS = Cameras(30.0, 120.0)
WAIT_S, LOOK_S = 30.0, 0.02


def measure() -> dict[str, Any]:
    """Return the figures of `start.json`; medians of `RUNS` runs in turns."""
    times: dict[str, list[float]] = {'cold_s': [], 'warm_s': [], 'imports_s': []}
    for _ in range(RUNS):
        with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
            environment = loopback_environment(Path(folder))
            environment['XDG_CACHE_HOME'] = folder
            for name in ('cold_s', 'warm_s'):
                imports_s, first_mask_s = _first_mask(environment, Path(folder))
                times['imports_s'].append(imports_s)
                times[name].append(first_mask_s)
    return {**{name: median(values) for name, values in times.items()}, 'runs': times}


def _imports(environment: Mapping[str, str]) -> float:
    start = time_ns()
    command = [sys.executable, '-c', IMPORTS]
    run = subprocess.run(command, env=dict(environment), check=True, stdout=subprocess.PIPE)
    return (int(run.stdout) - start) / 1e9


def _first_mask(environment: Mapping[str, str], scratch: Path) -> tuple[float, float]:
    """Return how long the imports alone take beside camera and consumer, s, and the first mask."""
    file = scratch / 'consumer.json'
    file.unlink(missing_ok=True)
    with ExitStack() as stack:
        stack.enter_context(running('bench.camera', CAMERAS.arguments(0.0), environment))
        consumer = stack.enter_context(running('bench.first_mask', [str(file)], environment))
        while not file.exists():
            sleep(LOOK_S)
        sleep(2.0)  # until both are at work
        imports_s = _imports(environment)
        start_ns = time_ns()
        command = ours(0, operating_point='auto')
        log = stack.enter_context((scratch / 'node.log').open('w'))
        stack.enter_context(running(command[0], command[1:], environment, stderr=log))
        consumer.wait(WAIT_S)
    return imports_s, (json.loads(file.read_text())['at_ns'] - start_ns) / 1e9

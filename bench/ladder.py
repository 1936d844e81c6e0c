"""A neighbour takes the processor and gives it back: coarser masks instead of late ones.

The same camera, budget and neighbour with the ladder of operating points and without it. The
budget is twice what a frame takes while nobody disturbs.
"""

from contextlib import ExitStack, suppress
import math
import os
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
from time import time_ns
from typing import Any

import numpy as np

from unet_perception.cli.processes import started

from .serving import GENEROUS_MS, Cameras, Run, ours, served

HOG = 'while True: pass'
CALM_S, LOADED_S, AFTER_S = 8.0, 12.0, 16.0
TRIAL_S, LOAD = 6.0, 0.4
"""The camera sends this share of what the node could serve alone."""


class Neighbour:
    """Busy processes, one for each core, for a while after the first look."""

    def __init__(self) -> None:
        self._processes = ExitStack()
        self.started_ns = self.stopped_ns = 0

    def look(self, _: int, seconds: float) -> None:
        """Start and stop when it is time; `seconds` since the camera's process was started."""
        if not self.started_ns and seconds >= CALM_S:
            for _ in range(os.cpu_count() or 1):
                popen = started([sys.executable, '-c', HOG])
                self._processes.callback(end, popen)
            self.started_ns = time_ns()
        elif seconds >= CALM_S + LOADED_S:
            self.stop()

    def stop(self) -> None:
        """End the processes, if they run."""
        if not self.stopped_ns:
            self._processes.close()
            self.stopped_ns = time_ns()


def end(popen: 'subprocess.Popen[str]') -> None:
    """Kill a process."""
    with suppress(ProcessLookupError):
        popen.kill()
    popen.wait()


def measure(threads: int) -> dict[str, Any]:
    """Return the figures of `ladder.json`."""
    with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
        scratch = Path(folder)
        trial = served(ours(threads, latency_budget_ms=GENEROUS_MS), scratch, Cameras(30, TRIAL_S))
        processing_ms = float(trial.diagnostics['latency']['processing_p50_ms'])
        budget_ms = 2 * processing_ms
        cameras = Cameras(LOAD * 1e3 / processing_ms, CALM_S + LOADED_S + AFTER_S)
        rows = {
            name: _row(point, budget_ms, threads, cameras, scratch)
            for name, point in (('with', 'auto'), ('without', None))
        }
    return {'camera_hz': cameras.rate, 'budget_ms': budget_ms, 'engine_threads': threads, **rows}


def _row(
    point: str | None, budget_ms: float, threads: int, cameras: Cameras, scratch: Path
) -> dict[str, Any]:
    wish = {'operating_point': point} if point else {}
    command, neighbour = ours(threads, latency_budget_ms=budget_ms, **wish), Neighbour()
    try:
        run = served(command, scratch, cameras, neighbour.look)
    finally:
        neighbour.stop()
    ages = np.array(run.only.published_ages_ms)
    down, up = _step_times(run, neighbour)
    return {
        'step_down_s': down,
        'step_up_s': up,
        'within_budget_ratio': float((ages <= budget_ms).mean()),
        'masks_share': int(run.diagnostics['input']['published']) / cameras.frames,
        'loaded_from_s': (neighbour.started_ns - run.only.stamps_ns[0]) / 1e9,
        'loaded_to_s': (neighbour.stopped_ns - run.only.stamps_ns[0]) / 1e9,
        'steps': [[(at - run.only.stamps_ns[0]) / 1e9, what] for at, what in run.steps],
        'stamps_s': [round((s - run.only.stamps_ns[0]) / 1e9, 3) for s in run.only.stamps_ns],
        'ages_ms': [round(age, 2) for age in run.only.ages_ms],
    }


def is_up(step: str) -> bool:
    """Tell whether a step, written as `192x384 to 256x512`, leads to a larger input."""
    origin, target = (
        math.prod(int(side) for side in size.split('x')) for size in step.split(' to ')
    )
    return target > origin


def _step_times(run: Run, neighbour: Neighbour) -> tuple[float | None, float | None]:
    """Return when the first step down came after the load, and the last step up after its end."""
    loaded = neighbour.started_ns, neighbour.stopped_ns
    down = [at for at, what in run.steps if loaded[0] <= at < loaded[1] and not is_up(what)]
    up = [at for at, what in run.steps if at >= loaded[1] and is_up(what)]
    return (
        (down[0] - neighbour.started_ns) / 1e9 if down else None,
        (up[-1] - neighbour.stopped_ns) / 1e9 if up else None,
    )

"""Twice as many images as can be served, for a minute: what is kept, and what it costs.

The floor is the engine in a loop beside the same camera and consumer, before our run and after;
the peer is `naive`. The budget is twice the engine's median while our node serves such a flood,
and one camera period. Ages run from an image's stamp to the return of the publish call, and to
the consumer besides.
"""

import os
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from unet_perception.core.health import Outcome

from .serving import GENEROUS_MS, Cameras, Run, engine_alone, engine_beside, naive, ours, served

THREADS = sorted({1, 2, os.cpu_count() or 1})
TRIAL_S, ALONE_S, FLOOR_S, SECONDS = 6.0, 4.0, 10.0, 60.0
OVERLOAD = 2.0


def measure() -> dict[str, Any]:
    """Return the figures of `overload.json`."""
    with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
        scratch = Path(folder)
        alone = {threads: engine_alone(threads, ALONE_S) for threads in THREADS}
        trials = {threads: _trial(threads, alone[threads], scratch) for threads in THREADS}
        threads = max(trials, key=lambda each: trials[each].only.fps)
        cameras = Cameras(OVERLOAD * trials[threads].only.fps, SECONDS)
        engine_p50_ms = float(trials[threads].diagnostics['latency']['inference_p50_ms'])
        budget_ms = 2 * engine_p50_ms + 1e3 / cameras.rate
        floors = [engine_beside(cameras._replace(seconds=FLOOR_S), threads, scratch)]
        our = served(ours(threads, latency_budget_ms=budget_ms), scratch, cameras)
        floors.append(engine_beside(cameras._replace(seconds=FLOOR_S), threads, scratch))
        other = served(naive(scratch, threads), scratch, cameras)
    return {
        'camera_hz': cameras.rate,
        'seconds': SECONDS,
        'budget_ms': budget_ms,
        'engine_p50_ms': engine_p50_ms,
        'floor': {
            'engine_fps': mean(floor['fps'] for floor in floors),
            'engine_fps_before_and_after': [floor['fps'] for floor in floors],
            'engine_alone_fps': alone[threads]['fps'],
            'engine_threads': threads,
            'ours_fps_by_threads': {str(each): run.only.fps for each, run in trials.items()},
        },
        'ours': {**_figures(our, budget_ms), 'counters': _counters(our)},
        'naive': _figures(other, budget_ms),
    }


def _trial(threads: int, alone: dict[str, float], scratch: Path) -> Run:
    """Serve a camera that always has a newer image, without a budget to speak of."""
    flood = Cameras(1.5 * alone['fps'], TRIAL_S)
    return served(ours(threads, latency_budget_ms=GENEROUS_MS), scratch, flood)


def _figures(run: Run, budget_ms: float) -> dict[str, Any]:
    seen = run.only
    ages = np.array(seen.published_ages_ms)
    p50, p99 = np.percentile(ages, (50, 99))
    return {
        'fps': seen.fps,
        'age_p50_ms': float(p50),
        'age_p99_ms': float(p99),
        'age_max_ms': float(ages.max()),
        'consumer_age_p99_ms': float(np.percentile(seen.ages_ms, 99)),
        'within_budget_ratio': float((ages <= budget_ms).mean()),
        'overruns': int((ages > budget_ms).sum()),
        'masks': len(seen.stamps_ns),
        'ages_ms': [round(float(age), 2) for age in ages],
    }


def _counters(run: Run) -> dict[str, int]:
    """Return how our node's frames ended, the overruns besides."""
    ends = {outcome.value: int(run.diagnostics['input'][outcome.value]) for outcome in Outcome}
    return {**ends, 'overruns': int(run.diagnostics['latency']['overruns'])}

"""Twice as many images as can be served, for a minute: what is kept, and what it costs.

The floor is the engine in a loop beside the same camera and consumer; the peer is `naive`. Ages
run from an image's stamp to the return of the publish call, and to the consumer besides.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from .serving import GENEROUS_MS, Cameras, Run, engine_alone, engine_beside, naive, ours, served

THREADS = sorted({1, 2, os.cpu_count() or 1})
TRIAL_S, ALONE_S, FLOOR_S, SECONDS = 6.0, 4.0, 15.0, 60.0
OVERLOAD = 2.0


def measure() -> dict[str, Any]:
    """Return the figures of `overload.json`."""
    with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
        scratch = Path(folder)
        alone = {threads: engine_alone(threads, ALONE_S) for threads in THREADS}
        capacity = {threads: _capacity(threads, alone[threads], scratch) for threads in THREADS}
        threads = max(capacity, key=lambda each: capacity[each])
        cameras = Cameras(OVERLOAD * capacity[threads], SECONDS)
        floor = engine_beside(cameras._replace(seconds=FLOOR_S), threads, scratch)
        budget_ms = 2 * floor['p50_ms'] + 1e3 / cameras.rate
        our = served(ours(threads, latency_budget_ms=budget_ms), scratch, cameras)
        other = served(naive(scratch, threads), scratch, cameras)
    return {
        'camera_hz': cameras.rate,
        'seconds': SECONDS,
        'budget_ms': budget_ms,
        'floor': {
            'engine_fps': floor['fps'],
            'engine_p50_ms': floor['p50_ms'],
            'engine_alone_fps': alone[threads]['fps'],
            'engine_threads': threads,
            'capacity_hz_by_threads': {str(key): value for key, value in capacity.items()},
        },
        'ours': {**_figures(our, budget_ms), 'overruns_counted': _overruns_counted(our)},
        'naive': _figures(other, budget_ms),
    }


def _capacity(threads: int, alone: dict[str, float], scratch: Path) -> float:
    """Return the masks/s of our node when there is always a newer image."""
    flood = Cameras(1.5 * alone['fps'], TRIAL_S)
    return served(ours(threads, latency_budget_ms=GENEROUS_MS), scratch, flood).only.fps


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


def _overruns_counted(run: Run) -> int:
    """Return the overruns of our node's own counter, from its first mask on."""
    return int(run.diagnostics['latency']['overruns'])

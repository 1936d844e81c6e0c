"""What everything around the engine costs, beside the node that a tutorial would build.

The peer (`naive`) and our node serve the same camera and consumer, one after the other, at 0.7
and 1.3 times the rate that the peer can keep up with. Ages are those that the consumer sees:
from the image's stamp to the moment when confidence and mask are both there.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from .serving import HEIGHT, WIDTH, Cameras, Run, engine_alone, naive, ours, served, the_model

LOADS = (0.7, 1.3)
SECONDS = 12.0
FLOOD, FLOOD_S = 1.5, 8.0
"""So many times as many images as the engine alone can take."""
CAPACITY_RUNS = 3
ALONE_S = 4.0
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


def measure(threads: int) -> dict[str, Any]:
    """Return the figures of `overhead.json` for a number of engine threads."""
    manifest = the_model().manifest
    with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
        scratch = Path(folder)
        nodes = {'naive': naive(scratch, threads), 'ours': ours(threads)}
        flood = Cameras(FLOOD * engine_alone(threads, ALONE_S)['fps'], FLOOD_S)
        capacity_hz = max(
            served(nodes['naive'], scratch, flood).only.fps for _ in range(CAPACITY_RUNS)
        )  # neighbours of this machine only ever take from it
        loads = {
            str(load): _compared(nodes, scratch, Cameras(load * capacity_hz, SECONDS))
            for load in LOADS
        }
    return {
        'model': f'{manifest.name} {manifest.version}',
        'width': WIDTH,
        'height': HEIGHT,
        'engine_threads': threads,
        'naive_capacity_hz': capacity_hz,
        'loads': loads,
    }


def _compared(nodes: Mapping[str, list[str]], scratch: Path, cameras: Cameras) -> dict[str, Any]:
    other, our = (served(nodes[name], scratch, cameras) for name in ('naive', 'ours'))
    latency = our.diagnostics['latency']
    return {
        'rate_hz': cameras.rate,
        'frames': cameras.frames,
        'engine_p50_ms': float(latency['inference_p50_ms']),
        **{f'ours_{key}': value for key, value in _figures(our).items()},
        **{f'naive_{key}': value for key, value in _figures(other).items()},
        'ours_stages_p50_ms': {name: float(latency[f'{name}_p50_ms']) for name in STAGES},
        'ours_ages_ms': [round(age, 2) for age in our.only.ages_ms],
        'naive_ages_ms': [round(age, 2) for age in other.only.ages_ms],
    }


def _figures(run: Run) -> dict[str, float]:
    p50, p95, p99 = (float(value) for value in np.percentile(run.only.ages_ms, (50, 95, 99)))
    return {
        'p50_ms': p50,
        'p95_ms': p95,
        'p99_ms': p99,
        'masks': len(run.only.ages_ms),
        'rss_mb': run.rss_mb,
    }

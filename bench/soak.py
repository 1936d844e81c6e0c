"""Thousands of frames: whether memory grows, or threads, or handles, or the age of masks.

`SOAK=full` plays 20,000 frames instead of 3,000; below 10,000 nothing is judged.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from unet_perception.core.memory import resident_mb

from .serving import Cameras, ours, served

FRAMES, FULL, LEAST_JUDGED = 3_000, 20_000, 10_000
HZ = 50.0
SETTLED_S = 15.0
"""After so long caches are full; what comes then is growth."""


class Look(NamedTuple):
    """What the node's process holds at a moment."""

    seconds: float
    memory_kb: float
    threads: int
    handles: int


def measure() -> dict[str, Any]:
    """Return the figures of `soak.json`."""
    frames = FULL if os.environ.get('SOAK') == 'full' else FRAMES
    looks: list[Look] = []

    def look(pid: int, seconds: float) -> None:
        process = Path(f'/proc/{pid}')
        if seconds >= SETTLED_S:
            threads, handles = (len(list((process / name).iterdir())) for name in ('task', 'fd'))
            looks.append(Look(seconds, resident_mb(pid) * 1e3, threads, handles))

    with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
        run = served(ours(0), Path(folder), Cameras(HZ, frames / HZ), look)
    ages = np.array(run.only.published_ages_ms)
    tenth = len(ages) // 10
    while_playing = [each for each in looks if each.seconds < frames / HZ]
    first, last = while_playing[0], while_playing[-1]
    return {
        'frames': frames,
        'masks': len(run.only.stamps_ns),
        'camera_hz': HZ,
        'memory_slope_kb_per_1000': _slope(while_playing) / HZ * 1000,
        'memory_kb': [first.memory_kb, last.memory_kb],
        'threads': [first.threads, last.threads],
        'handles': [first.handles, last.handles],
        'p99_first_tenth_ms': float(np.percentile(ages[:tenth], 99)),
        'p99_last_tenth_ms': float(np.percentile(ages[-tenth:], 99)),
        'judged': frames >= LEAST_JUDGED,
    }


def _slope(looks: list[Look]) -> float:
    """Return the growth of memory by least squares, kB/s."""
    seconds, memory = ([each[k] for each in looks] for k in (0, 1))
    return float(np.polyfit(seconds, memory, 1)[0])

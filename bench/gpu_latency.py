"""How long an inference takes, and how TensorRT's own tool times the same plan.

Knows an engine's public face and the lines that trtexec prints; not what is inferred.
"""

from collections.abc import Sequence
from pathlib import Path
import re
import shutil
import subprocess
from time import perf_counter_ns
from typing import Any

import numpy as np

from unet_perception.core.engine import Engine
from unet_perception.core.frame import U8

JETSON_TRTEXEC = Path('/usr/src/tensorrt/bin/trtexec')
WARM_UP_SHARE = 10
TRTEXEC_S = 300.0
LINES = {'latency': 'Latency', 'gpu_compute': 'GPU Compute Time'}
"""What trtexec calls the time of a run with its copies, and without."""


def latency(engine: Engine, image: U8, runs: int) -> dict[str, dict[str, float]]:
    """Time `runs` inferences of an image (1, H, W, 3), ms: the whole call, and the GPU's part."""
    for _ in range(runs // WARM_UP_SHARE):
        engine.infer(image)
    whole, run = np.zeros(runs), np.zeros(runs)
    for k in range(runs):
        begin = perf_counter_ns()
        run[k] = engine.infer(image).times.run_ns
        whole[k] = perf_counter_ns() - begin
    return {'infer_ms': percentiles(whole / 1e6), 'run_ms': percentiles(run / 1e6)}


def percentiles(values: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Return p50, p95, p99 and the most."""
    shares = {'p50': 50, 'p95': 95, 'p99': 99, 'max': 100}
    return {name: float(np.percentile(values, share)) for name, share in shares.items()}


def find_trtexec() -> str | None:
    """Return where trtexec is; None if it is not installed."""
    on_jetson = str(JETSON_TRTEXEC) if JETSON_TRTEXEC.is_file() else None
    return shutil.which('trtexec') or on_jetson


def trtexec(tool: str, plan: Path, runs: int) -> dict[str, dict[str, float]] | str:
    """Let trtexec time a plan by CUDA graph, ms; a sentence if it can't, which proves nothing.

    It may be of another version than the library that built the plan.
    """
    command = [tool, f'--loadEngine={plan}', f'--iterations={runs}', '--useCudaGraph']
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TRTEXEC_S, check=False
        )
        return times_told(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as exc:
        return f'not measured: {exc}'


def times_told(output: str) -> dict[str, dict[str, float]]:
    """Return p50 and p99 that trtexec printed, ms; ValueError, with its errors, if it did not."""
    found: dict[str, Any] = {key: _times_in(output, name) for key, name in LINES.items()}
    if None in found.values():
        errors = [line for line in output.splitlines() if '[E]' in line]
        raise ValueError(f'trtexec told no times: {"; ".join(errors[-3:]) or "and no error"}')
    return found


def _times_in(output: str, name: str) -> dict[str, float] | None:
    number = r'= ([\d.]+) ms'
    line = re.search(rf'\[I\] {name}: .*median {number}.*percentile\(99%\) {number}', output)
    return {'p50': float(line[1]), 'p99': float(line[2])} if line else None

"""What each precision costs on the CPU: the files of the shipped models, in turns.

All files of a model at its best size run on one image after the other on one thread, so a busy
machine slows them alike; what counts is the ratio to fp32.
Knows files and engines; not what the masks are worth.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from statistics import median
from typing import Any

import numpy as np

from unet_perception.core.engine import Engine, EngineOptions
from unet_perception.core.golden import golden_of
from unet_perception.core.manifest import Model, model_from_folder
from unet_perception.core.paths import model_folder
from unet_perception.engines import available_engines, open_engine

MODELS = ('lane', 'grasp')
TURNS, WARM_UP = 60, 5


def measure() -> list[dict[str, Any]]:
    """Return a row for each model, backend and precision."""
    models = [model_from_folder(model_folder(name)) for name in MODELS]
    return [
        row for model in models for backend in available_engines() for row in _rows(model, backend)
    ]


def _rows(model: Model, backend: str) -> list[dict[str, Any]]:
    """Time the precisions of one model on one backend."""
    point = model.manifest.best_first[0]
    image = golden_of(model, point).image[None]
    artifacts = [a for a in model.manifest.artifacts if (a.height, a.width) == point[:2]]
    with ExitStack() as stack:
        engines: Mapping[str, Engine] = {
            a.precision: stack.enter_context(open_engine(backend, model, a, EngineOptions(1)))
            for a in artifacts
        }
        times: dict[str, list[float]] = {precision: [] for precision in engines}
        for turn in range(WARM_UP + TURNS):
            for precision, engine in engines.items():
                taken = engine.infer(image).times.run_ns / 1e6
                times[precision] += [taken] if turn >= WARM_UP else []
    fp32 = median(times['fp32'])
    return [
        {
            'model': model.manifest.name,
            'backend': backend,
            'size': point.name,
            'precision': precision,
            'p50_ms': median(each),
            'p95_ms': float(np.percentile(each, 95)),
            'ratio_to_fp32': median(each) / fp32,
        }
        for precision, each in times.items()
    ]

"""What the pipeline adds to the engine: decode, letterbox, upsampling, argmax.

The floor is the engine alone on the same tensor; both are timed in turns, frame by frame, so a
busy machine slows both alike.
"""

from time import perf_counter_ns
from typing import Any

import cv2
import numpy as np

from unet_perception.core.engine import Engine
from unet_perception.core.frame import frame_from_pixels
from unet_perception.core.manifest import Model, model_from_folder
from unet_perception.core.paths import model_folder
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.engines import available_engines, default_artifact, open_engine

SIZES = ((480, 640), (720, 1280))
FRAMES, WARM_UP = 200, 20


def measure() -> list[dict[str, Any]]:
    """Return a row for each installed backend and camera size."""
    model = model_from_folder(model_folder('lane'))
    artifact, _ = default_artifact(model)
    rows = []
    for backend in available_engines():
        with open_engine(backend, model, artifact) as engine:
            rows += [_row(backend, engine, model, *size) for size in SIZES]
    return rows


def _row(backend: str, engine: Engine, model: Model, height: int, width: int) -> dict[str, Any]:
    """Time pipeline and engine in turns on one noisy picture."""
    rng = np.random.default_rng(0)
    bgr = cv2.resize(rng.integers(0, 256, (12, 16, 3), np.uint8), (width, height))
    frame = frame_from_pixels(bgr, 'bgr8')
    tensor = np.zeros((1, engine.spec.height, engine.spec.width, 3), np.uint8)
    pipeline = SegmentationPipeline(engine, model.manifest.resize)
    whole, floor = [], []
    for _ in range(FRAMES + WARM_UP):
        start = perf_counter_ns()
        pipeline.run(frame)
        middle = perf_counter_ns()
        engine.infer(tensor)
        whole.append((middle - start) / 1e6)
        floor.append((perf_counter_ns() - middle) / 1e6)
    ours, engine_alone = (np.percentile(times[WARM_UP:], (50, 95)) for times in (whole, floor))
    return {
        'backend': backend,
        'width': width,
        'height': height,
        'frames': FRAMES,
        'pipeline_p50_ms': float(ours[0]),
        'pipeline_p95_ms': float(ours[1]),
        'engine_p50_ms': float(engine_alone[0]),
        'engine_p95_ms': float(engine_alone[1]),
        'ratio_p50': float(ours[0] / engine_alone[0]),
    }

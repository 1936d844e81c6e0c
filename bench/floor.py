"""The floor: the engine alone in a loop, the most that any node on it could do.

Arguments: threads, seconds. Prints a JSON object: `fps`, `p50_ms`.
"""

import json
import sys
from time import monotonic, perf_counter

import numpy as np

from unet_perception.core.engine import EngineOptions
from unet_perception.core.manifest import model_from_folder
from unet_perception.core.paths import model_folder
from unet_perception.engines import default_artifact, open_engine

WARM_UP = 5


def main() -> None:
    """Loop for a while."""
    threads, seconds = int(sys.argv[1]), float(sys.argv[2])
    model = model_from_folder(model_folder('lane'))
    artifact, point = default_artifact(model)
    image, times = np.zeros((1, point.height, point.width, 3), np.uint8), []
    with open_engine('openvino', model, artifact, EngineOptions(threads)) as engine:
        for _ in range(WARM_UP):
            engine.infer(image)
        start = monotonic()
        while monotonic() - start < seconds:
            begin = perf_counter()
            engine.infer(image)
            times.append((perf_counter() - begin) * 1e3)
        fps = len(times) / (monotonic() - start)
    print(json.dumps({'fps': fps, 'p50_ms': float(np.median(times))}))


if __name__ == '__main__':
    main()

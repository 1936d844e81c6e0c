"""One, two and four cameras on one engine, together twice as fast as it can serve.

The floor is the engine in a loop beside the same cameras and consumer, before and after.
"""

from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from .serving import GENEROUS_MS, Cameras, engine_alone, engine_beside, ours, served

COUNTS = (1, 2, 4)
SECONDS, FLOOR_S, TRIAL_S, ALONE_S = 12.0, 6.0, 6.0, 4.0
OVERLOAD, FLOOD = 2.0, 1.5


def measure(threads: int) -> dict[str, Any]:
    """Return the figures of `cameras.json`."""
    with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
        scratch = Path(folder)
        command = ours(threads, latency_budget_ms=GENEROUS_MS)
        flood = Cameras(FLOOD * engine_alone(threads, ALONE_S)['fps'], TRIAL_S)
        rate = OVERLOAD * served(command, scratch, flood).only.fps
        rows = {str(count): _row(count, rate, threads, scratch) for count in COUNTS}
    return {'camera_hz': rate, 'engine_threads': threads, **rows}


def _row(count: int, rate: float, threads: int, scratch: Path) -> dict[str, Any]:
    names = tuple(f'camera{k}' for k in range(count)) if count > 1 else ('',)
    floor_cameras = Cameras(rate, FLOOR_S, names)
    floors = [engine_beside(floor_cameras, threads, scratch)]
    wish = {'cameras': f'[{", ".join(names)}]'} if count > 1 else {}
    command = ours(threads, latency_budget_ms=GENEROUS_MS, **wish)
    run = served(command, scratch, Cameras(rate, SECONDS, names))
    floors.append(engine_beside(floor_cameras, threads, scratch))
    fps = [seen.fps for seen in run.cameras.values()]
    engine_fps = mean(floor['fps'] for floor in floors)
    return {
        'total_share': sum(fps) / engine_fps,
        'worst_camera_share': min(fps) / (sum(fps) / count),
        'fps': fps,
        'floor': {
            'engine_fps': engine_fps,
            'engine_fps_before_and_after': [floor['fps'] for floor in floors],
        },
    }

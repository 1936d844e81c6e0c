"""What our Python takes of one TensorRT inference, on libraries that do nothing.

Three engines and the floor, one copy of the image into memory of its size, take turns: a busy
machine slows them alike. Knows the engine's public face; nothing of a GPU.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from time import perf_counter_ns
import tracemalloc
from typing import Any, NamedTuple

import numpy as np

from unet_perception.core.engine import Engine, EngineSpec

from .noop_gpu import no_op_engine

HEIGHT, WIDTH, CLASSES = 256, 512, 3
RUNS, TRACED_RUNS, WARM_UP = 5_000, 1_000, 100
LEAST_ARRAY = 4096
FLOOR = 'floor'


class Way(NamedTuple):
    """How the engine runs: what kind of GPU it meets, and what its facts must say then."""

    is_integrated: bool
    can_capture: bool
    memory: str
    graph: str


WAYS = {
    'copied_graph': Way(False, True, 'copied', 'yes'),
    'copied': Way(False, False, 'copied', 'no'),
    'mapped_graph': Way(True, True, 'mapped', 'yes'),
}


def measure(runs: int = RUNS, traced_runs: int = TRACED_RUNS) -> dict[str, Any]:
    """Return the figures of `trt_overhead.json`: `p50_us` and `p99_us` of the slowest way.

    Of each way `p50_us` and `p99_us` of a whole `infer`, its `ratio` to the floor's p50, and
    `arrays_over_4kb`, in how many of `traced_runs` runs so much memory was taken at once.
    """
    spec = EngineSpec('tensorrt', 'no-op', 'fp32', HEIGHT, WIDTH, CLASSES)
    image = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), dtype=np.uint8)
    with ExitStack() as stack:
        engines = {name: stack.enter_context(_opened(spec, way)) for name, way in WAYS.items()}
        times = _times_us(engines, image, runs)
        arrays = {
            name: large_allocations(partial(engine.infer, image), traced_runs)
            for name, engine in engines.items()
        }
    floor = float(np.median(times[FLOOR]))
    ways = {
        name: {**_figures(times[name], floor), 'arrays_over_4kb': arrays[name]} for name in WAYS
    }
    return {
        'width': WIDTH,
        'height': HEIGHT,
        'classes': CLASSES,
        'runs': runs,
        'traced_runs': traced_runs,
        'floor_p50_us': floor,
        **{key: max(way[key] for way in ways.values()) for key in ('p50_us', 'p99_us')},
        **ways,
    }


def large_allocations(act: Callable[[], object], runs: int) -> int:
    """Count the runs of `act` that hold 4 kB or more besides at any moment, as NumPy reports."""
    for _ in range(WARM_UP):
        act()
    tracemalloc.start()
    try:
        return sum(_peak_of(act) >= LEAST_ARRAY for _ in range(runs))
    finally:
        tracemalloc.stop()


def _opened(spec: EngineSpec, way: Way) -> Engine:
    engine = no_op_engine(spec, is_integrated=way.is_integrated, can_capture=way.can_capture)
    facts = engine.facts
    assert (facts['memory'], facts['cuda_graph'].partition(':')[0]) == way[2:], facts
    return engine


def _times_us(engines: Mapping[str, Engine], image: Any, runs: int) -> dict[str, list[float]]:
    """Time every engine and the floor in turns."""
    copy = np.zeros_like(image)
    acts: dict[str, Callable[[], object]] = {
        FLOOR: partial(np.copyto, copy, image),
        **{name: partial(engine.infer, image) for name, engine in engines.items()},
    }
    times: dict[str, list[float]] = {name: [] for name in acts}
    for turn in range(WARM_UP + runs):
        for name, act in acts.items():
            begin = perf_counter_ns()
            act()
            taken = (perf_counter_ns() - begin) / 1e3
            times[name] += [taken] if turn >= WARM_UP else []
    return times


def _figures(times: list[float], floor: float) -> dict[str, float]:
    p50, p99 = (float(value) for value in np.percentile(times, (50, 99)))
    return {'p50_us': p50, 'p99_us': p99, 'ratio': p50 / floor}


def _peak_of(act: Callable[[], object]) -> int:
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    act()
    return tracemalloc.get_traced_memory()[1] - before

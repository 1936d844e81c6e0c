"""`make bench [ONLY="overload cameras"]`: measure, write JSON to out/bench/, print one table."""

from collections.abc import Callable
import json
import os
from pathlib import Path
from subprocess import SubprocessError
import sys
from time import monotonic
from typing import Any, NamedTuple

from . import (
    cameras,
    ladder,
    messages,
    overhead,
    overload,
    pipeline,
    precision,
    soak,
    start,
    transport,
    trt_overhead,
)
from .aims import table

OUT = Path('out') / 'bench'
CORES = os.cpu_count() or 1
THREADS, FEWER = min(2, CORES), max(1, CORES - 1)
"""Engine threads; fewer leave a core to cameras and consumer, so that the floor is steady."""


class Measurement(NamedTuple):
    """What is measured, and how."""

    doing: str
    measure: Callable[[], Any]
    is_usual: bool = True
    """Whether it is measured without being named."""


MEASUREMENTS = {
    'pipeline': Measurement('pipeline over engine alone, in turns', pipeline.measure),
    'precision': Measurement('fp32, fp16 and int8 of the shipped models', precision.measure),
    'start': Measurement('process start to first mask, cold and warm', start.measure),
    'overhead': Measurement(
        "our node beside a tutorial's, at 0.7 and 1.3 of its capacity",
        lambda: overhead.measure(THREADS),
    ),
    'trt_overhead': Measurement(
        'our Python in one TensorRT inference, on libraries that do nothing', trt_overhead.measure
    ),
    'overload': Measurement('twice as many images as can be served', overload.measure),
    'cameras': Measurement('one, two and four cameras', lambda: cameras.measure(FEWER)),
    'ladder': Measurement(
        'a neighbour takes the processor and gives it back', lambda: ladder.measure(THREADS)
    ),
    'soak': Measurement('thousands of frames (SOAK=full: 20,000)', soak.measure),
    'messages': Measurement('ways of sending and taking an image', messages.measure, False),
    'transport': Measurement('what each transport carries', transport.measure, False),
}


def main(names: list[str]) -> int:
    """Measure and report, the usual ones if none is named; 1 if one failed, 2 if it is unknown."""
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(
            f'no measurement {unknown[0]!r}; there are {", ".join(MEASUREMENTS)}', file=sys.stderr
        )
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    usual = [name for name, measurement in MEASUREMENTS.items() if measurement.is_usual]
    results = {name: _measured(name) for name in names or usual}
    found = {name: result for name, result in results.items() if result is not None}
    print(table(found))
    return 0 if len(found) == len(results) else 1


def _measured(name: str) -> Any:
    """Measure, write the result, and print it if it is rows; None if it failed."""
    measurement, begin = MEASUREMENTS[name], monotonic()
    print(f'{name}: {measurement.doing} … ', end='', flush=True)
    try:
        result = measurement.measure()
    except (
        OSError,
        RuntimeError,
        ValueError,
        SubprocessError,
    ) as exc:  # the others are worth having
        print(f'failed: {exc}', flush=True)
        return None
    file = OUT / f'{name}.json'
    file.write_text(json.dumps(result, indent=2) + '\n')
    print(f'{monotonic() - begin:.0f} s, {file}', flush=True)
    for row in result if isinstance(result, list) else ():
        print('  ' + '  '.join(f'{key} {_text(value)}' for key, value in row.items()))
    return result


def _text(value: object) -> str:
    return f'{value:.2f}' if isinstance(value, float) else str(value)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

"""`make bench [ONLY=overhead]`: run the measurements, write JSON to out/bench/, print tables."""

from collections.abc import Callable
import json
import os
from pathlib import Path
import sys
from typing import Any, NamedTuple

from . import messages, overhead, pipeline, transport

OUT = Path('out') / 'bench'
THREADS = 2


class Measurement(NamedTuple):
    """What is measured, how, and how its result is printed."""

    doing: str
    measure: Callable[[], Any]
    show: Callable[[Any], None]


def _show_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print('  '.join(f'{key} {_text(value)}' for key, value in row.items()))


def _show_overhead(result: dict[str, Any]) -> None:
    for load, row in result['loads'].items():
        print(
            f'load {load}: engine p50 {row["engine_p50_ms"]:.1f} ms; '
            f'ours p50 {row["ours_p50_ms"]:.1f}, p95 {row["ours_p95_ms"]:.1f} ms; '
            f'naive p50 {row["naive_p50_ms"]:.1f}, p95 {row["naive_p95_ms"]:.1f} ms '
            f'({row["naive_p95_ms"] / row["ours_p95_ms"]:.2f}x ours)'
        )


def _text(value: object) -> str:
    return f'{value:.2f}' if isinstance(value, float) else str(value)


MEASUREMENTS = {
    'pipeline': Measurement(
        'pipeline over engine alone, in turns (half a minute)', pipeline.measure, _show_rows
    ),
    'messages': Measurement(
        'ways of sending and taking an image (2 minutes)', messages.measure, _show_rows
    ),
    'transport': Measurement(
        'what each transport carries (2 minutes)', transport.measure, _show_rows
    ),
    'overhead': Measurement(
        "our node beside a tutorial's, at 0.7 and 1.3 of its capacity (2 minutes)",
        lambda: overhead.measure(min(THREADS, os.cpu_count() or 1)),
        _show_overhead,
    ),
}


def main(names: list[str]) -> None:
    """Measure and report; all if none is named."""
    OUT.mkdir(parents=True, exist_ok=True)
    for name in names or MEASUREMENTS:
        measurement = MEASUREMENTS[name]
        print(measurement.doing, flush=True)
        result = measurement.measure()
        file = OUT / f'{name}.json'
        file.write_text(json.dumps(result, indent=2) + '\n')
        measurement.show(result)
        print(file, flush=True)


if __name__ == '__main__':
    main(sys.argv[1:])

"""What each figure is to be, where there is an aim, and whether it is.

Knows results by their names; not how they are measured.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Result = Mapping[str, Any]


class Figure(NamedTuple):
    """A figure made from one measurement's result."""

    measurement: str
    name: str
    value: Callable[[Result], float | None]
    least: float | None = None
    most: float | None = None
    """The aim: at least, or at most, this; neither: the figure is told for what it is."""
    is_judged: Callable[[Result], bool] = bool
    """Whether the result is good enough to be held against the aim."""

    @property
    def aim(self) -> str:
        """The aim in words."""
        if self.least is not None:
            return f'at least {self.least:g}'
        return '' if self.most is None else f'at most {self.most:g}'

    def verdict(self, result: Result) -> str:
        """Tell whether the aim is met."""
        value = self.value(result)
        if not self.aim or value is None:
            return ''
        if not self.is_judged(result):
            return 'not judged'
        is_met = value >= self.least if self.least is not None else value <= (self.most or 0.0)
        return 'yes' if is_met else 'NO'


def _overhead(load: str) -> Callable[[Result], float]:
    return lambda r: r['loads'][load]['naive_p95_ms'] / r['loads'][load]['ours_p95_ms']


def _within(who: str) -> Callable[[Result], float]:
    return lambda r: r[who]['within_budget_ratio']


def _ladder(row: str, key: str) -> Callable[[Result], float | None]:
    return lambda r: r[row][key]


def _trt_us(way: str) -> Callable[[Result], float]:
    return lambda r: r[way]['p50_us']


def _long_enough(result: Result) -> bool:
    return bool(result['judged'])


FIGURES = (
    Figure('start', 'warm start over imports', lambda r: r['warm_s'] / r['imports_s'], most=2.0),
    Figure(
        'overhead',
        'ours p50 over engine p50 at load 0.7, ms',
        lambda r: r['loads']['0.7']['ours_p50_ms'] - r['loads']['0.7']['engine_p50_ms'],
        most=5.0,
    ),
    Figure('overhead', 'naive p95 / ours p95 at load 0.7', _overhead('0.7'), least=1.5),
    Figure('overhead', 'naive p95 / ours p95 at load 1.3', _overhead('1.3'), least=2.5),
    Figure('trt_overhead', 'copied, graph: ours p50, us', _trt_us('copied_graph'), most=150.0),
    Figure('trt_overhead', 'copied, no graph: ours p50, us', _trt_us('copied'), most=150.0),
    Figure('trt_overhead', 'mapped, graph: ours p50, us', _trt_us('mapped_graph'), most=150.0),
    Figure(
        'trt_overhead',
        'runs that take an array over 4 kB',
        lambda r: sum(part['arrays_over_4kb'] for part in r.values() if isinstance(part, dict)),
        most=0.0,
    ),
    Figure('overload', 'ours: masks within budget', _within('ours'), least=0.999),
    Figure('overload', 'naive: masks within budget', _within('naive')),
    Figure(
        'overload',
        'ours: masks/s over engine in a loop',
        lambda r: r['ours']['fps'] / r['floor']['engine_fps'],
        least=0.85,
    ),
    Figure('cameras', 'four: total share', lambda r: r['4']['total_share'], least=0.85),
    Figure(
        'cameras', 'four: worst camera share', lambda r: r['4']['worst_camera_share'], least=0.8
    ),
    Figure('ladder', 'step down after, s', _ladder('with', 'step_down_s')),
    Figure('ladder', 'step up after, s', _ladder('with', 'step_up_s')),
    Figure('ladder', 'with: masks of images', _ladder('with', 'masks_share')),
    Figure('ladder', 'without: masks of images', _ladder('without', 'masks_share')),
    Figure('ladder', 'with: masks within budget', _ladder('with', 'within_budget_ratio')),
    Figure('ladder', 'without: masks within budget', _ladder('without', 'within_budget_ratio')),
    Figure(
        'soak',
        'memory, kB per 1,000 frames',
        lambda r: r['memory_slope_kb_per_1000'],
        most=50.0,
        is_judged=_long_enough,
    ),
    Figure(
        'soak',
        'threads and handles gained or lost',
        lambda r: max(abs(r[name][1] - r[name][0]) for name in ('threads', 'handles')),
        most=0.0,
        is_judged=_long_enough,
    ),
    Figure(
        'soak',
        'p99 of the last tenth over the first',
        lambda r: r['p99_last_tenth_ms'] / r['p99_first_tenth_ms'],
        most=1.2,
        is_judged=_long_enough,
    ),
)


def table(results: Mapping[str, Result]) -> str:
    """Return a line for each figure of the measurements there are."""
    rows = [('measurement', 'figure', 'value', 'aim', 'met')]
    for figure in FIGURES:
        if figure.measurement in results:
            result = results[figure.measurement]
            value = figure.value(result)
            text = 'never' if value is None else f'{value:.3f}'
            verdict = figure.verdict(result)
            rows.append((figure.measurement, figure.name, text, figure.aim, verdict))
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    return '\n'.join(
        '  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )

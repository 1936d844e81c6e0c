"""The demo's report: how many frames came back as masks, how they look, how long it took.

Knows the demo's summary and what its consumer saw; not how either was measured.
"""

from collections.abc import Iterator, Mapping, Sequence
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.frame import U8
from . import page, plots
from .page import Html


class DemoTrace(NamedTuple):
    """What the consumer saw, one entry per mask received."""

    arrived_s: NDArray[np.float64]  # (N,) since the first image was sent
    latency_ms: NDArray[np.float64]  # (N,) image stamp to the mask at the consumer


class Still(NamedTuple):
    """A picture worth looking at."""

    caption: str
    bgr: U8  # (H, W, 3)


PERCENTILES = ('p50', 'p95', 'p99', 'max')

COUNTERS = {
    'published': 'left the node as masks',
    'displaced': 'gave way to a newer frame while waiting',
    'stale': 'would have been late, so no work was done on them',
    'late': 'were segmented too late to be published',
    'malformed': 'could not be decoded',
    'failed': 'could not be segmented',
    'gated': 'arrived while the node was not active',
}
"""What became of a frame, by the name of its counter; reads on from a number."""

UNEXPLAINED, COUNTED_TWICE = "can't be accounted for", 'were counted twice'

MEANING = (
    'Latency runs from the stamp of an image to the moment when the consumer holds the mask that '
    'was made of it. It therefore contains the way to the node, the wait for the engine, every '
    'stage below and the way back.'
)


def write_demo_report(
    file: Path, summary: Mapping[str, Any], trace: DemoTrace, stills: Sequence[Still]
) -> None:
    """Write the report as one self-contained page; RequestError if it can't be written."""
    parts = (
        _heading(summary),
        *_stills(stills),
        *_figures(summary),
        *_latency(summary, trace),
        *_stages(summary),
        *_shares(summary),
        *_counters(summary),
    )
    page.write_page(file, page.page('Demo report', *parts))


def headline(summary: Mapping[str, Any]) -> str:
    """Say in one sentence how the run went."""
    sent, back = summary['frames_sent'], summary['masks_received']
    if not sent:
        return 'No frame was sent, so there is nothing to report'
    if not back:
        return f'None of {_frames(sent)} came back as a mask'
    start = f'{back} of {_frames(sent)} came back as masks'
    if summary['offline_equal'] is None:
        return f'{start}; they were not compared with the offline pipeline'
    if summary['offline_equal']:
        return f'{start}, each equal bit for bit to the offline pipeline'
    return f'{start}, but not all equal the masks of the offline pipeline'


def losses(summary: Mapping[str, Any]) -> dict[str, int]:
    """Count the frames that did not come back by what became of them; empty if all did."""
    back = summary['masks_received']
    ends = {'never reached the node': summary['lost_in_transport']}
    for name, count in summary['counters'].items():
        if name != 'published':
            ends[COUNTERS.get(name, f'counted as {name}')] = count
    ends['left the node but never reached the consumer'] = summary['masks_published'] - back
    rest = summary['frames_sent'] - back - sum(ends.values())
    ends |= {UNEXPLAINED: max(rest, 0), COUNTED_TWICE: max(-rest, 0)}
    return {end: count for end, count in ends.items() if count}


def is_alarming(summary: Mapping[str, Any]) -> bool:
    """Tell whether the run shows a fault, rather than a machine that is merely slow."""
    faults = {COUNTERS['malformed'], COUNTERS['failed'], UNEXPLAINED, COUNTED_TWICE}
    few = 2 * summary['masks_received'] < max(summary['frames_sent'], 1)
    return few or summary['offline_equal'] is False or not faults.isdisjoint(losses(summary))


def _heading(summary: Mapping[str, Any]) -> Html:
    over = f'Demo · model {summary["model"]} · {summary["backend"]}'
    ends = ', '.join(f'{count} {end}' for end, count in losses(summary).items())
    details = [f'{ends}.'] if ends else []
    return page.heading(over, headline(summary), *details, alarm=is_alarming(summary))


def _stills(stills: Sequence[Still]) -> Iterator[Html]:
    pictures = [page.picture(plots.jpeg_from_bgr(s.bgr), s.caption) for s in stills]
    if pictures:
        yield page.section('What came back', page.grid(*pictures))


def _figures(summary: Mapping[str, Any]) -> Iterator[Html]:
    sent, back = summary['frames_sent'], summary['masks_received']
    latency, engine = summary['latency_ms'] or {}, summary['engine_ms'] or {}
    rows = (
        ('Masks received', f'{back} of {_frames(sent)}'),
        ('Masks a second', _number(summary['fps'])),
        ('Latency', _durations(latency, PERCENTILES)),
        ('Engine', _durations(engine, ('p50', 'p95'))),
        ('Memory of the node', f'{_number(summary.get("node_rss_mb"))} MB'),
        ('Equal to offline', _answer(summary['offline_equal'])),
    )
    yield page.section('Figures', page.table((), rows, numeric=False))


def _latency(summary: Mapping[str, Any], trace: DemoTrace) -> Iterator[Html]:
    explained = page.paragraph(MEANING)
    if not len(trace.latency_ms):
        nothing = 'No mask was received, so no latency was measured.'
        yield page.section('Latency', page.paragraph(nothing), explained)
        return
    percentiles = summary['latency_ms']
    marks = {name: percentiles[name] for name in ('p50', 'p95')}
    spread = plots.histogram(trace.latency_ms, marks, 'ms', 'latency', 'masks')
    course = plots.timeline(
        trace.arrived_s, trace.latency_ms, 'time since the first image [s]', 'latency [ms]'
    )
    pair = page.grid(
        page.figure(spread, 'How the latencies are spread.'),
        page.figure(course, f'Each dot is {_dot(len(trace.latency_ms))}.'),
    )
    yield page.section('Latency', pair, explained)


def _dot(count: int) -> str:
    few = plots.thinning(count)
    return 'a mask as it reached the consumer' if few == 1 else f'the slowest of {few} masks'


def _stages(summary: Mapping[str, Any]) -> Iterator[Html]:
    stages = {name: times or {} for name, times in (summary['stages_ms'] or {}).items()}
    rows = [plots.Bar(n, t['p50'], t['p95'], _reach(t)) for n, t in stages.items() if _has(t)]
    if not rows:
        nothing = 'No frame was processed, so no stage was timed.'
        yield page.section('Stages', page.paragraph(nothing))
        return
    chart = page.figure(plots.bars(rows, 'duration [ms]'), 'Bars end at p50, whiskers at p95.')
    cells = [(n, *(_number(t.get(p)) for p in PERCENTILES)) for n, t in stages.items()]
    yield page.section('Stages', page.grid(chart, page.table(('ms', *PERCENTILES), cells)))


def _shares(summary: Mapping[str, Any]) -> Iterator[Html]:
    known = [(n, s) for n, s in (summary['class_share'] or {}).items() if _is_known(s)]
    if known:
        yield page.section('Share of the pixels by class', page.shares(known))


def _counters(summary: Mapping[str, Any]) -> Iterator[Html]:
    counters = summary['counters']
    said = (
        f'{_frames(summary["frames_received"])} reached the node. Each ends in exactly one of '
        f'these counters, which add up to {sum(counters.values())}.'
    )
    rows = [(_named(name), f'{count}') for name, count in counters.items()]
    listed = page.table(('counter', 'frames'), rows)
    yield page.section('Where the frames ended', listed, page.paragraph(said))


def _named(counter: str) -> str:
    return f'{counter}: {COUNTERS[counter]}' if counter in COUNTERS else counter


def _frames(count: int) -> str:
    return '1 frame' if count == 1 else f'{count} frames'


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _has(times: Mapping[str, float | None]) -> bool:
    return all(_is_known(times.get(p)) for p in ('p50', 'p95'))


def _reach(times: Mapping[str, float]) -> str:
    return f'{_number(times["p50"])} to {_number(times["p95"])}'


def _number(value: float | None) -> str:
    """Write a number with about three digits; what was not measured is n/a, never 0."""
    if value is None or not math.isfinite(value):
        return 'n/a'
    return f'{value:.2f}' if value < 10 else f'{value:.1f}'


def _durations(times: Mapping[str, float | None], names: Sequence[str]) -> str:
    if not any(_is_known(times.get(name)) for name in names):
        return 'n/a'
    return ', '.join(f'{name}\N{NO-BREAK SPACE}{_ms(times.get(name))}' for name in names)


def _ms(value: float | None) -> str:
    return f'{_number(value)}\N{NO-BREAK SPACE}ms'


def _answer(value: bool | None) -> str:
    return {True: 'yes, bit for bit', False: 'no', None: 'not compared'}[value]

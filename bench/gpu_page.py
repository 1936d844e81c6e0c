"""The acceptance's figures as one HTML page to send in.

Knows the JSON of `gpu_acceptance` and the report's parts of a page; measures nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from unet_perception.report.page import (
    Html,
    element,
    figure,
    grid,
    heading,
    page,
    paragraph,
    section,
    table,
    text,
)
from unet_perception.report.plots import Bar, bars, timeline

Result = Mapping[str, Any]
DRY_TITLE = 'DRY RUN ON A FAKE: SAYS NOTHING ABOUT A GPU'
NONE = '–'
_PERCENTILES = ('p50', 'p95', 'p99', 'max')


def acceptance_page(result: Result) -> Html:
    """Return the page; an acceptance that broke off shows what there is."""
    parts = (_problems, _machine, _artifacts, _latency, _node, _soak, _reload)
    return page('GPU acceptance', _heading(result), *(part(result) for part in parts))


def verdict(result: Result) -> str:
    """Say in one line how it went."""
    if result['passed']:
        return 'passed: everything that was tried'
    count = len(result['problems'])
    return f'failed: {count} problem{"s" * (count != 1)}'


def _heading(result: Result) -> Html:
    facts, told = result['machine'], verdict(result)
    machine = facts.get('gpu', 'an unknown GPU')
    titles = [DRY_TITLE, told, machine] if result['is_dry'] else [f'{told}, on {machine}']
    details = [f'{facts.get("package", "")}, {result["began"]}']
    alarm = result['is_dry'] or not result['passed']
    return heading('unet_perception: GPU acceptance', *titles, *details, alarm=alarm)


def _problems(result: Result) -> Html:
    problems = result['problems']
    items = (element('li', text(problem)) for problem in problems)
    return section('What failed', element('ul', *items) if problems else paragraph('Nothing.'))


def _machine(result: Result) -> Html:
    rows = list(result['machine'].items())
    return section('Machine', table((), rows, numeric=False))


def _artifacts(result: Result) -> Html:
    header = ('file', 'opened first, s', 'again, s', 'plan, MB', 'least golden IoU', 'at least',
              'apart, of 255', 'GPU, MB', 'memory', 'CUDA graph')  # fmt: skip
    rows = [
        (
            _name(row),
            _number(row.get('open_s')),
            _number(row.get('reopen_s')),
            _number(row.get('plan_mb')),
            _number(min(row['golden_iou']) if 'golden_iou' in row else None, 4),
            _number(row['least_iou']),
            _number(row.get('difference'), 0),
            _number(_gpu_mb(row)),
            row.get('facts', {}).get('memory', NONE),
            row.get('facts', {}).get('cuda_graph', NONE).partition(':')[0],
        )
        for row in result['artifacts']
    ]
    return section('Files: built, proved, opened again', table(header, rows))


def _latency(result: Result) -> Html:
    header = ('ms', 'p50', 'p95', 'p99', 'most', 'on the GPU', 'no graph: p50', 'p99',
              'trtexec: p50', 'p99', 'its GPU time')  # fmt: skip
    rows = [
        (
            _name(row),
            *(_number(_at(row, 'with_graph', 'infer_ms', k), 3) for k in _PERCENTILES),
            _number(_at(row, 'with_graph', 'run_ms', 'p50'), 3),
            *(_number(_at(row, 'without_graph', 'infer_ms', k), 3) for k in ('p50', 'p99')),
            *(_number(_at(row, 'trtexec', 'latency', k), 3) for k in ('p50', 'p99')),
            _number(_at(row, 'trtexec', 'gpu_compute', 'p50'), 3),
        )
        for row in result['artifacts']
    ]
    told = {row.get('trtexec') for row in result['artifacts'] if _is_text(row.get('trtexec'))}
    note = paragraph(f'trtexec: {"; ".join(sorted(told))}.') if told else Html('')
    plots = grid(*_plots(result['artifacts']))
    return section('Latency of one inference', plots, table(header, rows), note)


def _plots(rows: Sequence[Result]) -> Iterator[Html]:
    """Yield a plot for each model, as far as it was timed."""
    timed = [row for row in rows if 'with_graph' in row]
    for model in dict.fromkeys(row['model'] for row in timed):
        shown = [_bar(row) for row in timed if row['model'] == model]
        yield figure(bars(shown, 'one inference [ms]'), f'{model}, with a graph: p50, and p99')


def _bar(row: Result) -> Bar:
    times = row['with_graph']['infer_ms']
    words = f'{times["p50"]:.2f} / {times["p99"]:.2f}'
    return Bar(_name(row).partition(' ')[2], times['p50'], times['p99'], words)


def _node(result: Result) -> Html:
    if _is_text(result['node']):
        return section('Node, from stamp to mask', paragraph(result['node']))
    header = ('ms', 'p50', 'p95', 'p99', 'most', 'masks/s', 'missed', 'of', 'memory, MB', 'engine')
    rows = [
        (
            f'{row["model"]}, {row["camera"]}',
            *(_number(row['stamp_to_mask_ms'][k]) for k in _PERCENTILES),
            _number(row['fps'], 1),
            str(row['misses']),
            str(row['counted']),
            _number(row['rss_mb'], 0),
            row['engine'].get('backend', NONE),
        )
        for row in result['node']
    ]
    return section('Node, from stamp to mask', table(header, rows))


def _soak(result: Result) -> Html:
    soak = result['soak']
    if not soak:
        return section('Soak', paragraph('Not measured.'))
    header = ('tenth', 'runs', 'p50, ms', 'p99, ms', 'memory, MB', 'GPU, MB', 'hottest, °C')
    rows = [
        (
            str(k + 1),
            str(each['runs']),
            _number(each['p50_ms'], 3),
            _number(each['p99_ms'], 3),
            _number(each['rss_mb'], 1),
            _number(each['gpu_used_mb'], 1),
            _number(max(each['temperatures'].values(), default=None), 1),
        )
        for k, each in enumerate(soak['tenths'])
    ]
    told = (
        f'{soak["file"]}: {soak["runs"]} inferences in {soak["seconds"]:.0f} s, '
        f'{len(soak["failures"])} failed; p50 of the last tenth over the first '
        f'{_number(soak["drift"])}; memory grew by {soak["rss_growth_mb"]:.1f} MB. '
        f'Memory of the GPU is that of all processes.'
    )
    beside = grid(*_timeline(soak), table(header, rows))
    return section('Soak', paragraph(told), beside)


def _timeline(soak: Result) -> list[Html]:
    step = soak['seconds'] / len(soak['tenths'])
    seen = [((k + 1) * step, t['p50_ms']) for k, t in enumerate(soak['tenths']) if t['runs']]
    if not seen:
        return []
    seconds, values = (np.array(each, float) for each in zip(*seen, strict=True))
    plot = timeline(seconds, values, 'time [s]', 'p50 [ms]')
    return [figure(plot, 'p50 of each tenth of the soak')]


def _reload(result: Result) -> Html:
    rows = [(name.replace('_', ' '), _words(value)) for name, value in result['reload'].items()]
    body = table((), rows, numeric=False) if rows else paragraph('Not measured.')
    return section('Plans that are kept', body)


def _name(row: Result) -> str:
    size = f'{row["height"]}x{row["width"]}'
    return f'{row["model"]} {row["precision"]} {size} {row["io"]}'


def _gpu_mb(row: Result) -> float | None:
    """Return how much more the GPU held once the engine was open."""
    pair = [row.get(when, {}).get('gpu_used_mb') for when in ('memory_before', 'memory_open')]
    return None if None in pair else pair[1] - pair[0]


def _at(row: Result, *keys: str) -> Any:
    """Look a value up, some of whose parents may be missing or a sentence."""
    value: Any = row
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _words(value: object) -> str:
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float | None, digits: int = 2) -> str:
    return NONE if value is None else f'{value:.{digits}f}'

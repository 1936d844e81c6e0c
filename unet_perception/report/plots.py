"""Numbers as plots and pixels as files that a page can carry.

Knows values, axes and bytes; not what they mean. Plots are SVG in the page's own colours and
font, so they follow it from light to dark; equal data give equal bytes.
"""

from collections.abc import Callable, Mapping, Sequence
import io
import math
import re
from typing import Any, NamedTuple

import cv2
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
import numpy as np
from numpy.typing import NDArray

from ..core.frame import U8
from .page import Html, element

F64 = NDArray[np.float64]

INK, MUTED, RULE, ACCENT, SOFT, MARK = (f'#0{k}0{k}0{k}' for k in range(1, 7))
COLORS = {
    INK: 'var(--ink)',
    MUTED: 'var(--muted)',
    RULE: 'var(--rule)',
    ACCENT: 'var(--accent)',
    SOFT: 'var(--soft)',
    MARK: 'var(--mark)',
}
"""What we draw with, and the page's colour that takes its place in the SVG."""

WIDTH_IN, POINTS = 5.0, 72
MAX_DOTS = 2000
MAX_JPEG_BYTES = 150_000
JPEG_SIDES, JPEG_QUALITIES = (960, 640, 320), (88, 78, 65)


class Bar(NamedTuple):
    """A named bar with a whisker up to `reach`, and the words at its end."""

    name: str
    value: float
    reach: float
    words: str


def histogram(values: F64, marks: Mapping[str, float], unit: str, axis: str, count: str) -> Html:
    """Plot how often values occur, zero included; `marks` are vertical lines in `unit`.

    Values far beyond the highest mark would squeeze the rest: they are counted in words.
    """
    most, tail = float(values.max()), float(np.percentile(values, 95))
    lowest = min(0.0, float(values.min()))
    highest = max([*marks.values(), min(most, 1.5 * tail), 1e-6]) * 1.06
    beyond = int((values > highest).sum())

    def draw(axes: Axes) -> None:
        axes.hist(values, bins=48, range=(lowest, highest), color=SOFT)
        axes.set(xlim=(lowest, highest), xlabel=f'{axis} [{unit}]', ylabel=count)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        for k, (name, at) in enumerate(marks.items()):
            _mark(axes, at, f'{name}\n{at:.1f} {unit}', is_last=k == len(marks) - 1)
        if beyond:
            note = f'{beyond} above\n{highest:.0f} {unit}'
            axes.text(0.99, 0.95, note, ha='right', va='top', transform=axes.transAxes)

    return _svg(draw, f'histogram of {axis}', 2.7)


def _mark(axes: Axes, at: float, words: str, *, is_last: bool) -> None:
    """Draw a vertical line; the last one's words stand to its right, the others' to the left."""
    axes.axvline(at, color=MARK, linewidth=1.2, linestyle='-' if is_last else '--')
    where = axes.get_xaxis_transform()
    side = 'left' if is_last else 'right'
    axes.text(at, 1.03, words, ha=side, va='bottom', color=MARK, transform=where)


def timeline(seconds: F64, values: F64, x_axis: str, y_axis: str) -> Html:
    """Plot values over time as dots; of very many, the highest of every `thinning`."""
    starts = np.arange(0, len(values), thinning(len(values)))
    highest = np.maximum.reduceat(values, starts)
    top = 1.1 * max(float(highest.max()), 1e-6)

    def draw(axes: Axes) -> None:
        axes.plot(seconds[starts], highest, 'o', color=ACCENT, markersize=2.6, markeredgewidth=0)
        axes.set(xlabel=x_axis, ylabel=y_axis, ylim=(min(0.0, 1.1 * values.min()), top))
        axes.grid(axis='y', color=RULE, linewidth=0.8)

    return _svg(draw, f'{y_axis} over {x_axis}', 2.7)


def thinning(count: int) -> int:
    """Return how many of `count` values share a dot in a timeline."""
    return max(1, math.ceil(count / MAX_DOTS))


def bars(rows: Sequence[Bar], axis: str) -> Html:
    """Plot horizontal bars with whiskers, the first on top."""
    values, ends = [row.value for row in rows], [max(row.value, row.reach) for row in rows]
    whiskers = [0.0] * len(rows), [end - row.value for end, row in zip(ends, rows, strict=True)]

    def draw(axes: Axes) -> None:
        where = range(len(rows))
        style = {'ecolor': MARK, 'capsize': 3, 'elinewidth': 1.2, 'capthick': 1.2}
        axes.barh(where, values, 0.6, color=SOFT, xerr=whiskers, error_kw=style)
        axes.set_yticks(where, [_plain(row.name) for row in rows])
        axes.set(xlabel=axis, xlim=(0.0, 1.45 * max([*ends, 1e-6])))
        axes.invert_yaxis()
        axes.tick_params(axis='y', length=0, labelcolor=INK)
        for k, row in enumerate(rows):
            axes.annotate(_plain(row.words), (ends[k], k), (6, 0), textcoords='offset points',
                          va='center')  # fmt: skip

    return _svg(draw, axis, 0.75 + 0.36 * len(rows))


def reliability(lines: Mapping[str, Sequence[tuple[float, float]]]) -> Html:
    """Plot accuracy over confidence, 0 to 1, the first line faint; on the diagonal it is true."""

    def draw(axes: Axes) -> None:
        axes.plot((0, 1), (0, 1), color=RULE, linewidth=1.0)
        styles = ((SOFT, '--'), (ACCENT, '-'))
        for (name, points), (color, style) in zip(lines.items(), styles, strict=False):
            axes.plot(*zip(*points, strict=True), style, marker='o', color=color, markersize=4,
                      label=_plain(name))  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel='confidence', ylabel='accuracy')
        axes.legend(frameon=False, loc='upper left')

    return _svg(draw, 'accuracy over confidence', 3.4)


def counted(edges: Sequence[float], counts: Sequence[int], axis: str, count: str) -> Html:
    """Plot a histogram that was counted already, as shares of all."""
    shares = np.array(counts) / max(1, sum(counts))

    def draw(axes: Axes) -> None:
        axes.stairs(shares, edges, fill=True, color=SOFT)
        axes.set(xlim=(edges[0], edges[-1]), xlabel=axis, ylabel=count)

    return _svg(draw, f'{count} over {axis}', 2.7)


def _plain(words: str) -> str:
    """Keep matplotlib from reading a dollar sign as mathematics."""
    return words.replace('$', r'\$')


def _svg(draw: Callable[[Axes], None], label: str, height_in: float) -> Html:
    """Draw on fresh axes and return the SVG, ready to stand in a page beside others."""
    out = io.StringIO()
    nothing = dict.fromkeys(('Date', 'Creator', 'Format', 'Type'))
    with mpl.rc_context():
        mpl.rcdefaults()  # a matplotlibrc on this machine must not show in the report
        mpl.rcParams.update(_settings(label))
        figure = Figure((WIDTH_IN, height_in), layout='constrained')
        draw(figure.subplots())
        figure.savefig(out, format='svg', metadata=nothing, transparent=True)
    return _in_page(out.getvalue(), label, height_in)


def _settings(salt: str) -> dict[Any, Any]:
    muted = ('axes.labelcolor', 'xtick.color', 'ytick.color', 'text.color')
    return {
        'svg.fonttype': 'none',
        'svg.hashsalt': salt,
        'font.size': 9.0,
        'axes.edgecolor': RULE,
        'axes.spines.top': False,
        'axes.spines.right': False,
        'axes.axisbelow': True,
        'axes.prop_cycle': f"cycler(color=['{ACCENT}'])",
        **dict.fromkeys(muted, MUTED),
    }


def _in_page(svg: str, label: str, height_in: float) -> Html:
    """Keep what is drawn: no prolog, style or ids of its own, colours by the page's names."""
    start, end = svg.index('>', svg.index('<svg')) + 1, svg.rindex('</svg>')
    drawn = re.sub(r'<style.*?</style>', '', svg[start:end], flags=re.DOTALL)
    drawn = re.sub(r'<g id="[^"]*"', '<g', drawn)  # several plots would share them
    for ours, theirs in COLORS.items():
        drawn = drawn.replace(ours, theirs)
    box = f'0 0 {WIDTH_IN * POINTS:g} {height_in * POINTS:g}'
    return element('svg', Html(drawn), viewBox=box, role='img', **{'aria-label': label})


LIGHT = ('#1c2126', '#626b75', '#dfe2e5', '#2a6fb5', '#a9c8e8', '#b4540a')


def svg_file(plot: Html) -> bytes:
    """Return a plot as a file that stands alone, on white."""
    text = plot.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" '
                        'xmlns:xlink="http://www.w3.org/1999/xlink" '
                        'style="background:#fff;font-family:sans-serif" ', 1)  # fmt: skip
    for name, color in zip(COLORS.values(), LIGHT, strict=True):
        text = text.replace(name, color)
    return text.encode()


def jpeg_from_bgr(bgr: U8, max_bytes: int = MAX_JPEG_BYTES) -> bytes:
    """Encode at the largest size and quality that fit; else at the smallest there is."""
    for side in JPEG_SIDES:
        small = _shrink(bgr, side)
        for quality in JPEG_QUALITIES:
            _, data = cv2.imencode('.jpg', small, (cv2.IMWRITE_JPEG_QUALITY, quality))
            if data.size <= max_bytes:
                return data.tobytes()
    return data.tobytes()


def _shrink(bgr: U8, side: int) -> U8:
    """Bring the longer side down to `side` pixels; smaller images stay as they are."""
    height, width = bgr.shape[:2]
    scale = side / max(height, width)
    if scale >= 1.0:
        return bgr
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small: U8 = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    return small

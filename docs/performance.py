"""Draws the pictures of docs/performance.md from the JSON files in out/bench/: `make docs`.

Knows which figure is shown how; a picture whose measurement is not there stays as it is.
"""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
import numpy as np

from bench.ladder import is_up

SOURCE, TARGET = Path('out') / 'bench', Path(__file__).parent / 'images'
COLORS = {'ours': '#1769aa', 'naive': '#b45309', 'with': '#1769aa', 'without': '#b45309'}
LOADED = {'color': '#00000014', 'label': 'a neighbour takes all cores'}
QUANTILES = np.linspace(0, 100, 201)
MOST_DOTS = 600


def overhead(result: Any) -> Figure:
    """Draw the ages of the masks at the consumer as cumulative shares, a panel per load."""
    figure = Figure((8.0, 3.0), layout='constrained')
    loads = result['loads']
    for axes, (load, row) in zip(figure.subplots(1, len(loads)), loads.items(), strict=True):
        for name in ('ours', 'naive'):
            ages = np.percentile(row[f'{name}_ages_ms'], QUANTILES)
            axes.plot(ages, QUANTILES, color=COLORS[name], label=name)
        axes.axvline(row['engine_p50_ms'], color='grey', linestyle=':', label='engine p50')
        axes.set(title=f"load {load} of the naive node's capacity", xlabel='age of the mask [ms]')
        axes.set(ylabel='share of the masks [%]', xlim=(0, None), ylim=(0, 100))
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    return figure


def overload(result: Any) -> Figure:
    """Draw the ages of the masks when the publish call returned, over the minute."""
    figure = Figure((8.0, 3.0), layout='constrained')
    axes = figure.subplots()
    for name in ('naive', 'ours'):
        ages = np.array(result[name]['ages_ms'])
        seconds = np.linspace(0, result['seconds'], len(ages))
        _dots(axes, seconds, ages, name)
    budget = result['budget_ms']
    axes.axhline(budget, color='black', linewidth=1, label=f'budget {budget:.0f} ms')
    axes.set(xlabel='time [s]', ylabel='age of the mask [ms]', yscale='log')
    axes.grid(alpha=0.3)
    axes.legend(loc='center right')
    return figure


def ladder(result: Any) -> Figure:
    """Draw the ages of the masks at the consumer over time, with the ladder and without."""
    figure = Figure((8.0, 4.5), layout='constrained')
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    for axes, name in zip(panels, ('with', 'without'), strict=True):
        row = result[name]
        _dots(axes, np.array(row['stamps_s']), np.array(row['ages_ms']), name)
        axes.axvspan(row['loaded_from_s'], row['loaded_to_s'], **LOADED)
        axes.axhline(result['budget_ms'], color='black', linewidth=1, label='budget')
        for at, what in row['steps']:
            arrow = '\u25b2' if is_up(what) else '\u25bc'
            axes.annotate(arrow, (at, 0.92), xycoords=('data', 'axes fraction'), ha='center')
        share = row['masks_share']
        axes.set(ylabel='age [ms]', title=f'{name} the ladder: masks of {share:.1%} of the images')
        axes.grid(alpha=0.3)
    panels[1].legend(loc='center', fontsize=8)
    panels[0].set(title=f'{panels[0].get_title()}; \u25bc step down, \u25b2 step up')
    panels[1].set(xlabel='time [s]', ylim=(0, None))
    return figure


def _dots(axes: Axes, seconds: Any, values: Any, name: str) -> None:
    """Draw values as dots; of very many, the highest of each few."""
    starts = np.arange(0, len(values), max(1, len(values) // MOST_DOTS))
    highest = np.maximum.reduceat(values, starts)
    style = {'color': COLORS[name], 'markersize': 2.5, 'markeredgewidth': 0}
    axes.plot(seconds[starts], highest, 'o', label=name, **style)


PICTURES: dict[str, Callable[[Any], Figure]] = {
    'overhead': overhead,
    'overload': overload,
    'ladder': ladder,
}


def main() -> None:
    """Draw what there are measurements of."""
    for name, draw in PICTURES.items():
        source = SOURCE / f'{name}.json'
        if source.is_file():
            figure = draw(json.loads(source.read_text()))
            figure.savefig(TARGET / f'{name}.svg', metadata={'Date': None})


if __name__ == '__main__':
    main()

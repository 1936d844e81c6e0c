"""Draws the picture of docs/performance.md from out/bench/overhead.json.

Ages of the masks at the consumer, ours beside the naive node's, as cumulative shares.
"""

import json
from pathlib import Path

from matplotlib.figure import Figure
import numpy as np

SOURCE = Path('out') / 'bench' / 'overhead.json'
FILE = Path(__file__).parent / 'images' / 'overhead.svg'
COLORS = {'ours': '#1769aa', 'naive': '#b45309'}


def main() -> None:
    """Draw one panel per load."""
    loads = json.loads(SOURCE.read_text())['loads']
    figure = Figure((8.0, 3.0), layout='constrained')
    for axes, (load, row) in zip(figure.subplots(1, len(loads)), loads.items(), strict=True):
        for name, color in COLORS.items():
            ages = np.sort(row[f'{name}_ages_ms'])
            axes.plot(ages, np.linspace(0, 100, len(ages)), color=color, label=name)
        axes.axvline(row['engine_p50_ms'], color='grey', linestyle=':', label='engine p50')
        axes.set(title=f"load {load} of the naive node's capacity", xlabel='age of the mask [ms]')
        axes.set(ylabel='share of the masks [%]', xlim=(0, None), ylim=(0, 100))
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    figure.savefig(FILE, metadata={'Date': None})


if __name__ == '__main__':
    main()

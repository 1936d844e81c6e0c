"""What the sub-commands of `synth` that render have in common.

Knows options and numbers; not what is rendered.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path


def add_rendering_options(parser: argparse.ArgumentParser, size: tuple[int, int]) -> None:
    """Declare where to, how many, from which seed, and of which `size` by default."""
    parser.add_argument('out', metavar='OUT', type=Path, help='a new or empty folder')
    parser.add_argument('--images', type=int, default=1000, help='how many, default: 1000')
    parser.add_argument('--seed', type=int, default=0, help='of everything drawn, default: 0')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        metavar=('HEIGHT', 'WIDTH'),
        default=size,
        help='of the images in pixels, default: {} {}'.format(*size),
    )


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Return what 5, 50 and 95 of 100 values stay below."""
    import numpy as np

    levels = (5, 50, 95)
    found = np.percentile(values, levels)
    return {f'p{k}': round(float(v), 4) for k, v in zip(levels, found, strict=True)}

"""Bodies of vehicles as shares of their length and height: cars, vans, lorries, buses.

Knows a table; not how a body is painted.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Shape(NamedTuple):
    """A body: its side view from the front's foot over the roof, shares of length and height."""

    profile: tuple[tuple[float, float], ...]
    glass: tuple[int, ...]  # which edges of the profile are windows
    belt: float  # share of the height; above, the body is narrower
    taper: float
    windows: tuple[tuple[float, float, float, float], ...]  # of a side: from, to, low, high
    length: tuple[float, float]
    width: tuple[float, float]
    height: tuple[float, float]
    share: float


SHAPES: Mapping[str, Shape] = {
    'saloon': Shape(
        profile=(
            (0, 0.2),
            (0, 0.5),
            (0.04, 0.56),
            (0.27, 0.64),
            (0.4, 0.96),
            (0.5, 1),
            (0.68, 0.97),
            (0.84, 0.68),
            (0.99, 0.64),
            (1, 0.22),
        ),
        glass=(3, 6),
        belt=0.64,
        taper=0.8,
        windows=((0.36, 0.53, 0.66, 0.92), (0.55, 0.75, 0.66, 0.92)),
        length=(4.2, 5.0),
        width=(1.7, 1.9),
        height=(1.38, 1.5),
        share=3,
    ),
    'hatchback': Shape(
        profile=(
            (0, 0.2),
            (0, 0.5),
            (0.05, 0.56),
            (0.24, 0.64),
            (0.4, 0.97),
            (0.5, 1),
            (0.85, 0.96),
            (0.98, 0.64),
            (1, 0.5),
            (1, 0.2),
        ),
        glass=(3, 6),
        belt=0.63,
        taper=0.82,
        windows=((0.34, 0.54, 0.65, 0.92), (0.56, 0.88, 0.65, 0.92)),
        length=(3.5, 4.4),
        width=(1.62, 1.85),
        height=(1.4, 1.6),
        share=4,
    ),
    'offroad': Shape(
        profile=(
            (0, 0.22),
            (0, 0.55),
            (0.04, 0.6),
            (0.26, 0.64),
            (0.36, 0.97),
            (0.42, 1),
            (0.96, 0.98),
            (1, 0.64),
            (1, 0.25),
        ),
        glass=(3, 6),
        belt=0.62,
        taper=0.86,
        windows=((0.32, 0.55, 0.66, 0.92), (0.57, 0.9, 0.66, 0.92)),
        length=(4.2, 5.0),
        width=(1.8, 2.0),
        height=(1.6, 1.9),
        share=3,
    ),
    'van': Shape(
        profile=((0, 0.14), (0, 0.42), (0.1, 0.52), (0.24, 0.94), (0.3, 1), (0.99, 1), (1, 0.15)),
        glass=(2,),
        belt=0.6,
        taper=0.94,
        windows=((0.16, 0.32, 0.52, 0.84),),
        length=(4.8, 6.5),
        width=(1.9, 2.1),
        height=(2.0, 2.7),
        share=1.5,
    ),
    'bus': Shape(
        profile=(
            (0, 0.1),
            (0, 0.42),
            (0.01, 0.95),
            (0.03, 1),
            (0.98, 1),
            (1, 0.9),
            (1, 0.45),
            (1, 0.12),
        ),
        glass=(1, 5),
        belt=0.9,
        taper=0.98,
        windows=((0.03, 0.97, 0.42, 0.82),),
        length=(9, 13),
        width=(2.4, 2.55),
        height=(2.9, 3.3),
        share=0.5,
    ),
    'lorry': Shape(
        profile=((0, 0.14), (0, 0.42), (0.02, 0.78), (0.15, 0.82), (0.2, 1), (1, 1), (1, 0.2)),
        glass=(1,),
        belt=0.9,
        taper=1.0,
        windows=((0.03, 0.12, 0.45, 0.7),),
        length=(7, 14),
        width=(2.4, 2.55),
        height=(3.0, 4.0),
        share=1,
    ),
}

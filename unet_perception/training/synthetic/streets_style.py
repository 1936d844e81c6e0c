"""Kinds of places: what lies and stands beside a road in a town, a suburb, open country.

Knows tables; not how anything is drawn.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..chance import Rng, weighted_index
from .colors import Color
from .streets_surfaces import (
    PAVEMENTS,
    Maker,
    Surface,
    asphalt,
    concrete,
    crops,
    earth_color,
    grass,
    green_color,
    loose,
    near_color,
    paving_color,
    slabs,
)

FAR = 1e6  # metres; the last zone goes on to the horizon


class Zone(NamedTuple):
    """A strip beside the road that ends `until` metres from the road's edge."""

    until: float
    surface: Surface
    is_street: bool = True
    """Whether it bends with the road; fields do not."""


class Style(NamedTuple):
    """How likely what is in a kind of place; the chances are for each side of the road."""

    lanes: tuple[int, int]
    junctions: float
    kerb: float
    pavement: float
    verge: float  # a green strip before or instead of the pavement
    far: Mapping[str, float]  # what lies beyond
    buildings: Mapping[str, float]
    setback: tuple[float, float]  # metres from the pavement to the buildings
    gap: tuple[float, float]  # metres between buildings
    walls: Mapping[str, float]  # along the road
    trees: float
    poles: float
    people: float
    traffic: tuple[int, int]
    parked: float
    lots: float  # cars side by side, off the road


STYLES: dict[str, Style] = {
    'city': Style(
        lanes=(1, 6),
        junctions=0.42,
        kerb=0.9,
        pavement=0.97,
        verge=0.12,
        far={'paved': 6, 'asphalt': 2, 'grass': 2, 'loose': 0.5},
        buildings={'block': 8, 'tower': 1, 'none': 1},
        setback=(0, 3),
        gap=(0, 3),
        walls={'none': 8, 'fence': 0.6, 'wall': 0.7, 'rail': 0.3},
        trees=0.5,
        poles=0.9,
        people=0.8,
        traffic=(0, 9),
        parked=0.5,
        lots=0.15,
    ),
    'suburb': Style(
        lanes=(1, 3),
        junctions=0.4,
        kerb=0.7,
        pavement=0.75,
        verge=0.4,
        far={'grass': 6, 'paved': 1.5, 'asphalt': 1, 'loose': 1},
        buildings={'house': 9, 'block': 1, 'none': 0.7},
        setback=(1, 12),
        gap=(2, 18),
        walls={'none': 3, 'hedge': 2, 'fence': 2, 'wall': 2},
        trees=0.75,
        poles=0.8,
        people=0.35,
        traffic=(0, 4),
        parked=0.4,
        lots=0.15,
    ),
    'works': Style(
        lanes=(2, 5),
        junctions=0.35,
        kerb=0.6,
        pavement=0.5,
        verge=0.4,
        far={'asphalt': 4, 'paved': 1, 'loose': 2, 'grass': 2},
        buildings={'hall': 5, 'block': 1.5, 'none': 1.5},
        setback=(2, 25),
        gap=(3, 30),
        walls={'none': 3, 'fence': 3, 'wall': 1, 'hedge': 0.5},
        trees=0.35,
        poles=0.8,
        people=0.2,
        traffic=(0, 6),
        parked=0.25,
        lots=0.4,
    ),
    'square': Style(
        lanes=(2, 5),
        junctions=0.4,
        kerb=0.7,
        pavement=0.8,
        verge=0.1,
        far={'paved': 7, 'asphalt': 4, 'loose': 1},
        buildings={'block': 3, 'tower': 1, 'none': 3},
        setback=(15, 50),
        gap=(0, 25),
        walls={'none': 8, 'rail': 0.5},
        trees=0.35,
        poles=0.9,
        people=0.8,
        traffic=(0, 7),
        parked=0.1,
        lots=0.35,
    ),
    'country': Style(
        lanes=(1, 2),
        junctions=0.2,
        kerb=0.08,
        pavement=0.04,
        verge=0.85,
        far={'grass': 4, 'crops': 3, 'loose': 2},
        buildings={'none': 8, 'house': 1},
        setback=(5, 30),
        gap=(15, 90),
        walls={'none': 8, 'hedge': 1, 'fence': 1, 'rail': 1, 'wall': 0.3},
        trees=0.6,
        poles=0.4,
        people=0.05,
        traffic=(0, 3),
        parked=0.03,
        lots=0.03,
    ),
    'highway': Style(
        lanes=(2, 6),
        junctions=0.05,
        kerb=0.15,
        pavement=0.05,
        verge=0.7,
        far={'grass': 4, 'loose': 2, 'crops': 1, 'concrete': 0.5},
        buildings={'none': 6, 'hall': 1, 'tower': 1},
        setback=(10, 60),
        gap=(5, 70),
        walls={'none': 3, 'rail': 5, 'wall': 1.5, 'fence': 0.5},
        trees=0.5,
        poles=0.6,
        people=0.0,
        traffic=(1, 9),
        parked=0.0,
        lots=0.05,
    ),
}
SHARES = {
    'city': 0.36,
    'suburb': 0.2,
    'works': 0.1,
    'square': 0.1,
    'country': 0.14,
    'highway': 0.1,
}
TOWNS = ('city', 'works', 'square', 'suburb')

FAR_SURFACES: Mapping[str, tuple[Maker, Callable[[Rng], Color]]] = {
    'paved': (slabs, paving_color),
    'asphalt': (asphalt, paving_color),
    'concrete': (concrete, paving_color),
    'grass': (grass, green_color),
    'loose': (loose, earth_color),
    'crops': (crops, green_color),
}


def pick(shares: Mapping[str, float], rng: Rng) -> str:
    """Draw a name by its share."""
    return list(shares)[weighted_index(rng, list(shares.values()))]


def some_surface(makers: Mapping[Maker, float], color: Color, rng: Rng) -> Surface:
    """Draw a surface of a colour."""
    return list(makers)[weighted_index(rng, list(makers.values()))](color, rng)


def random_zones(style: Style, road: Color, rng: Rng) -> tuple[Zone, ...]:
    """Draw the strips of one side, from the road's edge to the horizon."""
    zones: list[Zone] = []
    reach = 0.0
    far, has_pavement = pick(style.far, rng), rng.random() < style.pavement
    if rng.random() < style.kerb or far == 'asphalt':  # else nothing would end the road
        reach = rng.uniform(0.1, 0.35)
        kerb = near_color(road, rng) if rng.random() < 0.3 else paving_color(rng)
        zones.append(Zone(reach, concrete(kerb, rng)))
    if rng.random() < style.verge:
        reach += rng.uniform(0.5, 4)
        zones.append(
            Zone(reach, _far_surface('loose' if rng.random() < 0.3 else 'grass', road, rng))
        )
    if has_pavement:
        reach += rng.uniform(1.2, 6)
        color = near_color(road, rng) if rng.random() < 0.5 else paving_color(rng)
        zones.append(Zone(reach, some_surface(PAVEMENTS, color, rng)))
    zones.append(Zone(FAR, _far_surface(far, road, rng), far != 'crops' or rng.random() < 0.5))
    return tuple(zones)


def _far_surface(name: str, road: Color, rng: Rng) -> Surface:
    """Draw one of `FAR_SURFACES`; asphalt looks mostly like the road's."""
    maker, draw = FAR_SURFACES[name]
    is_alike = name == 'asphalt' and rng.random() < 0.6
    return maker(near_color(road, rng) if is_alike else draw(rng), rng)

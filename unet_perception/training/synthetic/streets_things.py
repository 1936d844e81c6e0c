"""What stands and moves on a street: traffic, parked cars, trees, poles, people.

Knows where each may be; not how it looks.
"""

import numpy as np

from ..chance import Rng, log_uniform, weighted_index
from .streets_sprites import POLES, bush, cyclist, person, tree
from .streets_stage import Sprite, Stage
from .streets_style import Style, pick
from .streets_vehicles import park, random_vehicle
from .streets_walls import put_walls

_FAR = 130.0  # metres; beyond, things are too small to draw
_SPRITES = 4  # of a kind in a scene; each stands many times


def furnish(stage: Stage, style: Style, rng: Rng) -> None:
    """Put all on the street."""
    for side in (-1, 1):
        put_walls(stage, pick(style.walls, rng), side, rng)
        if rng.random() < style.trees:
            _plant(stage, side, rng)
        if rng.random() < style.poles:
            _put_poles(stage, side, rng)
        if rng.random() < style.parked:
            _park_along(stage, side, rng)
        if rng.random() < style.lots:
            _park_beside(stage, side, rng)
    if rng.random() < style.people:
        _people(stage, rng)
    _drive(stage, int(rng.integers(style.traffic[0], style.traffic[1] + 1)), rng)


def _is_on_road(stage: Stage, across: float, ahead: float, clear: float = 0.2) -> bool:
    return bool(stage.site.layout.beyond_at(stage.site.layout.point(across, ahead)) < clear)


def _stand(stage: Stage, sprite: Sprite, across: float, ahead: float) -> None:
    """Put a sprite beside the road; what would stand on it is left out."""
    if not _is_on_road(stage, across, ahead):
        stage.sprite(sprite, stage.site.layout.point(across, ahead))


def _plant(stage: Stage, side: int, rng: Rng) -> None:
    """Plant a row of trees, and some at random."""
    kinds = [tree(rng) for _ in range(_SPRITES)] + [bush(rng) for _ in range(2)]
    start, reach = stage.site.layout.width / 2, stage.site.reach(side)
    pitch, row = log_uniform(rng, 5, 30), rng.uniform(start + 0.6, reach + 4)
    if rng.random() < 0.7:
        for ahead in np.arange(rng.uniform(2, 12), _FAR, pitch):
            _stand(stage, kinds[rng.integers(2)], side * (row + rng.normal(0, 0.2)), ahead)
    for _ in range(int(rng.integers(0, 18))):
        across, ahead = reach + log_uniform(rng, 0.3, 50), log_uniform(rng, 3, _FAR)
        _stand(stage, kinds[rng.integers(len(kinds))], side * across, ahead)


def _put_poles(stage: Stage, side: int, rng: Rng) -> None:
    """Put up lamps at equal distances, and a few other things."""
    kinds = list(POLES)
    row = stage.site.layout.width / 2 + rng.uniform(0.4, 1.5)
    for _ in range(int(rng.integers(1, 4))):
        sprite = kinds[weighted_index(rng, list(POLES.values()))](rng)
        pitch = log_uniform(rng, 3, 40) if sprite.tall > 2 else log_uniform(rng, 1.5, 15)
        for k, ahead in enumerate(np.arange(rng.uniform(3, 30), _FAR, pitch)):
            if k < rng.choice([1, 2, 25]):
                _stand(stage, sprite, side * row, ahead)


def _people(stage: Stage, rng: Rng) -> None:
    """Let people walk beside the road; some cross it, or ride on it."""
    for _ in range(int(rng.integers(1, 9))):
        side = int(rng.choice([-1, 1]))
        start, reach = stage.site.layout.width / 2 + 0.4, stage.site.reach(side) + 1.5
        foot = (side * rng.uniform(start, reach), log_uniform(rng, 3.5, 50))
        _stand(stage, (person, cyclist)[int(rng.random() < 0.15)](rng), *foot)
    for _ in range(int(rng.integers(0, 3)) * int(rng.random() < 0.5)):
        half = stage.site.layout.width / 2
        foot_on = stage.site.layout.point(rng.uniform(-half, half), log_uniform(rng, 6, 50))
        stage.sprite((person, cyclist)[int(rng.random() < 0.4)](rng), foot_on)


def _park_along(stage: Stage, side: int, rng: Rng) -> None:
    """Park cars at the kerb."""
    layout, ahead = stage.site.layout, rng.uniform(-3, 15)
    if layout.width < 5.5:
        return
    kinds = [random_vehicle(rng, is_lit=False) for _ in range(_SPRITES)]
    chance, turn = rng.uniform(0.2, 1.0), float(rng.choice([-1, 1]))
    while ahead < 80:
        vehicle = kinds[rng.integers(len(kinds))]
        long, _, wide = vehicle.size
        across = side * (layout.width / 2 - wide / 2 - rng.uniform(0.0, 0.4))
        is_clear = abs(across - layout.offset) > wide / 2 + 1.0 or ahead > 8
        is_here = not _is_at_side_road(stage, ahead + long / 2)
        if rng.random() < chance and is_clear and is_here:
            foot = layout.point(across, ahead + long / 2)
            park(stage, vehicle, foot, layout.heading(ahead + long / 2) * turn)
        ahead += long + rng.uniform(0.5, 2.5)


def _is_at_side_road(stage: Stage, ahead: float) -> bool:
    side = stage.site.layout.side
    if side is None:
        return False
    is_past = side.is_end and ahead > side.at - side.width / 2 - 4
    return is_past or abs(ahead - side.at) < side.width / 2 + side.radius + 2


def _park_beside(stage: Stage, side: int, rng: Rng) -> None:
    """Park cars side by side, off the road."""
    layout, ahead = stage.site.layout, rng.uniform(4, 25)
    across = stage.site.reach(side) + rng.uniform(3, 6)
    kinds = [random_vehicle(rng, is_lit=False) for _ in range(_SPRITES)]
    for place in np.arange(ahead, ahead + rng.uniform(10, 60), rng.uniform(2.5, 3.2)):
        if rng.random() < 0.6 and not _is_on_road(stage, side * across, place, 3.5):
            heading = layout.heading(place)
            aside = np.array([heading[2], 0.0, -heading[0]]) * rng.choice([-1, 1])
            park(stage, kinds[rng.integers(len(kinds))], layout.point(side * across, place), aside)


def _drive(stage: Stage, count: int, rng: Rng) -> None:
    """Put vehicles into the lanes, one behind another; on the left or right by country."""
    layout = stage.site.layout
    lanes = max(1, round(layout.width / 3.6))
    keep = float(rng.choice([-1, 1]))
    free = np.full(lanes, rng.uniform(7, 14))
    for _ in range(count):
        lane = int(rng.integers(lanes))
        across = (lane - (lanes - 1) / 2) * layout.width / lanes + rng.normal(0, 0.2)
        vehicle = random_vehicle(rng, bool(stage.light.is_night or rng.random() < 0.2))
        ahead = free[lane] + log_uniform(rng, 1, 50) + vehicle.size[0] / 2
        free[lane] = ahead + vehicle.size[0] / 2 + 1.5
        if ahead > 110 or (_is_past_end(stage, ahead)):
            continue
        turn = 1.0 if across * keep > 0 or lanes < 2 else -1.0
        park(stage, vehicle, layout.point(across, ahead), layout.heading(ahead) * turn)


def _is_past_end(stage: Stage, ahead: float) -> bool:
    side = stage.site.layout.side
    return side is not None and side.is_end and ahead > side.at - side.width / 2 - 3

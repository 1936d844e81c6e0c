"""Which things there are, and how often each lies on a table.

Knows names and weights; how things are made is in their own files.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ...errors import RequestError
from ..chance import Rng
from . import goods, packages, tools, vessels
from .thing import Thing

KINDS: Mapping[Callable[[Rng], Thing], float] = {
    packages.carton: 5,
    packages.parcel: 0.6,
    packages.can: 2.5,
    packages.bottle: 2.2,
    packages.jar: 1.4,
    packages.pouch: 1.4,
    packages.tube: 0.8,
    packages.milk_carton: 0.7,
    packages.book: 1.4,
    packages.tagged: 1.4,
    packages.spray: 0.5,
    vessels.cup: 1,
    vessels.mug: 1.2,
    vessels.glass: 0.5,
    vessels.bowl: 1.2,
    vessels.plate: 0.6,
    vessels.pan: 0.5,
    vessels.vase: 0.5,
    vessels.lid: 0.5,
    goods.fruit: 2.2,
    goods.banana: 0.7,
    tools.rod: 1.3,
    tools.tool: 1.2,
    tools.cutlery: 0.8,
    tools.wrench: 0.6,
    tools.scissors: 0.7,
    tools.ring: 0.8,
    tools.bolt: 0.6,
    tools.bracket: 0.4,
    tools.gear: 0.3,
    goods.gadget: 1.2,
    goods.mouse: 0.6,
    goods.sponge: 0.8,
    goods.teddy: 0.6,
    goods.dice: 0.8,
    tools.battery: 0.5,
    tools.cable: 0.4,
    goods.block: 1.5,
    goods.turned: 1.5,
}
NAMES = tuple(kind.__name__ for kind in KINDS)


def check_kinds(names: Iterable[str]) -> None:
    """RequestError, with the names that there are, unless each of `names` is a kind."""
    if unknown := [name for name in names if name not in NAMES]:
        raise RequestError(f'{unknown[0]!r} is no kind of thing; there are {", ".join(NAMES)}')


def random_thing(rng: Rng, names: Sequence[str] = NAMES) -> Thing:
    """Make one thing of one of these kinds."""
    weights = {kind: weight for kind, weight in KINDS.items() if kind.__name__ in names}
    shares = np.fromiter(weights.values(), np.float64) / sum(weights.values())
    return list(weights)[rng.choice(len(weights), p=shares)](rng)

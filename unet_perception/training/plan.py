"""What decides a training run, besides its data.

Knows numbers and their limits; needs no torch, so that `train --help` needs none.
"""

from typing import NamedTuple

from ..core.geometry import Size
from ..errors import RequestError
from .family import UNetConfig


class TrainingPlan(NamedTuple):
    """All that decides what training yields, besides the data."""

    unet: UNetConfig = UNetConfig()
    size: Size = Size(256, 512)
    epochs: int = 40
    batch: int = 8
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    ema_decay: float = 0.995
    seed: int = 0

    def check(self) -> None:
        """RequestError for a plan that can't be carried out."""
        for name, least in (('epochs', 1), ('batch', 2), ('seed', 0)):
            value = getattr(self, name)
            if value < least:
                raise RequestError(f'{name} must be at least {least}, not {value}')
        self.unet.check_size(self.size)

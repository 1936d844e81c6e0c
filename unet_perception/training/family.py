"""What rebuilds a U-Net: its variant, channels and norm.

Knows numbers and their limits; needs no torch, so that `train --help` needs none.
"""

from dataclasses import asdict, dataclass
from typing import Any

from ..core.geometry import Size
from ..core.manifest import MOST_CLASSES
from ..errors import RequestError


@dataclass(frozen=True)
class UNetConfig:
    """What rebuilds the network, with its weights."""

    classes: int = 2
    widths: tuple[int, ...] = (24, 48, 96, 160, 256)
    """Channels by level; level 0 works at half the input size, each further one at half again."""

    def __post_init__(self) -> None:
        """RequestError for what can't be built."""
        if not 2 <= self.classes <= MOST_CLASSES:
            raise RequestError(f'classes must be 2 to {MOST_CLASSES}, not {self.classes!r}')
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise RequestError(f'widths needs two or more positive numbers, not {self.widths!r}')

    @property
    def multiple(self) -> int:
        """Input height and width must be multiples of this."""
        return int(2 ** len(self.widths))

    def check_size(self, size: Size) -> None:
        """RequestError, with a size that works, if the network can't take `size`."""
        if any(n < self.multiple or n % self.multiple for n in size):
            good = [max(1, round(n / self.multiple)) * self.multiple for n in size]
            raise RequestError(
                f'input size {size.height}x{size.width} (height x width) is not divisible by '
                f'{self.multiple}; try {good[0]}x{good[1]}'
            )

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `config_from_dict` is the inverse."""
        return {**asdict(self), 'widths': list(self.widths)}


def config_from_dict(values: dict[str, Any]) -> UNetConfig:
    """Rebuild a config from `UNetConfig.as_dict`."""
    return UNetConfig(**{**values, 'widths': tuple(values['widths'])})

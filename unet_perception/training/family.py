"""What rebuilds a U-Net: its variant, channels and norm.

Knows names, numbers and their limits; needs no torch, so that `train --help` needs none.
"""

from dataclasses import asdict, dataclass
from math import inf
from typing import Any, ClassVar, NamedTuple

from ..core.geometry import Size
from ..core.manifest import MOST_CLASSES
from ..errors import RequestError
from .limits import Checked, is_integer, known, number, word

MOST_LEVELS, MOST_CHANNELS = 8, 1024
"""Of the largest network that can be asked for: its weights are 1.5 GB."""


class Variant(NamedTuple):
    """What a member of the family is made of."""

    block: str
    """Name in `blocks.BLOCKS`."""
    skip: str
    """Name in `skips.SKIPS`."""
    bottleneck: str
    """Name in `bottlenecks.BOTTLENECKS`."""
    description: str
    paper: str
    most_cells: float = inf
    """Cells of the deepest level, at most."""


VARIANTS = {
    'standard': Variant(
        'convolution',
        'plain',
        'none',
        'two 3x3 convolutions a level',
        'Ronneberger et al. 2015',
    ),
    'residual': Variant(
        'residual',
        'plain',
        'none',
        'each level adds to what it was given',
        'He et al. 2016; Zhang et al. 2018',
    ),
    'attention': Variant(
        'convolution',
        'gated',
        'none',
        'skip connections weighted by what is known one level deeper',
        'Oktay et al. 2018',
    ),
    'multiscale': Variant(
        'convolution',
        'plain',
        'pyramid',
        'dilated convolutions side by side at the deepest level',
        'Chen et al. 2017',
    ),
    'mobile': Variant(
        'separable',
        'plain',
        'none',
        'depthwise separable convolutions',
        'Howard et al. 2017',
    ),
    'hybrid': Variant(
        'convolution',
        'plain',
        'transformer',
        'every cell of the deepest level sees all others',
        'Chen et al. 2021',
        most_cells=4096,  # memory and time grow with their square
    ),
}


@dataclass(frozen=True)
class UNetConfig(Checked):
    """What rebuilds the network, with its weights."""

    PREFIX: ClassVar[str] = 'unet.'

    classes: int = number(2, 2, MOST_CLASSES)
    widths: tuple[int, ...] = (24, 48, 96, 160, 256)
    """Channels by level, the shallowest first; each further level works at half the size."""
    variant: str = word('mobile', VARIANTS)
    norm: str = word('batch', ('batch', 'group'))
    """group: for batches of few images (Wu & He 2018); batch costs nothing once exported."""
    stem_stride: int = number(2, 1, 2)
    """2: level 0 works at half the input size, a quarter of the work; 1: at the input size."""

    def __post_init__(self) -> None:
        """RequestError for what can't be built."""
        super().__post_init__()
        is_plain = isinstance(self.widths, tuple) and all(map(is_integer, self.widths))
        if not is_plain or not 2 <= len(self.widths) <= MOST_LEVELS:
            raise RequestError(
                f'unet.widths must be a list of 2 to {MOST_LEVELS} whole numbers, the channels '
                f'by level, not {self._shown(self.widths)!r}'
            )
        if min(self.widths) < 1 or max(self.widths) > MOST_CHANNELS:
            raise RequestError(
                f'unet.widths must be 1 to {MOST_CHANNELS} channels a level, '
                f'not {self._shown(self.widths)!r}'
            )

    @property
    def multiple(self) -> int:
        """Input height and width must be multiples of this."""
        return int(self.stem_stride * 2 ** (len(self.widths) - 1))

    def check_size(self, size: Size) -> None:
        """RequestError, with what to ask for instead, if the network can't take `size`."""
        asked, multiple = f'input size {size.height}x{size.width} (height x width)', self.multiple
        if any(n < multiple or n % multiple for n in size):
            good = [max(1, -(-n // multiple)) * multiple for n in size]
            raise RequestError(f'{asked} is not divisible by {multiple}; try {good[0]}x{good[1]}')
        cells = (size.height // multiple) * (size.width // multiple)
        most = VARIANTS[self.variant].most_cells
        if cells > most:
            raise RequestError(
                f'{asked} leaves {cells} cells at the deepest level, and {self.variant!r} can '
                f'take {most}; give unet.widths one more level'
            )

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `config_from_dict` is the inverse."""
        return {name: self._shown(each) for name, each in asdict(self).items()}

    @staticmethod
    def _shown(each: Any) -> Any:
        """Return a tuple as the list that files have."""
        return list(each) if isinstance(each, tuple) else each


def config_from_dict(values: Any) -> UNetConfig:
    """Make a config of plain values, whatever they are; RequestError for what can't be built."""
    named = known(UNetConfig, values, 'unet')
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in named.items()}
    return UNetConfig(**plain)

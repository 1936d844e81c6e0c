"""What decides a training run, besides its data; read from a YAML file.

Knows numbers and their limits; needs no torch, so that `train --help` needs none.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ..core.geometry import Size
from ..errors import RequestError
from .family import UNetConfig, config_from_dict
from .limits import Checked, is_integer, known, number, shown, span, word

MOST_SIDE = 4096


@dataclass(frozen=True)
class Augmentation(Checked):
    """How far a training view may differ from its image; shares are probabilities, 0 is never."""

    PREFIX: ClassVar[str] = 'augmentation.'

    flip: float = number(0.5, 0.0, 1.0)
    """Share of views that are mirrored left to right."""
    zoom: tuple[float, float] = span((0.9, 1.5), 0.1, 10.0)
    """Size of the image once placed, 1 fitting the input; beyond 1, a crop."""
    aspect: tuple[float, float] = span((0.8, 1.25), 0.2, 5.0)
    """Factor on the image's width over height."""
    rotation_deg: float = number(6.0, 0.0, 180.0)
    """Largest turn to either side."""
    perspective: float = number(0.08, 0.0, 0.4)
    """Largest way of a corner, in widths and heights of the image."""
    light: float = number(1.0, 0.0, 2.0)
    """Strength of changes of brightness, contrast, gamma and colour; 0 is none."""
    shadow: float = number(0.3, 0.0, 1.0)
    """Share of views with shadows of soft-edged, irregular shape, or light from one side."""
    blur: float = number(0.25, 0.0, 1.0)
    """Share of views that are out of focus or moved."""
    noise: float = number(0.3, 0.0, 1.0)
    """Share of views with noise of the sensor."""
    jpeg: float = number(0.2, 0.0, 1.0)
    """Share of views with blocks of JPEG."""
    rain: float = number(0.05, 0.0, 1.0)
    """Share of views in rain."""
    night: float = number(0.05, 0.0, 1.0)
    """Share of views at night."""


@dataclass(frozen=True)
class LossWeights(Checked):
    """What is minimised: the sum of these losses, each times its weight."""

    PREFIX: ClassVar[str] = 'loss.'

    cross_entropy: float = number(1.0, 0.0, 1000.0)
    """Per pixel, with `class_weights`."""
    dice: float = number(0.0, 0.0, 1000.0)
    """Overlap, class by class (Milletari et al. 2016): for classes of few pixels."""
    focal: float = number(0.0, 0.0, 1000.0)
    """Cross-entropy that passes over what is known already (Lin et al. 2017)."""
    tversky: float = number(0.0, 0.0, 1000.0)
    """Overlap that counts a miss more than a false alarm (Salehi et al. 2017)."""


@dataclass(frozen=True)
class TrainingPlan(Checked):
    """All that decides what training yields, besides the data."""

    unet: UNetConfig = field(default_factory=UNetConfig)
    """The network; its number of classes is that of the data."""
    size: Size = field(default_factory=lambda: Size(256, 512))
    """Height and width of the network's input."""
    epochs: int = number(40, 1, 100_000)
    """How often each image is seen, each time in another view."""
    batch: int = number(8, 2, 4096)
    """Images a step."""
    learning_rate: float = number(3e-3, 1e-8, 1.0)
    """The highest, after the warm-up; AdamW."""
    warm_up: float = number(0.1, 0.0, 1.0)
    """Share of all steps in which the learning rate rises; a cosine to nothing follows."""
    weight_decay: float = number(1e-4, 0.0, 1.0)
    """AdamW's."""
    clip_norm: float = number(1.0, 1e-6, 1e6)
    """Gradients longer than this are shortened to it."""
    ema_decay: float = number(0.995, 0.0, 0.999999)
    """What the moving average of the weights keeps a step; the average is what is kept."""
    patience: int = number(0, 0, 100_000)
    """Stop after so many epochs without a better validation mIoU; 0 is never."""
    seed: int = number(0, 0, 2**31 - 1)
    """The same seed, data and number of threads yield the same weights, bit by bit (CPU)."""
    precision: str = word('mixed', ('mixed', 'float32'))
    """mixed: convolutions in bfloat16, or float16 on a GPU without it."""
    class_weights: str = word('none', ('none', 'balanced'))
    """balanced: the cross-entropy counts a class as much as its pixels are few (square root)."""
    sampling: str = word('uniform', ('uniform', 'rare'))
    """rare: images that show rare classes are seen more often, others less."""
    loss: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 8 <= min(self.size) <= max(self.size) <= MOST_SIDE:
            raise RequestError(
                f'size must be 8 to {MOST_SIDE} pixels a side, not {shown(list(self.size))}'
            )
        self.unet.check_size(self.size)
        if not any(asdict(self.loss).values()):
            raise RequestError('loss: every weight is 0, so there is nothing to learn from')

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `plan_from_dict` is the inverse."""
        values = {**asdict(self), 'unet': self.unet.as_dict(), 'size': list(self.size)}
        values['augmentation'] |= {
            name: list(each)
            for name, each in values['augmentation'].items()
            if isinstance(each, tuple)
        }
        return values


def values_from_yaml(file: Path) -> dict[str, Any]:
    """Read what a file says of a plan, for `plan_from_dict`; RequestError if it can't be read."""
    try:
        values = yaml.safe_load(file.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as exc:
        raise RequestError(f"{str(file)!r} can't be read: {' '.join(str(exc).split())}") from exc
    return known(TrainingPlan, {} if values is None else values, repr(str(file)))


def plan_from_dict(values: Any) -> TrainingPlan:
    """Make a plan of plain values; what they don't say stays as it is. RequestError."""
    values = known(TrainingPlan, values, 'the plan')
    made = {name: READERS[name](each) for name, each in values.items() if name in READERS}
    return TrainingPlan(**{**values, **made})


def _size(pair: Any) -> Size:
    if not (isinstance(pair, list | tuple) and len(pair) == 2 and all(map(is_integer, pair))):
        raise RequestError(f'size must be [height, width], not {shown(pair)}')
    return Size(*pair)


def _loss(values: Any) -> LossWeights:
    return LossWeights(**known(LossWeights, values, 'loss'))


def _augmentation(values: Any) -> Augmentation:
    named = known(Augmentation, values, 'augmentation')
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in named.items()}
    return Augmentation(**plain)


READERS = {
    'unet': config_from_dict,
    'size': _size,
    'loss': _loss,
    'augmentation': _augmentation,
}
"""What makes a part of a plan from plain values, by its name; the rest are plain already."""

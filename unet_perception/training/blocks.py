"""Convolutions with their norms: what the levels of the family are built of.

Knows channels and strides; not levels, skip connections or bottlenecks.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

Norm = Callable[[int], nn.Module]
Convolutions = Callable[..., nn.Module]
"""Takes inputs, outputs, norm, and a stride of 1 or 2."""


def divisor(channels: int, most: int, least: int) -> int:
    """Return the most equal parts, up to `most`, of at least `least` channels each; or 1."""
    parts = range(1, min(most, channels // least) + 1)
    return max((n for n in parts if channels % n == 0), default=1)


def group_norm(channels: int) -> nn.GroupNorm:
    """Return Wu & He's norm (2018): 32 groups, fewer where they had a single channel.

    A channel alone, less its own mean, would not know how much there is of it in the image.
    """
    return nn.GroupNorm(divisor(channels, most=32, least=2), channels)


NORMS: dict[str, Norm] = {'batch': nn.BatchNorm2d, 'group': group_norm}


def resized(x: Tensor, factor: int) -> Tensor:
    """Enlarge (N, C, H, W) linearly by a whole factor, pixel areas kept in place.

    With a convolution after it, this is the upsampling that leaves no checkerboard
    (Odena et al. 2016, 'Deconvolution and Checkerboard Artifacts').
    """
    return functional.interpolate(
        x, scale_factor=float(factor), mode='bilinear', align_corners=False
    )


class ConvUnit(nn.Sequential):
    """Convolution, norm, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        norm: Norm,
        stride: int = 1,
        *,
        kernel: int = 3,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False),
            norm(outputs),
            nn.ReLU(inplace=True),
        )


class DoubleConv(nn.Sequential):
    """Two 3x3 convolutions; to halve, 2x2 max pooling before (Ronneberger et al. 2015, fig. 1)."""

    def __init__(self, inputs: int, outputs: int, norm: Norm, stride: int = 1) -> None:
        pooling = [nn.MaxPool2d(stride)] if stride > 1 else []
        super().__init__(
            *pooling, ConvUnit(inputs, outputs, norm), ConvUnit(outputs, outputs, norm)
        )


class ResidualConv(nn.Module):
    """Two 3x3 convolutions added to what they were given (He et al. 2016, fig. 2)."""

    def __init__(self, inputs: int, outputs: int, norm: Norm, stride: int = 1) -> None:
        super().__init__()
        self.change = nn.Sequential(
            ConvUnit(inputs, outputs, norm, stride),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            norm(outputs),
        )
        fits = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if fits else _projection(inputs, outputs, norm, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return functional.relu(self.shortcut(x) + self.change(x))


def _projection(inputs: int, outputs: int, norm: Norm, stride: int) -> nn.Sequential:
    """Return a shortcut to other channels (He et al. 2016, option B of section 3.3)."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))


class SeparableConv(nn.Sequential):
    """Depthwise 3x3, then pointwise 1x1 (Howard et al. 2017, fig. 3)."""

    def __init__(self, inputs: int, outputs: int, norm: Norm, stride: int = 1) -> None:
        super().__init__(
            ConvUnit(inputs, inputs, norm, stride, groups=inputs),
            ConvUnit(inputs, outputs, norm, kernel=1),
        )


class DoubleSeparableConv(nn.Sequential):
    """Two separable convolutions."""

    def __init__(self, inputs: int, outputs: int, norm: Norm, stride: int = 1) -> None:
        super().__init__(
            SeparableConv(inputs, outputs, norm, stride), SeparableConv(outputs, outputs, norm)
        )


class Block(NamedTuple):
    """What a kind of convolution contributes to the network."""

    second: Convolutions
    """Follows the stem's convolution."""
    level: Convolutions
    """Makes a level."""


BLOCKS = {
    'convolution': Block(ConvUnit, DoubleConv),
    'residual': Block(ResidualConv, ResidualConv),
    'separable': Block(SeparableConv, DoubleSeparableConv),
}

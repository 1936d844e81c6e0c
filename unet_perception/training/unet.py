"""The network: a U-Net (Ronneberger et al. 2015) of separable convolutions (Howard et al. 2017).

Knows tensors of normalised floats and logits; not images, files or how it is trained.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .family import UNetConfig


class SeparableConv(nn.Sequential):
    """Depthwise 3x3, then pointwise 1x1, each with batch norm and ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Encoder(nn.Module):
    """A strided stem, then one halving a level; returns the features of every level."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
            SeparableConv(widths[0], widths[0]),
        )
        halvings = [
            nn.Sequential(SeparableConv(above, below, 2), SeparableConv(below, below))
            for above, below in pairwise(widths)
        ]
        self.levels = nn.ModuleList([stem, *halvings])

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (N, 3, H, W) to a list of (N, widths[k], H / 2^(k+1), W / 2^(k+1))."""
        features = []
        for level in self.levels:
            image = level(image)
            features.append(image)
        return features


class Decoder(nn.Module):
    """From the deepest level up: resize, join with the skip connection, convolve."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(SeparableConv(above + below, above), SeparableConv(above, above))
            for above, below in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """Map the encoder's features to (N, widths[0], H / 2, W / 2)."""
        x = features[-1]
        for level, skip in zip(self.levels, features[-2::-1], strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode='bilinear', align_corners=False)
            x = level(torch.cat([x, skip], dim=1))
        return x


class UNet(nn.Module):
    """Encoder, decoder, head."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.widths)
        self.decoder = Decoder(config.widths)
        self.head = nn.Conv2d(config.widths[0], config.classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Map normalised images (N, 3, H, W) to logits (N, classes, H, W)."""
        features = self.encoder(image)
        x = self.decoder(features)
        logits = self.head(x)
        return functional.interpolate(
            logits, scale_factor=2.0, mode='bilinear', align_corners=False
        )

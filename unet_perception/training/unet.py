"""The network: a U-Net (Ronneberger et al. 2015), built for a config from the family's tables.

Knows tensors of normalised floats and logits; not images, files or how it is trained.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from .blocks import BLOCKS, NORMS, Block, ConvUnit, Norm, resized
from .bottlenecks import BOTTLENECKS
from .family import VARIANTS, UNetConfig
from .skips import SKIPS


class UNet(nn.Module):
    """Encoder, bottleneck, decoder, head."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        variant, norm = VARIANTS[config.variant], NORMS[config.norm]
        block = BLOCKS[variant.block]
        self.encoder = Encoder(config, block, norm)
        self.bottleneck = BOTTLENECKS[variant.bottleneck](config.widths[-1], norm)
        self.decoder = Decoder(config, block, norm)
        self.head = Head(config)

    def forward(self, image: Tensor) -> Tensor:
        """Map normalised images (N, 3, H, W) to logits (N, classes, H, W)."""
        *skips, deepest = self.encoder(image)
        deepest = self.bottleneck(deepest)
        features = self.decoder(deepest, skips)
        return self.head(features)


class Encoder(nn.Module):
    """A stem, then one halving a level; returns the features of every level."""

    def __init__(self, config: UNetConfig, block: Block, norm: Norm) -> None:
        super().__init__()
        first = config.widths[0]
        stem = nn.Sequential(
            ConvUnit(3, first, norm, config.stem_stride), block.second(first, first, norm)
        )
        halvings = [block.level(above, below, norm, 2) for above, below in pairwise(config.widths)]
        self.levels = nn.ModuleList([stem, *halvings])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (N, 3, H, W) to a list of (N, widths[k], H / (stride 2^k), W / (stride 2^k))."""
        features = []
        for level in self.levels:
            x = level(x)
            features.append(x)
        return features


class Decoder(nn.Module):
    """From the deepest level up."""

    def __init__(self, config: UNetConfig, block: Block, norm: Norm) -> None:
        super().__init__()
        skip = SKIPS[VARIANTS[config.variant].skip]
        self.skips, self.levels = nn.ModuleList(), nn.ModuleList()
        for below, above in pairwise(reversed(config.widths)):
            self.skips.append(skip(above, below))
            self.levels.append(block.level(below + above, above, norm))

    def forward(self, x: Tensor, skips: list[Tensor]) -> Tensor:
        """Map the deepest features and the others, shallowest first, to the shallowest's shape."""
        for level, skip, features in zip(self.levels, self.skips, reversed(skips), strict=True):
            kept = skip(features, x)  # (N, above, 2H, 2W)
            x = level(torch.cat([resized(x, 2), kept], dim=1))  # (N, above, 2H, 2W)
        return x


class Head(nn.Module):
    """Features to logits, and back to the size of the image."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.stride = config.stem_stride
        self.classify = nn.Conv2d(config.widths[0], config.classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, widths[0], H / stride, W / stride) to logits (N, classes, H, W)."""
        logits = self.classify(features)
        return resized(logits, self.stride) if self.stride > 1 else logits

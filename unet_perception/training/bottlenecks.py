"""What looks far around at the deepest level, where far costs little.

Knows one map of features; channels and size stay as they are.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import ConvUnit, Norm, divisor

RATES = (1, 2, 4)
"""For a grid of some 8x16 cells. DeepLabv3's 6, 12 and 18 are for 33x33: on a grid as small as
they reach, all taps but the middle one fall outside (section 3.3)."""
LAYERS, MOST_HEADS, LEAST_OF_HEAD = 2, 8, 16
HIDDEN = 4
"""Hidden over outer channels of a transformer layer's perceptron (Vaswani et al. 2017)."""


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: several reaches at once (Chen et al. 2017, section 3.3).

    There, the pooled image is enlarged and concatenated before the last 1x1 convolution. That
    is a sum over what is concatenated, so here it is added to the others' part: the same sum,
    without enlarging. No norm there: a pooled image is a single pixel, with nothing to vary.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        inner = max(1, channels // 4)
        around = [ConvUnit(channels, inner, norm, dilation=rate) for rate in RATES]
        self.reaches = nn.ModuleList([ConvUnit(channels, inner, norm, kernel=1), *around])
        self.pooled = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inner, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, channels, 1, bias=False),
        )
        self.joined = nn.Conv2d(len(self.reaches) * inner, channels, 1, bias=False)
        self.norm = norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        reaches = torch.cat([reach(x) for reach in self.reaches], dim=1)  # (N, 4 inner, H, W)
        everywhere = self.pooled(x)  # (N, C, 1, 1)
        return functional.relu(self.norm(self.joined(reaches) + everywhere))


class Transformer(nn.Module):
    """Cells as words of a sentence (Chen et al. 2021, section 3.2), norms first.

    Positions are sines of row and column instead of learned ones, so that any size works.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(TransformerLayer(channels) for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        images, channels, height, width = (int(n) for n in x.shape)  # constants when exported
        cells = x.reshape(images, channels, height * width).transpose(1, 2)  # (N, H W, C)
        positions = torch.from_numpy(sines(height, width, channels)).to(x.device)
        cells = self.norm(self.layers(cells + positions))
        return cells.transpose(1, 2).reshape(images, channels, height, width)


class TransformerLayer(nn.Module):
    """Attention, then a perceptron for each cell, each added to what it was given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(channels), SelfAttention(channels))
        self.perceptron = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, HIDDEN * channels),
            nn.GELU(),
            nn.Linear(HIDDEN * channels, channels),
        )

    def forward(self, cells: Tensor) -> Tensor:
        """Map (N, L, C) to (N, L, C)."""
        cells = cells + self.attention(cells)
        return cells + self.perceptron(cells)


class SelfAttention(nn.Module):
    """Each cell takes a mean of all, weighted by likeness (Vaswani et al. 2017, eq. 1).

    In plain products, which torch's exporter writes as such and its FLOP counter counts.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = divisor(channels, MOST_HEADS, LEAST_OF_HEAD)
        self.scale = (channels // self.heads) ** -0.5
        self.asked = nn.Linear(channels, channels)
        self.offered = nn.Linear(channels, channels)
        self.told = nn.Linear(channels, channels)
        self.joined = nn.Linear(channels, channels)

    def forward(self, cells: Tensor) -> Tensor:
        """Map (N, L, C) to (N, L, C)."""
        queries, values = self._by_head(self.asked(cells)), self._by_head(self.told(cells))
        keys = self._by_head(self.offered(cells)).transpose(2, 3)  # (N, heads, C / heads, L)
        weights = torch.softmax(queries @ keys * self.scale, dim=3)  # (N, heads, L, L)
        means = (weights @ values).transpose(1, 2)  # (N, L, heads, C / heads)
        return self.joined(means.reshape(*(int(n) for n in cells.shape)))

    def _by_head(self, cells: Tensor) -> Tensor:
        """Split the channels: (N, L, C) to (N, heads, L, C / heads)."""
        images, length, channels = (int(n) for n in cells.shape)
        each = cells.reshape(images, length, self.heads, channels // self.heads)
        return each.transpose(1, 2)


@lru_cache(maxsize=16)
def sines(height: int, width: int, channels: int) -> np.ndarray:
    """Return the position of every cell as (H W, C): sines and cosines of its row and column.

    Vaswani et al. 2017, section 3.5, for each axis; half of the channels are the row's, the
    others the column's (as in Carion et al. 2020, DETR).
    """
    waves = -(-channels // 4)
    frequencies = 10_000.0 ** (-np.arange(waves) / waves)
    rows, columns = np.mgrid[:height, :width].reshape(2, -1, 1) * frequencies  # (H W, waves)
    each = [np.sin(rows), np.cos(rows), np.sin(columns), np.cos(columns)]
    return np.concatenate(each, axis=1)[:, :channels].astype(np.float32)


BOTTLENECKS: dict[str, Callable[[int, Norm], nn.Module]] = {
    'none': nn.Identity,
    'pyramid': Pyramid,
    'transformer': Transformer,
}
"""Each takes the channels of the deepest level."""

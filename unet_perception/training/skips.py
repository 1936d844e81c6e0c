"""What the decoder takes of the encoder's features on its way up.

Knows the features of two neighbouring levels; not how either was made.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import resized


class PlainSkip(nn.Module):
    """All of it (Ronneberger et al. 2015)."""

    def __init__(self, channels: int, below: int) -> None:
        super().__init__()

    def forward(self, skip: Tensor, coarse: Tensor) -> Tensor:
        """Return `skip`."""
        return skip


class AttentionGate(nn.Module):
    """What matters of it, place by place: an additive gate (Oktay et al. 2018, eq. 1 and 2).

    As there, the gate is worked out on the grid of the deeper level and enlarged; without
    attention to classes or time, and linear maps have half of the skip's channels.
    """

    def __init__(self, channels: int, below: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.of_skip = nn.Conv2d(channels, inner, 2, 2, bias=False)  # W_x
        self.of_coarse = nn.Conv2d(below, inner, 1)  # W_g, b_g
        self.gate = nn.Conv2d(inner, 1, 1)  # psi, b_psi

    def forward(self, skip: Tensor, coarse: Tensor) -> Tensor:
        """Weigh `skip` (N, channels, 2H, 2W) by what `coarse` (N, below, H, W) tells."""
        joint = functional.relu(self.of_skip(skip) + self.of_coarse(coarse))  # (N, inner, H, W)
        attention = torch.sigmoid(self.gate(joint))  # (N, 1, H, W), alpha
        return skip * resized(attention, 2)


SKIPS: dict[str, Callable[[int, int], nn.Module]] = {'plain': PlainSkip, 'gated': AttentionGate}
"""Each takes the channels of the skip connection and of the level below it."""

"""What training minimises, with unlabelled pixels left out of every sum.

Knows logits (N, C, H, W) and labels (N, H, W); not where they come from.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..core.scores import IGNORE
from .plan import LossWeights

GAMMA = 2.0
"""Focusing parameter of Lin et al. 2017, section 3.2."""
MISS, FALSE_ALARM = 0.7, 0.3
"""What a missed and a wrongly found pixel count, Salehi et al. 2017, section 3: beta and alpha."""


def loss_of_batch(
    logits: Tensor, labels: Tensor, weights: LossWeights, class_weights: Tensor
) -> Tensor:
    """Return the weighted sum of the losses in use, a scalar; 0 if nothing is labelled."""
    total = logits.new_zeros(())
    for name, loss in LOSSES.items():
        if weight := getattr(weights, name):
            total = total + weight * loss(logits, labels, class_weights)
    return total


def cross_entropy(logits: Tensor, labels: Tensor, class_weights: Tensor) -> Tensor:
    """Mean over labelled pixels of -log p, each weighted by its class."""
    each = functional.cross_entropy(
        logits, labels, class_weights, ignore_index=IGNORE, reduction='sum'
    )
    is_labelled = labels != IGNORE
    weight = class_weights[labels.where(is_labelled, 0)] * is_labelled
    return each / weight.sum().clamp(min=1e-12)


def focal(logits: Tensor, labels: Tensor, _: Tensor) -> Tensor:
    """Mean over labelled pixels of -(1 - p)^gamma log p (Lin et al. 2017, eq. 4)."""
    each = functional.cross_entropy(logits, labels, ignore_index=IGNORE, reduction='none')
    is_labelled = labels != IGNORE
    focused = (1.0 - torch.exp(-each)) ** GAMMA * each
    return (focused * is_labelled).sum() / is_labelled.sum().clamp(min=1)


def dice(logits: Tensor, labels: Tensor, _: Tensor) -> Tensor:
    """One minus the soft Dice score, a mean over the classes that occur (Milletari et al. 2016).

    Dice is Tversky with misses and false alarms counting the same.
    """
    return _overlap_loss(logits, labels, 0.5, 0.5)


def tversky(logits: Tensor, labels: Tensor, _: Tensor) -> Tensor:
    """One minus the Tversky index, a mean over the classes that occur (Salehi et al. 2017)."""
    return _overlap_loss(logits, labels, MISS, FALSE_ALARM)


def _overlap_loss(logits: Tensor, labels: Tensor, miss: float, false_alarm: float) -> Tensor:
    """Soft counts over the whole batch, hits / (hits + miss * missed + false_alarm * wrong).

    Only classes that the batch shows count: an absent one has no overlap to gain.
    """
    is_labelled = (labels != IGNORE)[:, None]  # (N, 1, H, W)
    found = logits.softmax(1) * is_labelled  # (N, C, H, W)
    classes = logits.shape[1]
    one_hot = functional.one_hot(labels.where(labels != IGNORE, 0), classes).permute(0, 3, 1, 2)
    truth = one_hot * is_labelled
    over = (0, 2, 3)
    hits, size, claimed = (found * truth).sum(over), truth.sum(over), found.sum(over)  # (C,)
    index = hits / (hits + miss * (size - hits) + false_alarm * (claimed - hits)).clamp(min=1e-12)
    occurs = size > 0
    return ((1.0 - index) * occurs).sum() / occurs.sum().clamp(min=1)


Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
LOSSES: dict[str, Loss] = {
    'cross_entropy': cross_entropy,
    'dice': dice,
    'focal': focal,
    'tversky': tversky,
}
"""The losses by the names of their weights in `LossWeights`."""

"""The network judged on images that it was not taught, at network size.

Knows the runtime's own letterbox, loss and counts; not how the network came to be.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..core.frame import U8
from ..core.geometry import Placement, letterboxed
from ..core.scores import IGNORE, Confusion
from .dataset import Pair, read_pair
from .losses import loss_of_batch
from .plan import TrainingPlan

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
"""ImageNet's channel statistics, in bytes; they end up inside the exported model file."""


class Judgement(NamedTuple):
    """How the network does."""

    loss: float
    confusion: Confusion


def normalised(images: Tensor) -> Tensor:
    """Map bytes (N, H, W, 3) to what the network takes, (N, 3, H, W), channels last in memory."""
    mean, std = (torch.tensor(values, device=images.device) for values in (MEAN, STD))
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


@torch.inference_mode()
def judge(
    network: nn.Module,
    pairs: Sequence[Pair],
    plan: TrainingPlan,
    class_weights: Tensor,
    parts: Mapping[int, int] | None = None,
) -> Judgement:
    """Judge on every pair, one after the other; the loss is their mean."""
    confusion, losses = Confusion(plan.unet.classes, parts), []
    for pair in pairs:
        image, mask = read_pair(pair, plan.unet.classes)
        canvas, placement = letterboxed(image, plan.size)
        label = label_on_canvas(mask, placement)
        images = torch.from_numpy(canvas)[None].to(class_weights.device)
        logits = network(normalised(images)).float()
        labels = torch.from_numpy(label)[None].long().to(class_weights.device)
        losses.append(float(loss_of_batch(logits, labels, plan.loss, class_weights)))
        confusion.add(label, logits[0].argmax(0).to(torch.uint8).cpu().numpy())
    return Judgement(float(np.mean(losses)), confusion)


def label_on_canvas(mask: U8, placement: Placement) -> U8:
    """Sample `mask` at the centres of the canvas's pixels; `IGNORE` beside the image."""
    label: U8 = np.full(placement.network, IGNORE, np.uint8)
    content = placement.content(label)
    rows = ((np.arange(placement.height) + 0.5) * mask.shape[0] / placement.height).astype(int)
    columns = ((np.arange(placement.width) + 0.5) * mask.shape[1] / placement.width).astype(int)
    content[:] = mask[np.ix_(rows, columns)]
    return label

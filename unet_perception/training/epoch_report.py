"""What an epoch yielded, and what in it should worry people, in words.

Knows numbers; needs no torch.
"""

from collections.abc import Sequence
import math
from typing import Any, NamedTuple

import numpy as np

from ..core.scores import Confusion

EARLY, LOST = 3, 0.01
"""Epochs in which a class may still be unfound; share of its pixels below which it is."""
RISEN = 1.1
"""Validation loss against its lowest at which a network that goes on learning overfits."""


class EpochReport(NamedTuple):
    """What one epoch yielded, judged on the validation split at network size."""

    epoch: int
    epochs: int
    loss: float
    """Mean of the training loss."""
    validation_loss: float
    miou: float
    iou: dict[str, float | None]
    """By class; None for one that neither occurs nor is found."""
    true_share: dict[str, float]
    """Share of the labelled pixels that are of each class."""
    found_share: dict[str, float]
    """Share of the labelled pixels that the network takes for each class."""
    seconds: float
    """That its steps took."""
    is_best: bool
    warnings: list[str]


def class_values(confusion: Confusion, names: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a report that are by class."""
    total = max(int(confusion.counts.sum()), 1)
    iou = [None if math.isnan(value) else float(value) for value in confusion.iou()]
    return {
        'iou': dict(zip(names, iou, strict=True)),
        'true_share': _named(names, confusion.counts.sum(1) / total),
        'found_share': _named(names, confusion.counts.sum(0) / total),
    }


def _named(names: Sequence[str], values: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def warnings_about(history: Sequence[EpochReport]) -> list[str]:
    """Tell of classes that collapsed and of overfitting, from all reports so far.

    What an earlier epoch was warned of is not said again.
    """
    told = {_subject(each) for report in history[:-1] for each in report.warnings}
    warnings = [*_collapsed(history[-1]), *_overfitted(history)]
    return [each for each in warnings if _subject(each) not in told]


def _subject(warning: str) -> str:
    return warning.partition(':')[0]


def _collapsed(last: EpochReport) -> list[str]:
    if last.epoch < min(EARLY, last.epochs):
        return []
    return [
        f'class {name!r} collapsed: it has {100 * share:.2f} % of the pixels and is found in '
        f'{100 * last.found_share[name]:.2f} %; try more epochs, class_weights: balanced, '
        f'sampling: rare, or a Dice loss besides'
        for name, share in last.true_share.items()
        if last.found_share[name] < LOST * share
    ]


def _overfitted(history: Sequence[EpochReport]) -> list[str]:
    """Compare now with the epoch whose validation loss was lowest."""
    losses = [report.validation_loss for report in history]
    best, last = history[int(np.argmin(losses))], history[-1]
    has_learnt = last.loss < best.loss
    if last.epoch - best.epoch < EARLY or not has_learnt:
        return []
    if last.validation_loss < RISEN * best.validation_loss:
        return []
    return [
        f'overfitting: since epoch {best.epoch} the training loss fell from {best.loss:.3f} to '
        f'{last.loss:.3f}, but the validation loss rose from {best.validation_loss:.3f} to '
        f'{last.validation_loss:.3f}; give more images, more augmentation, a smaller network '
        f'or patience: {EARLY}'
    ]

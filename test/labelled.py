"""Random masks to score: what is true, what was answered and how surely."""

from typing import NamedTuple

import numpy as np

from unet_perception.core.frame import U8
from unet_perception.core.scores import IGNORE


class Labelled(NamedTuple):
    """One image's arrays, (H, W); some pixels have no label, some answers are unknown."""

    truth: U8
    prediction: U8
    confidence: U8

    @property
    def used(self) -> np.ndarray:
        return (self.truth != IGNORE) & (self.prediction != IGNORE)

    def permuted(self, order: np.ndarray) -> 'Labelled':
        """Return the same image with class k called `order[k]`."""
        table = np.append(order, np.full(256 - len(order), IGNORE)).astype(np.uint8)
        return Labelled(table[self.truth], table[self.prediction], self.confidence)


def labelled(seed: int, classes: int, most: int = 24) -> Labelled:
    """Draw truth in blocks, and answers that differ from it in a quarter of the pixels."""
    random = np.random.default_rng(seed)
    ids = np.append(np.arange(classes), IGNORE).astype(np.uint8)
    height, width = random.integers(1, most, 2)
    blocks = random.choice(ids, (-(-height // 4), -(-width // 4)))
    truth = np.kron(blocks, np.ones((4, 4), np.uint8))[:height, :width]
    is_changed = random.random(truth.shape) < 0.25
    prediction = np.where(is_changed, random.choice(ids, truth.shape), truth)
    return Labelled(truth, prediction, random.integers(0, 256, truth.shape, np.uint8))

"""Random draws that several files need.

Knows numpy's generators; not what is drawn.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

Rng = np.random.Generator


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """Draw a factor: twice is as likely as half."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def weighted_index(rng: Rng, shares: Sequence[float] | ArrayLike) -> int:
    """Draw an index with a probability in proportion to its share."""
    weights = np.asarray(shares, np.float64)
    return int(rng.choice(len(weights), p=weights / weights.sum()))

"""Temperature scaling: one number by which logits are divided, so that confidences are true.

Knows logits and ids; not networks, files or who measures the result.
"""

import numpy as np
from numpy.typing import NDArray

from .scores import F64, I64

Logits = NDArray[np.float32]
LEAST, MOST = 0.05, 20.0
"""Of a temperature; what lies beyond is no calibration."""
_HALVINGS = 40


def temperature_from_logits(logits: Logits, labels: I64) -> float:
    """Return the temperature that minimises the negative log-likelihood; logits (N, C), ids (N,).

    Guo et al. 2017, section 4.2. In 1/temperature the likelihood is convex, so the zero of its
    slope is found by halving. Without pixels it is 1.
    """
    if not len(labels):
        return 1.0
    low, high = np.log(1.0 / MOST), np.log(1.0 / LEAST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if _slope(logits, labels, float(np.exp(middle))) > 0.0:
            high = middle
        else:
            low = middle
    return float(np.exp(-(low + high) / 2.0))


def negative_log_likelihood(logits: Logits, labels: I64, temperature: float) -> float:
    """Return the mean of -log p(label), natural logarithm; NaN without pixels."""
    if not len(labels):
        return float('nan')
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(1, keepdims=True)
    chosen = scaled[np.arange(len(labels)), labels]
    return float((np.log(np.exp(scaled).sum(1)) - chosen).mean())


def _slope(logits: Logits, labels: I64, inverse: float) -> float:
    """Return the derivative of the negative log-likelihood by 1/temperature."""
    z: F64 = logits.astype(np.float64)
    z -= z.max(1, keepdims=True)
    weights = np.exp(z * inverse)
    expected = (weights * z).sum(1) / weights.sum(1)
    return float((expected - z[np.arange(len(labels)), labels]).mean())

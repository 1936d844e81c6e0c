"""The temperature that is found is the one that makes the labels most likely."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.calibration import (
    LEAST,
    MOST,
    negative_log_likelihood,
    temperature_from_logits,
)


def answers(seed: int, temperature: float, count: int = 6000, classes: int = 3):
    """Draw labels with the probabilities that logits / temperature say; all float32."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, classes)).astype(np.float32)
    scaled = logits / temperature
    shares = np.exp(scaled - scaled.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    labels = (rng.random((count, 1)) > shares.cumsum(1)).sum(1)
    return logits, np.minimum(labels, classes - 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.3, 5.0))
def test_the_temperature_that_drew_the_labels_is_found(seed: int, temperature: float) -> None:
    found = temperature_from_logits(*answers(seed, temperature))
    assert found == pytest.approx(temperature, rel=0.1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 3.0))
def test_no_other_temperature_makes_the_labels_more_likely(seed: int, temperature: float) -> None:
    logits, labels = answers(seed, temperature, count=500)
    best = temperature_from_logits(logits, labels)
    least = negative_log_likelihood(logits, labels, best)
    for factor in (0.8, 0.97, 1.03, 1.25):
        assert least <= negative_log_likelihood(logits, labels, best * factor)


def test_the_likelihood_is_that_of_the_definition() -> None:
    logits = np.float32([[0.0, np.log(3.0)], [np.log(4.0), 0.0]])
    expected = -(np.log(3 / 4) + np.log(1 / 5)) / 2
    assert negative_log_likelihood(logits, np.array([1, 1]), 1.0) == pytest.approx(expected)


def test_answers_that_are_always_right_or_always_wrong_end_at_a_limit() -> None:
    logits = np.float32([[9.0, 0.0]] * 10)
    assert temperature_from_logits(logits, np.zeros(10, int)) == pytest.approx(LEAST, rel=1e-3)
    assert temperature_from_logits(logits, np.ones(10, int)) == pytest.approx(MOST, rel=1e-3)


def test_without_pixels_nothing_is_changed() -> None:
    nothing = np.zeros((0, 2), np.float32), np.zeros(0, int)
    assert temperature_from_logits(*nothing) == 1.0
    assert np.isnan(negative_log_likelihood(*nothing, 1.0))

"""Percentiles of the recent past: close, ordered, forgetful and of fixed size."""

from fractions import Fraction
import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.histogram import SECOND_NS, Percentiles, RollingHistogram

DURATIONS = st.lists(st.floats(0.01, 60_000.0), min_size=1, max_size=300)
SHARES = {'p50': Fraction(50, 100), 'p95': Fraction(95, 100), 'p99': Fraction(99, 100)}


def recorded(values: list[float], seconds: int = 60) -> RollingHistogram:
    histogram = RollingHistogram(seconds)
    for value in values:
        histogram.record(value, SECOND_NS)
    return histogram


def summary(values: list[float]) -> Percentiles:
    found = recorded(values).percentiles(SECOND_NS)
    assert found is not None
    return found


@given(DURATIONS)
def test_percentiles_are_never_below_the_nearest_rank_and_at_most_two_percent_above(
    values: list[float],
) -> None:
    found = summary(values)
    for name, share in SHARES.items():
        exact = sorted(values)[math.ceil(share * len(values)) - 1]
        assert exact * (1 - 1e-9) <= getattr(found, name) <= exact * 1.02 * (1 + 1e-9)


def test_percentiles_of_typical_latencies_are_numpys() -> None:
    values = np.random.default_rng(0).lognormal(3.0, 0.5, 5000)
    found = summary(values.tolist())
    assert [found.p50, found.p95, found.p99] == pytest.approx(
        np.percentile(values, (50, 95, 99)), rel=0.025
    )


@given(DURATIONS)
def test_percentiles_are_ordered_and_the_greatest_is_exact(values: list[float]) -> None:
    found = summary(values)
    assert found.p50 <= found.p95 <= found.p99 <= found.max == max(values)
    assert found.samples == len(values)


@pytest.mark.parametrize('value', [-5.0, 0.0, 1e-9, 0.01, 1e5, 1e9])
def test_no_duration_is_too_short_or_too_long_to_count(value: float) -> None:
    found = summary([value])
    assert found.samples == 1
    assert found.p99 <= max(value, 0.0) == found.max


def test_an_empty_window_has_no_percentiles() -> None:
    assert RollingHistogram().percentiles(0) is None
    assert RollingHistogram().rate(0) == 0.0


def test_the_window_forgets() -> None:
    histogram = RollingHistogram(seconds=60)
    histogram.record(500.0, 10 * SECOND_NS)
    histogram.record(5.0, 40 * SECOND_NS)
    both, later = (histogram.percentiles(t * SECOND_NS) for t in (69, 70))
    assert both is not None
    assert later is not None
    assert (both.samples, both.max) == (2, 500.0)
    assert (later.samples, later.max, later.p99) == (1, 5.0, 5.0)
    assert histogram.percentiles(100 * SECOND_NS) is None


def test_a_row_that_comes_round_again_starts_anew() -> None:
    histogram = RollingHistogram(seconds=3)
    for second in range(10):
        histogram.record(10.0 - second, second * SECOND_NS)
    found = histogram.percentiles(9 * SECOND_NS)
    assert found is not None
    assert (found.samples, found.max) == (3, 3.0)


def test_the_rate_counts_complete_seconds_only() -> None:
    histogram = RollingHistogram()
    for k in range(25 * 10 + 20):
        histogram.record(1.0, k * SECOND_NS // 25)
    assert histogram.rate(10 * SECOND_NS + SECOND_NS // 2) == 25.0
    assert histogram.rate(13 * SECOND_NS) == pytest.approx((2 * 25 + 20) / 5)
    assert histogram.rate(60 * SECOND_NS) == 0.0


def test_memory_stays_the_same_for_ever() -> None:
    histogram = RollingHistogram()

    def size() -> int:
        return sum(array.nbytes for array in vars(histogram).values())

    before = size()
    for k in range(5000):
        histogram.record(float(k), k * SECOND_NS // 7)
    assert size() == before < 1_000_000

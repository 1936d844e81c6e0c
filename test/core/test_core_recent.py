"""Exact percentiles of a short window, against numpy's over all that is left."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from unet_perception.core.recent import RecentValues

WINDOW = 1000


def test_an_empty_window_has_no_percentile() -> None:
    assert RecentValues(WINDOW).percentile(0.5, 0) is None


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 50)), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]),
    st.integers(1, 20),
)
def test_percentiles_are_those_of_the_values_left(
    steps: list[tuple[int, int]], share: float, most: int
) -> None:
    recent, timed, now = RecentValues(WINDOW, most), [], 0
    for wait, value in steps:
        now += wait
        recent.add(value, now)
        timed.append((now, value))
    left = [value for at, value in timed[-most:] if at > now - WINDOW]
    expected = np.percentile(left, 100 * share, method='inverted_cdf')
    assert recent.percentile(share, now) == expected


def test_values_age_out() -> None:
    recent = RecentValues(WINDOW)
    recent.add(7, 0)
    assert recent.percentile(0.5, WINDOW - 1) == 7
    assert recent.percentile(0.5, WINDOW) is None


def test_forgetting_keeps_what_is_small_enough() -> None:
    recent = RecentValues(WINDOW)
    for value in (5, 100, 6, 200):
        recent.add(value, 0)
    recent.forget_above(99)
    assert recent.percentile(1.0, 0) == 6
    recent.add(7, 1)
    assert recent.percentile(1.0, WINDOW) == 7

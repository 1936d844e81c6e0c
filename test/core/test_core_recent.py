"""Exact percentiles of a short window, against their definition."""

from hypothesis import given
from hypothesis import strategies as st

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
    enough = [value for value in left if sum(x <= value for x in left) >= share * len(left)]
    assert recent.percentile(share, now) == min(enough)


def test_values_age_out() -> None:
    recent = RecentValues(WINDOW)
    recent.add(7, 0)
    assert recent.percentile(0.5, WINDOW - 1) == 7
    assert recent.percentile(0.5, WINDOW) is None


def test_a_habit_is_the_percentile_but_never_a_single_hiccup() -> None:
    recent = RecentValues(WINDOW)
    recent.add(5, 0)
    assert recent.habit(0.95, 0) is None
    recent.add(100, 0)
    assert recent.habit(0.95, 0) == 5
    recent.add(100, 0)
    assert recent.habit(0.95, 0) == 100
    for value in range(100):
        recent.add(value, WINDOW)
    assert recent.habit(0.95, WINDOW) == recent.percentile(0.95, WINDOW) == 94


def test_what_is_cleared_is_gone() -> None:
    recent = RecentValues(WINDOW)
    recent.add(5, 0)
    recent.clear()
    assert recent.percentile(0.5, 0) is None

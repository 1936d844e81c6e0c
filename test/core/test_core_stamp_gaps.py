"""How many images are missing is told from stamps alone, and nothing is made up."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.stamp_gaps import INTERVALS, LEAST_INTERVALS, PAUSE_NS, StampGaps

MS = 1_000_000
START = 10**18


def gaps_of(stamps: Iterable[int]) -> StampGaps:
    gaps = StampGaps()
    for stamp in stamps:
        gaps.record(START + int(stamp))
    return gaps


@given(st.sampled_from([5, 10, 25, 30, 60]), st.floats(0, 0.3), st.integers(0, 2**32))
def test_a_camera_that_jitters_by_a_third_of_its_period_loses_nothing(
    hz: int, jitter: float, seed: int
) -> None:
    period = 10**9 // hz
    noise = np.random.default_rng(seed).uniform(-jitter / 2, jitter / 2, 500) * period
    gaps = gaps_of(np.arange(500) * period + noise)
    assert (gaps.lost, gaps.recent_ratio) == (0, 0.0)


@pytest.mark.parametrize('share', [0.02, 0.1, 0.3, 0.5])
def test_images_lost_at_random_are_counted(share: float) -> None:
    arrived = np.random.default_rng(0).random(3000) >= share
    gaps = gaps_of(np.flatnonzero(arrived) * 40 * MS)
    assert gaps.lost == pytest.approx((~arrived).sum(), rel=0.05)
    recent = ~arrived[-round(INTERVALS / (1 - share)) :]
    assert gaps.recent_ratio == pytest.approx(recent.mean(), abs=0.03)


def test_one_lost_image_is_one_loss() -> None:
    stamps = [k * 40 * MS for k in range(30) if k != 20]
    assert gaps_of(stamps).lost == 1


def test_a_pause_is_no_loss() -> None:
    before = [k * 40 * MS for k in range(30)]
    assert gaps_of([*before, *(PAUSE_NS + before[-1] + stamp for stamp in before)]).lost == 0


@pytest.mark.parametrize('period', [66, 100, 200])
def test_a_camera_that_changes_its_rate_loses_nothing(period: int) -> None:
    fast = np.arange(200) * 33 * MS
    slow = fast[-1] + np.arange(1, 201) * period * MS
    again = slow[-1] + np.arange(1, 201) * 33 * MS
    assert gaps_of([*fast, *slow, *again]).lost == 0


@given(st.lists(st.integers(-(10**11), 10**11), max_size=200))
def test_no_stamps_are_too_wild(stamps: list[int]) -> None:
    gaps = gaps_of(stamps)
    assert gaps.lost >= 0
    assert 0.0 <= gaps.recent_ratio < 1.0


def test_a_few_intervals_say_nothing() -> None:
    assert gaps_of([0, 40 * MS, 400 * MS, 440 * MS]).lost == 0
    assert LEAST_INTERVALS > 3

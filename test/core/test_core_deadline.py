"""Where a budget begins and ends, whatever the stamp says."""

from helpers import noise, raw_frame
import pytest

from unet_perception.core.arrivals import OLD_NS
from unet_perception.core.deadline import OFFSET_NS, PAUSE_NS, Deadlines
from unet_perception.core.frame import Frame

MS, S = 1_000_000, 1_000_000_000
BUDGET, NOW, CLOCK = 100 * MS, 50 * S, 1_700_000_000 * S
IMAGE = raw_frame(noise(1, 1), 'mono8')


def frame(age_ns: int, received_ns: int = NOW) -> Frame:
    return IMAGE._replace(stamp_ns=CLOCK - age_ns, received_ns=received_ns)


@pytest.mark.parametrize('age_ns', [0, 30 * MS, 5 * S, OLD_NS])
def test_the_budget_counts_from_the_stamp(age_ns: int) -> None:
    deadlines = Deadlines(BUDGET)
    found = deadlines.of(frame(age_ns), CLOCK)
    assert (found.due_ns, found.is_from_stamp) == (NOW - age_ns + BUDGET, True)
    assert found.age_at(NOW + 7 * MS) == age_ns + 7 * MS
    assert deadlines.is_from_stamp


@pytest.mark.parametrize('age_ns', [-1, -60 * S, OLD_NS + 1, CLOCK])
def test_a_stamp_that_cannot_be_right_counts_from_reception(age_ns: int) -> None:
    deadlines = Deadlines(BUDGET)
    found = deadlines.of(frame(age_ns), CLOCK)
    assert (found.due_ns, found.is_from_stamp) == (NOW + BUDGET, False)
    assert not deadlines.is_from_stamp


@pytest.mark.parametrize(('age_ns', 'age'), [(-1, None), (CLOCK, None), (11 * S, 11 * S)])
def test_only_a_stamp_that_tells_something_has_an_age(age_ns: int, age: int | None) -> None:
    assert Deadlines(BUDGET).of(frame(age_ns), CLOCK).age_at(NOW) == age


def test_asked_to_it_counts_from_reception_and_the_age_is_still_known() -> None:
    deadlines = Deadlines(BUDGET, trusts_stamps=False)
    found = deadlines.of(frame(30 * MS), CLOCK)
    assert (found.due_ns, found.is_from_stamp) == (NOW + BUDGET, False)
    assert found.age_at(NOW) == 30 * MS


class Stream:
    """Frames, at 10 Hz unless told otherwise."""

    def __init__(self, deadlines: Deadlines, period_ns: int = 100 * MS) -> None:
        self.deadlines, self.now_ns, self._period_ns = deadlines, NOW, period_ns

    def arrive(self, count: int, age_ns: int) -> float | None:
        for _ in range(count):
            self.now_ns += self._period_ns
            self.deadlines.of(frame(age_ns, self.now_ns), CLOCK)
        return self.deadlines.offset_ms(self.now_ns)


def test_images_that_stay_older_than_the_budget_are_told_after_a_while() -> None:
    stream = Stream(Deadlines(BUDGET))
    assert stream.arrive(20, 150 * MS) is None
    assert stream.arrive(2, 150 * MS) == 150.0
    assert stream.arrive(30, 40 * MS) is None


def test_of_a_slow_camera_too() -> None:
    stream = Stream(Deadlines(BUDGET), 3 * S)
    assert stream.arrive(1, 150 * MS) is None
    assert stream.arrive(2, 150 * MS) == 150.0
    assert 3 * S > OFFSET_NS


def test_single_old_images_are_nothing_to_tell() -> None:
    stream = Stream(Deadlines(BUDGET))
    for _ in range(20):
        assert stream.arrive(1, 400 * MS) is None
        assert stream.arrive(2, 20 * MS) is None


def test_a_camera_that_paused_begins_anew() -> None:
    stream = Stream(Deadlines(BUDGET))
    assert stream.arrive(30, 150 * MS) == 150.0
    stream.now_ns += PAUSE_NS
    assert stream.deadlines.offset_ms(stream.now_ns + 1) is None
    stream.now_ns += PAUSE_NS
    assert stream.arrive(15, 150 * MS) is None


def test_a_clock_that_is_hours_off_is_told_though_budgets_count_from_reception() -> None:
    stream = Stream(Deadlines(BUDGET))
    assert stream.arrive(30, 3600 * S) == 3_600_000.0


def test_with_reception_nothing_is_told() -> None:
    assert Stream(Deadlines(BUDGET, trusts_stamps=False)).arrive(50, 3600 * S) is None

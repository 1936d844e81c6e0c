"""Down at once, up with patience, and no flapping."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from unet_perception.core.ladder import HOLD_NS, LONGEST_HOLD_NS, PAUSE_NS, PROVEN_NS, Ladder

FRAME = 33_000_000
IN_A_ROW = 3
"""So many misfits in a row are too many."""


class Drive:
    """Feeds a ladder one frame after another at 30 Hz."""

    def __init__(self, points: int = 3) -> None:
        self.ladder, self.now_ns = Ladder(points), 0

    def frames(self, count: int, fits: bool, fits_better: bool = False) -> int:
        for _ in range(count):
            self.now_ns += FRAME
            self.ladder.on_frame(fits, fits_better, self.now_ns)
        return self.ladder.level

    def until_trial(self) -> int:
        """Fit better until a trial is wanted; return how long that took, ns."""
        start = self.now_ns
        while not self.ladder.wants_trial(self.now_ns):
            self.frames(1, fits=True, fits_better=True)
            assert self.now_ns - start < 2 * LONGEST_HOLD_NS
        return self.now_ns - start

    def until_up(self) -> int:
        """Fit better until a trial, which succeeds; return how long that took, ns."""
        took_ns = self.until_trial()
        self.ladder.on_trial(True, self.now_ns)
        return took_ns


def test_misfits_lead_down_and_no_further_than_the_last_point() -> None:
    drive = Drive()
    assert drive.frames(IN_A_ROW - 1, fits=False) == 0
    assert drive.frames(1, fits=False) == 1
    assert drive.frames(10 * IN_A_ROW, fits=False) == 2
    assert drive.ladder.steps_down == 2


@pytest.mark.parametrize(('every', 'level'), [(4, 1), (6, 0)])
def test_more_than_a_fifth_of_misfits_is_too_many(every: int, level: int) -> None:
    drive = Drive(2)
    for _ in range(100):
        drive.frames(1, fits=False)
        drive.frames(every - 1, fits=True)
    assert drive.ladder.level == level


def test_a_trial_is_due_after_fitting_better_for_a_while() -> None:
    drive = Drive()
    drive.frames(IN_A_ROW, fits=False)
    assert not drive.ladder.wants_trial(drive.now_ns + LONGEST_HOLD_NS)
    assert HOLD_NS <= drive.until_up() <= HOLD_NS + 2 * FRAME
    assert drive.ladder.level == 0
    assert [step[1:] for step in drive.ladder.steps] == [(0, 1), (1, 0)]


def test_a_few_frames_that_do_not_fit_better_put_no_trial_off() -> None:
    drive = Drive()
    drive.frames(IN_A_ROW, fits=False)
    for _ in range(HOLD_NS // FRAME // 10 + 1):
        drive.frames(9, fits=True, fits_better=True)
        drive.frames(1, fits=True, fits_better=False)
    assert drive.ladder.wants_trial(drive.now_ns)
    drive.frames(IN_A_ROW, fits=True, fits_better=False)
    assert not drive.ladder.wants_trial(drive.now_ns + LONGEST_HOLD_NS)


def test_at_the_best_point_there_is_nothing_to_try() -> None:
    drive = Drive()
    drive.frames(1000, fits=True, fits_better=True)
    assert not drive.ladder.wants_trial(drive.now_ns)


def test_each_trial_that_fails_doubles_the_wait_to_a_bound() -> None:
    drive, waits = Drive(2), []
    drive.frames(IN_A_ROW, fits=False)
    for _ in range(9):
        waits.append(drive.until_trial())
        drive.ladder.on_trial(False, drive.now_ns)
    assert [round(wait / HOLD_NS) for wait in waits] == [1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert drive.ladder.level == 1


def test_each_step_up_that_was_a_mistake_doubles_the_wait_to_a_bound() -> None:
    drive, waits = Drive(2), []
    for _ in range(9):
        drive.frames(IN_A_ROW, fits=False)
        waits.append(drive.until_up())
    rounded = [round(wait / HOLD_NS) for wait in waits]
    assert rounded == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_a_step_up_that_was_a_mistake_doubles_once_however_far_down_it_leads() -> None:
    drive = Drive(3)
    drive.frames(2 * IN_A_ROW, fits=False)
    assert drive.ladder.level == 2
    drive.until_up()
    drive.until_up()
    drive.frames(2 * IN_A_ROW, fits=False)
    assert drive.ladder.level == 2
    assert round(drive.until_up() / HOLD_NS) == 2


def test_what_fitted_before_a_pause_says_nothing_after_it() -> None:
    drive = Drive(2)
    drive.frames(IN_A_ROW, fits=False)
    drive.until_trial()
    drive.now_ns += PAUSE_NS
    drive.frames(1, fits=True, fits_better=True)
    assert not drive.ladder.wants_trial(drive.now_ns)
    assert drive.until_trial() >= HOLD_NS


def test_a_step_up_that_lasted_makes_the_next_one_quick_again() -> None:
    drive = Drive(2)
    for _ in range(4):
        drive.frames(IN_A_ROW, fits=False)
        drive.until_up()
    drive.frames(PROVEN_NS // FRAME + 1, fits=True)
    drive.frames(IN_A_ROW, fits=False)
    assert drive.until_up() < HOLD_NS + 2 * FRAME


@pytest.mark.parametrize('period_s', [3, 6, 12])
def test_a_square_wave_does_not_make_it_flap(period_s: int) -> None:
    """Ten minutes of a load that comes and goes: the point fits half of the time."""
    drive = Drive(2)
    half = period_s * 1_000_000_000 // 2
    while drive.now_ns < 600_000_000_000:
        is_loaded = drive.now_ns // half % 2 == 0
        if drive.ladder.level == 0:
            drive.frames(1, fits=not is_loaded)
        else:
            drive.frames(1, fits=True, fits_better=not is_loaded)
            if drive.ladder.wants_trial(drive.now_ns):
                drive.ladder.on_trial(not is_loaded, drive.now_ns)
    steps = drive.ladder.steps_up + drive.ladder.steps_down
    assert steps <= 2 * (600 / 60) + 12, steps


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=200), st.integers(1, 4))
def test_the_level_is_always_one_there_is(frames: list[tuple[bool, bool]], points: int) -> None:
    drive = Drive(points)
    for fits, fits_better in frames:
        level = drive.frames(1, fits, fits_better)
        assert 0 <= level < points
    assert drive.ladder.steps_down - drive.ladder.steps_up == drive.ladder.level

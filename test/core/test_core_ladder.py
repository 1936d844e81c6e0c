"""Down at once, up with patience, and no flapping."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from unet_perception.core.ladder import HOLD_NS, LONGEST_HOLD_NS, MISFITS, PROVEN_NS, Ladder

FRAME = 33_000_000


class Drive:
    """Feeds a ladder one frame after another at 30 Hz."""

    def __init__(self, points: int = 3) -> None:
        self.ladder, self.now_ns = Ladder(points), 0

    def frames(self, count: int, fits: bool, fits_better: bool = False) -> int:
        for _ in range(count):
            self.now_ns += FRAME
            self.ladder.on_frame(fits, fits_better, self.now_ns)
        return self.ladder.level

    def until_up(self) -> float:
        """Fit better until the step up; return how long that took, ns."""
        start, level = self.now_ns, self.ladder.level
        while self.frames(1, fits=True, fits_better=True) == level:
            assert self.now_ns - start < 2 * LONGEST_HOLD_NS
        return self.now_ns - start


def test_misfits_in_a_row_lead_down_and_no_further_than_the_last_point() -> None:
    drive = Drive()
    assert drive.frames(MISFITS - 1, fits=False) == 0
    assert drive.frames(1, fits=True) == 0
    assert drive.frames(MISFITS - 1, fits=False) == 0
    assert drive.frames(1, fits=False) == 1
    assert drive.frames(10 * MISFITS, fits=False) == 2
    assert drive.ladder.steps_down == 2


def test_up_after_fitting_better_for_a_while_without_a_gap() -> None:
    drive = Drive()
    drive.frames(MISFITS, fits=False)
    assert drive.frames(HOLD_NS // FRAME - 1, fits=True, fits_better=True) == 1
    drive.frames(1, fits=True, fits_better=False)
    assert HOLD_NS <= drive.until_up() <= HOLD_NS + 2 * FRAME
    assert drive.ladder.level == 0
    assert drive.ladder.latest is not None
    assert drive.ladder.latest[1:] == (1, 0)


def test_each_step_up_that_was_a_mistake_doubles_the_wait_to_a_bound() -> None:
    drive, waits = Drive(2), []
    for _ in range(9):
        drive.frames(MISFITS, fits=False)
        waits.append(drive.until_up())
    rounded = [round(wait / HOLD_NS) for wait in waits]
    assert rounded == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_a_step_up_that_lasted_makes_the_next_one_quick_again() -> None:
    drive = Drive(2)
    for _ in range(4):
        drive.frames(MISFITS, fits=False)
        drive.until_up()
    drive.frames(PROVEN_NS // FRAME + 1, fits=True)
    drive.frames(MISFITS, fits=False)
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
    steps = drive.ladder.steps_up + drive.ladder.steps_down
    assert steps <= 2 * (600 / 60) + 12, steps


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=200), st.integers(1, 4))
def test_the_level_is_always_one_there_is(frames: list[tuple[bool, bool]], points: int) -> None:
    drive = Drive(points)
    for fits, fits_better in frames:
        level = drive.frames(1, fits, fits_better)
        assert 0 <= level < points
    assert drive.ladder.steps_down - drive.ladder.steps_up == drive.ladder.level

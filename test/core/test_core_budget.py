"""What a camera's budget predicts, reserves and forgets, frame by frame."""

import pytest

from unet_perception.core.budget import (
    CLEARLY,
    NEARLY,
    PROBE_BUDGETS,
    WINDOW_NS,
    Admission,
    Budget,
    Reason,
    Work,
)
from unet_perception.core.deadline import Deadline

MS, S = 1_000_000, 1_000_000_000
BUDGET = 100 * MS
BASE = (40 * MS, 20 * MS, 10 * MS)


class Frames:
    """Brings frames through a budget at 10 Hz, each `left_ns` before its deadline when taken."""

    def __init__(self, base_ns: tuple[int, ...] = BASE, publish_late: bool = False) -> None:
        self.budget, self.now_ns = Budget(BUDGET, base_ns, publish_late), 0

    def admit(self, left_ns: int = BUDGET) -> Admission | None:
        self.now_ns += 100 * MS
        self.deadline = Deadline(self.now_ns + left_ns, True, None)
        return self.budget.admit(self.deadline, self.now_ns)

    def run(
        self, inference_ns: int, publish_ns: int = MS, left_ns: int = BUDGET, fixed_ns: int = 0
    ) -> Admission:
        """Admit a frame and let it take so long; it is published if the gate lets it."""
        admission = self.admit(left_ns)
        assert admission is not None
        ready_ns = self.now_ns + fixed_ns + inference_ns
        if self.budget.may_publish(admission, self.deadline, ready_ns):
            work = Work(inference_ns, publish_ns)
            self.budget.on_published(admission, work, self.deadline, ready_ns + publish_ns)
        else:
            self.budget.on_late(admission, Work(inference_ns), ready_ns)
        return admission


def test_before_the_first_frame_a_point_takes_what_it_took_at_configure() -> None:
    assert Frames().budget.seen.predicted_ms == (40.0, 20.0, 10.0)
    assert Frames().admit(round(40 * NEARLY) * MS) == Admission(0, 100 * MS)
    assert Frames().admit(round(40 * NEARLY) * MS - 1) == Admission(1, 100 * MS)


def test_the_prediction_is_the_95th_percentile_of_recent_frames() -> None:
    frames = Frames((20 * MS,))
    for k in range(19):
        frames.run((20 + k) * MS, publish_ns=0)
    assert frames.admit(37 * MS) is not None, 'of 19 the second highest'
    assert frames.admit(37 * MS - 1) is None


def test_old_durations_are_forgotten() -> None:
    frames = Frames((20 * MS,))
    for _ in range(20):
        frames.run(80 * MS, publish_ns=0)
    assert frames.admit(79 * MS) is None
    frames.now_ns += WINDOW_NS
    admission = frames.admit(21 * MS)
    assert admission is not None
    assert admission.reason is Reason.FITS


def test_a_point_that_did_not_run_is_judged_by_its_neighbour_in_the_ratio_of_inference() -> None:
    frames = Frames()
    for _ in range(10):
        frames.run(60 * MS, publish_ns=0, fixed_ns=10 * MS)
    assert frames.admit(70 * MS) == Admission(1, frames.now_ns), '10 + 60 / 2 = 40 fit'
    seen = frames.budget.seen.predicted_ms
    assert seen == (70.0, 40.0, 25.0)


def test_the_gate_keeps_the_publish_calls_99th_percentile_in_reserve() -> None:
    frames = Frames()
    for _ in range(2):
        frames.run(20 * MS, publish_ns=8 * MS)
    frames.run(20 * MS, publish_ns=3 * MS)
    admission = frames.admit()
    assert admission is not None
    due_ns = frames.deadline.due_ns
    assert frames.budget.may_publish(admission, frames.deadline, due_ns - 8 * MS)
    assert not frames.budget.may_publish(admission, frames.deadline, due_ns - 8 * MS + 1)
    probe = admission._replace(reason=Reason.PROBE)
    assert frames.budget.may_publish(probe, frames.deadline, due_ns)
    assert not frames.budget.may_publish(probe, frames.deadline, due_ns + 1)


def test_when_nothing_ran_for_five_budgets_one_frame_is_tried_and_believed() -> None:
    frames = Frames((20 * MS,))
    for _ in range(15):
        frames.run(99 * MS, publish_ns=0)
    assert [frames.admit(50 * MS) for _ in range(PROBE_BUDGETS - 1)] == [None] * 4
    assert frames.run(20 * MS, left_ns=50 * MS).reason is Reason.PROBE
    assert frames.run(20 * MS, left_ns=50 * MS).reason is Reason.FITS


def test_a_better_point_is_tried_only_if_it_fits_clearly() -> None:
    frames = Frames((40 * MS, 20 * MS))
    while frames.budget.seen.point == 0:
        frames.run(160 * MS)
    frames.now_ns += WINDOW_NS
    barely = round(41 * MS * CLEARLY) - 2 * MS
    for _ in range(100):  # at the coarse point 20 + 1, so 40 + 1 at the better one
        assert frames.run(20 * MS, left_ns=barely).reason is Reason.FITS
    tried = [frames.run(20 * MS).reason for _ in range(100)]
    assert Reason.TRIAL in tried
    assert frames.budget.seen.point == 0


@pytest.mark.parametrize('publish_late', [False, True])
def test_what_is_late_is_wanted_or_not(publish_late: bool) -> None:
    frames = Frames(publish_late=publish_late)
    admission = frames.admit(-MS)
    assert (admission is not None) is publish_late
    if admission is not None:
        assert frames.budget.may_publish(admission, frames.deadline, frames.now_ns + S)

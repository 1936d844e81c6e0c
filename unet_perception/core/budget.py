"""Whether a frame can still be on time: before work on it begins, and before its mask goes out.

Knows deadlines and how long work took lately, by operating point, on a monotonic clock that the
caller passes in; not pixels, threads, engines or ROS.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .deadline import Deadline
from .ladder import Ladder, Step
from .recent import RecentValues

WINDOW_NS = 2_000_000_000
"""Older durations say nothing of now."""
PROBE_BUDGETS = 5
"""After so many budgets in which nothing ran, one frame is tried against the prediction."""
NEARLY = 1.1
"""A point with a coarser one below it must fit with this to spare."""
CLEARLY = 1.25
"""A better point must fit with this to spare before it is tried."""
MOST_RESERVE = 0.25
"""The publish calls' reserve is at most this share of the budget: one slow call may not stop
publication until it is forgotten."""
_SEEN_EVERY_NS = 500_000_000


class Admission(NamedTuple):
    """Run the frame at operating point `point`, from `taken_ns` on."""

    point: int
    taken_ns: int
    is_probe: bool = False
    """It is predicted to be late, and tried all the same."""


class BudgetSeen(NamedTuple):
    """What diagnostics report about the budget."""

    point: int
    predicted_ms: tuple[float, ...]
    """By operating point, from taking a frame to its mask being out."""
    reserve_ms: float
    steps_down: int
    steps_up: int
    latest_step: Step | None


class Budget:
    """Admits frames and opens the gate for their masks; one thread at a time.

    `base_ns` is each operating point's inference time as measured before the first frame, best
    point first. With `publish_late` no frame is dropped for being late.
    """

    def __init__(self, budget_ns: int, base_ns: Sequence[int], publish_late: bool = False) -> None:
        self.budget_ns, self._base_ns, self._publish_late = budget_ns, base_ns, publish_late
        self._ladder = Ladder(len(base_ns))
        self._work = [RecentValues(WINDOW_NS) for _ in base_ns]
        self._publishing = RecentValues(WINDOW_NS)
        self._ran_ns: int | None = None
        self._seen_ns = 0
        self.seen = self._look(0)
        """Any thread may read it; it is never older than half a second of work."""

    def admit(self, deadline: Deadline, now_ns: int) -> Admission | None:
        """Choose the point at which a frame will be in time; None if there is none: stale."""
        left_ns, level, last = deadline.due_ns - now_ns, self._ladder.level, len(self._work) - 1
        if left_ns <= 0 and not self._publish_late:
            return None
        point = next((k for k in range(level, last + 1) if self._fits(k, left_ns, now_ns)), None)
        if point != level:
            self._ladder.on_frame(fits=False, fits_better=False, now_ns=now_ns)
            self._note(now_ns)
        if point is None and not (self._publish_late or self._is_idle(now_ns)):
            return None
        self._ran_ns = now_ns
        return Admission(last if point is None else point, now_ns, is_probe=point is None)

    def may_publish(self, deadline: Deadline, now_ns: int) -> bool:
        """Tell whether a mask that is ready now will be out in time, or is wanted all the same."""
        return self._publish_late or now_ns + self._reserve_ns(now_ns) <= deadline.due_ns

    def on_late(self, admission: Admission, now_ns: int) -> None:
        """Note that a mask was ready too late to be published."""
        self._note_work(admission, now_ns + self._reserve_ns(now_ns))
        if admission.point == self._ladder.level:
            self._ladder.on_frame(fits=False, fits_better=False, now_ns=now_ns)
        self._note(now_ns)

    def on_published(
        self, admission: Admission, deadline: Deadline, publish_ns: int, now_ns: int
    ) -> None:
        """Note that a mask is out, after publish calls of `publish_ns`."""
        self._publishing.add(publish_ns, now_ns)
        left_ns, level = deadline.due_ns - admission.taken_ns, self._ladder.level
        is_in_time = now_ns <= deadline.due_ns
        if admission.is_probe and is_in_time:  # what was slow is over
            self._work[admission.point].forget_above(left_ns)
        self._note_work(admission, now_ns)
        if admission.point == level:
            better = level > 0 and self._predicted_ns(level - 1, now_ns) * CLEARLY <= left_ns
            self._ladder.on_frame(is_in_time, better, now_ns)
        self._note(now_ns)

    def _fits(self, point: int, left_ns: int, now_ns: int) -> bool:
        spare = NEARLY if point < len(self._work) - 1 else 1.0
        return self._predicted_ns(point, now_ns) * spare <= left_ns

    def _predicted_ns(self, point: int, now_ns: int) -> int:
        """Return the p95 of the lately measured times from taking to publishing a frame.

        A point that did not run lately is judged by the nearest that did, in the ratio of their
        base times; if none did, by its own base time.
        """
        own = self._work[point].percentile(0.95, now_ns)
        if own is not None:
            return own
        for k in sorted(range(len(self._work)), key=lambda k: abs(k - point)):
            other = self._work[k].percentile(0.95, now_ns)
            if other is not None:
                return other * self._base_ns[point] // self._base_ns[k]
        return self._base_ns[point]

    def _reserve_ns(self, now_ns: int) -> int:
        """Return what the publish calls are expected to take: their p99, within limits."""
        p99_ns = self._publishing.percentile(0.99, now_ns) or 0
        return min(p99_ns, int(self.budget_ns * MOST_RESERVE))

    def _is_idle(self, now_ns: int) -> bool:
        return self._ran_ns is None or now_ns - self._ran_ns >= PROBE_BUDGETS * self.budget_ns

    def _note_work(self, admission: Admission, until_ns: int) -> None:
        self._work[admission.point].add(until_ns - admission.taken_ns, until_ns)

    def _note(self, now_ns: int) -> None:
        """Renew what other threads see, if it is old or a step was made."""
        steps = self._ladder.steps_down + self._ladder.steps_up
        is_new = steps != self.seen.steps_down + self.seen.steps_up
        if is_new or now_ns - self._seen_ns >= _SEEN_EVERY_NS:
            self.seen, self._seen_ns = self._look(now_ns), now_ns

    def _look(self, now_ns: int) -> BudgetSeen:
        ladder = self._ladder
        points = range(len(self._work))
        return BudgetSeen(
            ladder.level,
            tuple(self._predicted_ns(point, now_ns) / 1e6 for point in points),
            self._reserve_ns(now_ns) / 1e6,
            ladder.steps_down,
            ladder.steps_up,
            ladder.latest,
        )

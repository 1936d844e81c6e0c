"""Whether a camera's frame can still be on time: before work on it, and before its mask goes out.

Knows deadlines and how long work took lately, by operating point, on a monotonic clock that the
caller passes in; not pixels, threads, engines or ROS.
"""

from collections.abc import Sequence
from enum import Enum
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
_SEEN_EVERY_NS = 500_000_000


class Reason(Enum):
    """Why a frame is run at its operating point."""

    FITS = 'fits'  # it is predicted to be in time there, or late masks are wanted
    TRIAL = 'trial'  # to see whether a better point than the current one fits
    PROBE = 'probe'  # predicted to be late, but nothing ran for long: the prediction may be wrong


class Admission(NamedTuple):
    """Run the frame at operating point `point`, from `taken_ns` on."""

    point: int
    taken_ns: int
    reason: Reason = Reason.FITS


class Work(NamedTuple):
    """How long an admitted frame took: the engine's part, and the publish calls (0: none made)."""

    inference_ns: int
    publish_ns: int = 0


class BudgetSeen(NamedTuple):
    """What diagnostics report about the budget."""

    point: int
    predicted_ms: tuple[float, ...]
    """By operating point, from taking a frame to its mask being out."""
    reserve_ms: float
    steps_down: int
    steps_up: int
    steps: tuple[Step, ...]
    """The latest, newest last."""


class Budget:
    """Admits one camera's frames and opens the gate for their masks; one thread at a time.

    `base_ns` is each operating point's inference time as measured before the first frame, best
    point first. With `publish_late` no frame is dropped for being late.
    """

    def __init__(self, budget_ns: int, base_ns: Sequence[int], publish_late: bool = False) -> None:
        self._budget_ns, self._base_ns, self._publish_late = budget_ns, base_ns, publish_late
        self._ladder = Ladder(len(base_ns))
        self._whole = [RecentValues(WINDOW_NS) for _ in base_ns]
        self._inference = [RecentValues(WINDOW_NS) for _ in base_ns]
        self._publishing = RecentValues(WINDOW_NS)
        self._ran_ns: int | None = None
        self._seen_ns = 0
        self.seen = self._look(0)
        """Any thread may read it; it is never older than half a second of work."""

    def admit(self, deadline: Deadline, now_ns: int) -> Admission | None:
        """Choose the point at which a frame will be in time; None if there is none: stale."""
        left_ns = deadline.due_ns - now_ns
        self._note(now_ns)
        if left_ns <= 0 and not self._publish_late:
            return None
        admission = self._trial(left_ns, now_ns) or self._fitting(left_ns, now_ns)
        if admission is not None:
            self._ran_ns = now_ns
        return admission

    def may_publish(self, admission: Admission, deadline: Deadline, now_ns: int) -> bool:
        """Tell whether a mask that is ready now will be out in time, or is wanted all the same."""
        reserve_ns = 0 if admission.reason is Reason.PROBE else self._reserve_ns(now_ns)
        return self._publish_late or now_ns + reserve_ns <= deadline.due_ns

    def on_late(self, admission: Admission, work: Work, now_ns: int) -> None:
        """Note that a mask was ready too late to be published."""
        self._note_work(admission, work, now_ns, now_ns + self._reserve_ns(now_ns))
        self._judge(admission, False, False, now_ns)

    def on_published(
        self, admission: Admission, work: Work, deadline: Deadline, now_ns: int
    ) -> None:
        """Note that a mask is out."""
        is_in_time = now_ns <= deadline.due_ns
        if admission.reason is Reason.PROBE and is_in_time:  # what was slow is over
            for values in (*self._whole, *self._inference, self._publishing):
                values.clear()
        self._publishing.add(work.publish_ns, now_ns)
        self._note_work(admission, work, now_ns, now_ns)
        left_ns = deadline.due_ns - admission.taken_ns
        fits_better = self._ladder.level > 0 and self._fits_clearly(left_ns, now_ns)
        self._judge(admission, is_in_time, fits_better, now_ns)

    def on_failed(self, admission: Admission, now_ns: int) -> None:
        """Note that nothing came of the frame: another point may do better."""
        self._judge(admission, False, False, now_ns)

    def would_fit(self, deadline: Deadline, now_ns: int) -> bool:
        """Tell whether a frame taken then would be in time at some point."""
        left_ns = deadline.due_ns - now_ns
        points = range(self._ladder.level, len(self._base_ns))
        return any(self._fits(point, left_ns, now_ns) for point in points)

    def on_crowding(self, now_ns: int) -> None:
        """Note that this camera's frame, though in time, made another's late."""
        self._ladder.on_frame(fits=False, fits_better=False, now_ns=now_ns)
        self._note(now_ns)

    def _trial(self, left_ns: int, now_ns: int) -> Admission | None:
        """Try the next better point, if it is time and this frame fits there."""
        if self._ladder.wants_trial(now_ns) and self._fits_clearly(left_ns, now_ns):
            return Admission(self._ladder.level - 1, now_ns, Reason.TRIAL)
        return None

    def _fitting(self, left_ns: int, now_ns: int) -> Admission | None:
        """Take the current point or, for this frame, the first coarser one that fits."""
        level, last = self._ladder.level, len(self._base_ns) - 1
        point = next((k for k in range(level, last + 1) if self._fits(k, left_ns, now_ns)), None)
        if point is None and self._publish_late:
            point = last
        if point != level:
            self._ladder.on_frame(fits=False, fits_better=False, now_ns=now_ns)
        if point is not None:
            return Admission(point, now_ns)
        return Admission(last, now_ns, Reason.PROBE) if self._is_idle(now_ns) else None

    def _judge(self, admission: Admission, fits: bool, fits_better: bool, now_ns: int) -> None:
        """Tell the ladder; what did not run at its point was judged when it was admitted."""
        if admission.reason is Reason.TRIAL:
            self._ladder.on_trial(fits, now_ns)
        elif admission.point == self._ladder.level and admission.reason is Reason.FITS:
            self._ladder.on_frame(fits, fits_better, now_ns)
        self._note(now_ns)

    def _fits(self, point: int, left_ns: int, now_ns: int) -> bool:
        spare = NEARLY if point < len(self._base_ns) - 1 else 1.0
        return self._predicted_ns(point, now_ns) * spare <= left_ns

    def _fits_clearly(self, left_ns: int, now_ns: int) -> bool:
        """Tell whether a frame would have fitted the point above the current one."""
        return self._predicted_ns(self._ladder.level - 1, now_ns) * CLEARLY <= left_ns

    def _predicted_ns(self, point: int, now_ns: int) -> int:
        """Return the p95 of the lately measured times from taking to publishing a frame.

        A point that did not run lately is judged by the nearest that did, its inference in the
        ratio of their base times and the rest as it is; if none did, by its own base time.
        """
        own = self._whole[point].habit(0.95, now_ns)
        if own is not None:
            return own
        for k in sorted(range(len(self._base_ns)), key=lambda k: abs(k - point)):
            whole = self._whole[k].habit(0.95, now_ns)
            inference = self._inference[k].habit(0.95, now_ns)
            if whole is not None and inference is not None:
                scaled = inference * self._base_ns[point] // self._base_ns[k]
                return max(whole - inference, 0) + scaled
        return self._base_ns[point]

    def _reserve_ns(self, now_ns: int) -> int:
        """Return what the publish calls are expected to take: their p99."""
        return self._publishing.habit(0.99, now_ns) or 0

    def _is_idle(self, now_ns: int) -> bool:
        return self._ran_ns is None or now_ns - self._ran_ns >= PROBE_BUDGETS * self._budget_ns

    def _note_work(self, admission: Admission, work: Work, now_ns: int, until_ns: int) -> None:
        self._whole[admission.point].add(until_ns - admission.taken_ns, now_ns)
        self._inference[admission.point].add(work.inference_ns, now_ns)

    def _note(self, now_ns: int) -> None:
        """Renew what other threads see, if it is old or a step was made."""
        steps = self._ladder.steps_down + self._ladder.steps_up
        is_new = steps != self.seen.steps_down + self.seen.steps_up
        if is_new or now_ns - self._seen_ns >= _SEEN_EVERY_NS:
            self.seen, self._seen_ns = self._look(now_ns), now_ns

    def _look(self, now_ns: int) -> BudgetSeen:
        ladder = self._ladder
        points = range(len(self._base_ns))
        return BudgetSeen(
            ladder.level,
            tuple(self._predicted_ns(point, now_ns) / 1e6 for point in points),
            self._reserve_ns(now_ns) / 1e6,
            ladder.steps_down,
            ladder.steps_up,
            tuple(ladder.steps),
        )

"""When a frame's budget ends, and what its stamp can be trusted for.

Knows stamps and clocks of one camera; not how long work takes (`budget`). The deadline is fixed
on arrival, on the monotonic clock: a clock that is set meanwhile moves no deadline.
"""

from typing import NamedTuple

from .arrivals import OLD_NS
from .frame import Frame
from .recent import RecentValues

OFFSET_NS = 2_000_000_000
"""For so long the median age on arrival must exceed the budget to be reported."""
_AGES, PAUSE_NS = 31, 10_000_000_000
"""The median is of so many ages, none older than that; after such a pause all begins anew."""


class Deadline(NamedTuple):
    """Until when a frame's mask is of use; times are monotonic, ns."""

    due_ns: int
    is_from_stamp: bool
    """Whether the budget counts from the image's stamp; else from its arrival."""
    born_ns: int | None
    """When the stamp was taken, as far as it tells."""

    def age_at(self, now_ns: int) -> int | None:
        """Return how old the image is at monotonic time `now_ns`, ns; None if unknown."""
        return None if self.born_ns is None else now_ns - self.born_ns


class Deadlines:
    """Sets the deadlines of one camera; the receiving thread calls `of`, any thread may read."""

    def __init__(self, budget_ns: int, trusts_stamps: bool = True) -> None:
        self._budget_ns, self._trusts_stamps = budget_ns, trusts_stamps
        self.is_from_stamp = trusts_stamps
        """Whether the latest frame's budget counts from its stamp."""
        self._ages = RecentValues(PAUSE_NS, _AGES)
        self._over_since_ns: int | None = None
        self._median_ns = self._watched_ns = 0

    def of(self, frame: Frame, clock_ns: int) -> Deadline:
        """Return the deadline of a frame that arrived when the node's clock said `clock_ns`.

        It counts from reception if it was asked to, or if the stamp is zero, in the future or
        older than `OLD_NS`.
        """
        deadline = self._deadline(frame, clock_ns - frame.stamp_ns)
        self.is_from_stamp = deadline.is_from_stamp
        return deadline

    def _deadline(self, frame: Frame, age_ns: int) -> Deadline:
        if not frame.stamp_ns or age_ns < 0:
            return Deadline(frame.received_ns + self._budget_ns, False, None)
        born_ns = frame.received_ns - age_ns
        if self._trusts_stamps:
            self._watch(age_ns, frame.received_ns)
        if not self._trusts_stamps or age_ns > OLD_NS:
            return Deadline(frame.received_ns + self._budget_ns, False, born_ns)
        return Deadline(born_ns + self._budget_ns, True, born_ns)

    def offset_ms(self, now_ns: int) -> float | None:
        """Return the median age on arrival if it has exceeded the budget for `OFFSET_NS`."""
        since_ns = self._over_since_ns
        if since_ns is None or now_ns - self._watched_ns > PAUSE_NS:
            return None
        return self._median_ns / 1e6 if self._watched_ns - since_ns >= OFFSET_NS else None

    def _watch(self, age_ns: int, now_ns: int) -> None:
        """Take an age into account; a pause in the images begins anew."""
        if now_ns - self._watched_ns > PAUSE_NS:
            self._over_since_ns = None
        self._ages.add(age_ns, now_ns)
        self._median_ns = self._ages.percentile(0.5, now_ns) or 0
        if self._median_ns <= self._budget_ns:
            self._over_since_ns = None
        elif self._over_since_ns is None:
            self._over_since_ns = now_ns
        self._watched_ns = now_ns

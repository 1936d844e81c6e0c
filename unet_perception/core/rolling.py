"""What share of recent events were misses, in fixed memory.

Knows events and a clock that the caller passes in; not what an event is. One thread records,
another may read.
"""

import numpy as np

from .histogram import SECOND_NS


class RollingRatio:
    """Events of the last `seconds` s and how many of them were misses, one row a second."""

    def __init__(self, seconds: int = 60) -> None:
        self._events = np.zeros((seconds, 2), np.int64)  # all, misses
        self._second = np.full(seconds, -1, np.int64)  # which second each row holds

    def record(self, is_miss: bool, now_ns: int) -> None:
        """Add one event at monotonic time `now_ns`."""
        second = now_ns // SECOND_NS
        row = second % len(self._second)
        if self._second[row] != second:
            self._events[row] = 0
            self._second[row] = second
        self._events[row, 0] += 1
        self._events[row, 1] += is_miss

    def ratio(self, now_ns: int) -> float | None:
        """Return the share of misses, 0 to 1; None if there was no event."""
        now = now_ns // SECOND_NS
        recent = (self._second > now - len(self._second)) & (self._second <= now)
        total, misses = (int(n) for n in self._events[recent].sum(0))
        return misses / total if total else None

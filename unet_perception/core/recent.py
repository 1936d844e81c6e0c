"""Percentiles of the last moments, exact and always at hand: for decisions, not for reports.

Knows numbers and a clock that the caller passes in; not what is measured. One thread at a time.
"""

from bisect import bisect_left, insort
from collections import deque
import math


class RecentValues:
    """At most `most` values of the last `window_ns`, kept sorted; none of them outlives it."""

    def __init__(self, window_ns: int, most: int = 256) -> None:
        self._window_ns, self._most = window_ns, most
        self._timed: deque[tuple[int, int]] = deque()
        self._sorted: list[int] = []

    def add(self, value: int, now_ns: int) -> None:
        """Take a value in, at monotonic time `now_ns`."""
        self._timed.append((now_ns, value))
        insort(self._sorted, value)
        if len(self._timed) > self._most:
            self._drop_oldest()

    def percentile(self, share: float, now_ns: int) -> int | None:
        """Return the least value that `share` (0 to 1) of them do not exceed; None if empty."""
        count = self._left(now_ns)
        return self._sorted[max(math.ceil(count * share), 1) - 1] if count else None

    def habit(self, share: float, now_ns: int) -> int | None:
        """Return the percentile, but never the highest value; None of fewer than two.

        Of a few values a high percentile is the highest, and one hiccup is no habit.
        """
        count = self._left(now_ns)
        return self._sorted[min(math.ceil(count * share), count - 1) - 1] if count > 1 else None

    def clear(self) -> None:
        """Forget all."""
        self._timed.clear()
        self._sorted.clear()

    def _left(self, now_ns: int) -> int:
        """Drop what is too old, and return how many values are left."""
        while self._timed and self._timed[0][0] <= now_ns - self._window_ns:
            self._drop_oldest()
        return len(self._sorted)

    def _drop_oldest(self) -> None:
        _, value = self._timed.popleft()
        del self._sorted[bisect_left(self._sorted, value)]

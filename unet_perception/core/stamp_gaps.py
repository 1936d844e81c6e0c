"""Estimates from stamps how many images a camera sent that never arrived here.

Knows intervals between stamps; not why an image is missing (transport, network, camera).
"""

from collections import deque

INTERVALS = 64
LEAST_INTERVALS = 8
"""Fewer say too little about the camera's period."""
GAP = 1.75
"""An interval of so many periods has an image missing; stamps may jitter by a third of one."""
STEADY, ALIKE = 4, 1.3
"""So many intervals in a row of which none exceeds another by more are the camera's own pace."""
PAUSE_NS = 2_000_000_000
"""After so long the camera was stopped: that is no loss."""


class StampGaps:
    """Losses among the last `INTERVALS` intervals; one thread records, any may read.

    The period is the lower quartile of those intervals: right as long as at least every fourth
    image has its successor arrive as well. A long interval among others like it is no gap: the
    camera has another rate now. So an interval is judged when those after it are known.
    """

    def __init__(self) -> None:
        self._last_ns = 0
        self._intervals: deque[int] = deque(maxlen=INTERVALS)
        self._losses: deque[int] = deque([0] * INTERVALS, maxlen=INTERVALS)
        self.lost = 0
        """How many images are missing in all."""

    @property
    def recent_ratio(self) -> float:
        """Share of the images lately sent that are missing."""
        recent = sum(tuple(self._losses))
        return recent / (recent + INTERVALS)

    def record(self, stamp_ns: int) -> None:
        """Note the stamp of an image that arrived."""
        interval, self._last_ns = stamp_ns - self._last_ns, stamp_ns
        if not 0 < interval < PAUSE_NS:
            return
        self._intervals.append(interval)
        if len(self._intervals) >= LEAST_INTERVALS:
            missing = self._missing_before_the_last()
            self._losses.append(missing)
            self.lost += missing

    def _missing_before_the_last(self) -> int:
        """Return how many images are missing in the interval that has `STEADY` - 1 after it."""
        period = sorted(self._intervals)[len(self._intervals) // 4]
        around = [self._intervals[k] for k in range(1 - 2 * STEADY, 0)]
        interval = around[STEADY - 1]
        if interval <= GAP * period or _is_steady(around[:STEADY]) or _is_steady(around[-STEADY:]):
            return 0
        return round(interval / period) - 1


def _is_steady(intervals: list[int]) -> bool:
    return max(intervals) <= ALIKE * min(intervals)

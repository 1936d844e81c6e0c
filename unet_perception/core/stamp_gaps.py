"""Estimates from stamps how many images a camera sent that never arrived here.

Knows intervals between stamps; not why an image is missing (transport, network, camera).
"""

from collections import deque

INTERVALS = 64
LEAST_INTERVALS = 8
"""Fewer say too little about the camera's period."""
GAP = 1.75
"""An interval of so many periods has an image missing; stamps may jitter by a third of one."""
PAUSE_NS = 2_000_000_000
"""After so long the camera was stopped: that is no loss."""


class StampGaps:
    """Losses among the last `INTERVALS` intervals; one thread records, any may read.

    The period is the lower quartile of those intervals: right as long as at least every fourth
    image has its successor arrive as well, and it follows a camera that changes its rate.
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
        missing = self._missing_in(interval)
        self._losses.append(missing)
        self.lost += missing

    def _missing_in(self, interval: int) -> int:
        count = len(self._intervals)
        if count < LEAST_INTERVALS:
            return 0
        period = sorted(self._intervals)[count // 4]
        return round(interval / period) - 1 if interval > GAP * period else 0

"""Percentiles of the recent past in fixed memory.

Knows numbers and a clock that the caller passes in; not what is measured.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SECOND_NS = 1_000_000_000
LOWEST_MS, HIGHEST_MS, GROWTH = 0.01, 100_000.0, 1.02
_BUCKETS = math.ceil(math.log(HIGHEST_MS / LOWEST_MS) / math.log(GROWTH)) + 1


class Percentiles(NamedTuple):
    """A summary of `samples` durations, ms; each percentile is at most 2 % too high."""

    samples: int
    p50: float
    p95: float
    p99: float
    max: float


class RollingHistogram:
    """Durations of the last `seconds` s in logarithmic buckets, one row a second.

    One thread records, another may read: rows are only ever added to or started anew, so a
    reader is at worst one value behind.
    """

    def __init__(self, seconds: int = 60) -> None:
        self._counts = np.zeros((seconds, _BUCKETS), np.int64)
        self._highest = np.zeros(seconds)
        self._second = np.full(seconds, -1, np.int64)  # which second each row holds

    def record(self, value_ms: float, now_ns: int) -> None:
        """Add one duration at monotonic time `now_ns`."""
        second = now_ns // SECOND_NS
        row = second % len(self._second)
        if self._second[row] != second:
            self._counts[row] = 0
            self._highest[row] = 0.0
            self._second[row] = second
        self._counts[row, _bucket(value_ms)] += 1
        self._highest[row] = max(self._highest[row], value_ms)

    def percentiles(self, now_ns: int) -> Percentiles | None:
        """Summarise the window that ends at `now_ns`; None if it is empty."""
        recent = self._rows(now_ns, len(self._second))
        total = self._counts[recent].sum(0)
        count = int(total.sum())
        if not count:
            return None
        highest = float(self._highest[recent].max())
        edges = np.cumsum(total)
        ranks = (math.ceil(count * share) for share in (0.50, 0.95, 0.99))
        values = (_upper_edge(int(np.searchsorted(edges, rank))) for rank in ranks)
        p50, p95, p99 = (min(value, highest) for value in values)
        return Percentiles(count, p50, p95, p99, highest)

    def rate(self, now_ns: int, seconds: int = 5) -> float:
        """Return how many values a second came in the last `seconds` complete seconds."""
        complete = (now_ns // SECOND_NS) * SECOND_NS - 1
        return float(self._counts[self._rows(complete, seconds)].sum() / seconds)

    def _rows(self, now_ns: int, seconds: int) -> NDArray[np.bool_]:
        """Select the rows of the last `seconds` seconds up to now."""
        now = now_ns // SECOND_NS
        recent: NDArray[np.bool_] = (self._second > now - seconds) & (self._second <= now)
        return recent


def _bucket(value_ms: float) -> int:
    if value_ms <= LOWEST_MS:
        return 0
    return min(math.ceil(math.log(value_ms / LOWEST_MS) / math.log(GROWTH)), _BUCKETS - 1)


def _upper_edge(bucket: int) -> float:
    return float(LOWEST_MS * GROWTH**bucket)

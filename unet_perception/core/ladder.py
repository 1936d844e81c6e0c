"""Which operating point to run at: the best that keeps fitting, coarser rather than later.

Knows an order of points (0 is the best) and whether frames fit; not times, engines or cameras.
Down when more than a fifth of the frames do not fit; up by a trial, when nearly all have fitted a
better point for a while. After a trial, or a step up, that was a mistake the next one waits twice
as long.
"""

from collections import deque
from typing import NamedTuple

HOLD_NS, LONGEST_HOLD_NS = 2_000_000_000, 60_000_000_000
"""How long a better point must fit before it is tried, at first and at most."""
PROVEN_NS = 30_000_000_000
"""A step up that lasted this long was right: the next trial waits `HOLD_NS` again."""
PAUSE_NS = 10_000_000_000
"""After so long without a frame nothing is known of how a better point would do."""
STEPS_KEPT = 8


class Step(NamedTuple):
    """A change of the operating point, at a monotonic time, ns."""

    at_ns: int
    origin: int
    target: int


class Tally:
    """Tells when more than a fifth of recent events are bad: three in a row are."""

    BAD, GOOD, FULL = 4, -1, 12

    def __init__(self, count: int = 0) -> None:
        self._count = count

    def record(self, is_bad: bool) -> bool:
        """Take an event into account; True if too many were bad."""
        change = self.BAD if is_bad else self.GOOD
        self._count = min(max(self._count + change, 0), self.FULL)
        return self._count == self.FULL


class Ladder:
    """The current point of `points`, and how it came there; one thread at a time."""

    def __init__(self, points: int) -> None:
        self._last = points - 1
        self.level = 0
        self.steps: deque[Step] = deque(maxlen=STEPS_KEPT)
        """The latest, newest last."""
        self.steps_down = self.steps_up = 0
        self._rose_ns: int | None = None
        """When the latest step up was, unless it has proven right or wrong."""
        self._seen_ns = 0
        self._hold_ns = HOLD_NS
        self._rising_since_ns: int | None
        self._begin_anew()

    def on_frame(self, fits: bool, fits_better: bool, now_ns: int) -> None:
        """Take a frame into account: whether it was in time here, and would be a point higher."""
        self._note_time(now_ns)
        is_too_slow, is_doubtful = (
            tally.record(not good)
            for tally, good in ((self._misfits, fits), (self._doubts, fits and fits_better))
        )
        if is_too_slow and self.level < self._last:
            self._step_down(now_ns)
        elif is_doubtful:
            self._rising_since_ns = None
        elif self._rising_since_ns is None:
            self._rising_since_ns = now_ns

    def wants_trial(self, now_ns: int) -> bool:
        """Tell whether it is time to try the next better point with one frame."""
        since_ns = self._rising_since_ns
        return self.level > 0 and since_ns is not None and now_ns - since_ns >= self._hold_ns

    def on_trial(self, is_success: bool, now_ns: int) -> None:
        """Step up if the frame at the better point was in time; else wait for longer."""
        if is_success:
            self._rose_ns = now_ns
            self.steps_up += 1
            self._step(self.level - 1, now_ns)
        else:
            self._wait_longer()
            self._begin_anew()

    def _note_time(self, now_ns: int) -> None:
        """Believe a step up that lasted, and forget what was seen before a pause."""
        if self._rose_ns is not None and now_ns - self._rose_ns >= PROVEN_NS:
            self._rose_ns, self._hold_ns = None, HOLD_NS
        if now_ns - self._seen_ns >= PAUSE_NS:
            self._begin_anew()
        self._seen_ns = now_ns

    def _step_down(self, now_ns: int) -> None:
        if self._rose_ns is not None:
            self._rose_ns = None
            self._wait_longer()
        self.steps_down += 1
        self._step(self.level + 1, now_ns)

    def _wait_longer(self) -> None:
        self._hold_ns = min(2 * self._hold_ns, LONGEST_HOLD_NS)

    def _step(self, target: int, now_ns: int) -> None:
        self.steps.append(Step(now_ns, self.level, target))
        self.level = target
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Forget what was seen; a better point is doubted until it is shown to fit."""
        self._misfits, self._doubts = Tally(), Tally(Tally.FULL)
        self._rising_since_ns = None

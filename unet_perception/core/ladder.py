"""Which operating point to run at: the best that keeps fitting, coarser rather than later.

Knows an order of points (0 is the best) and whether frames fit; not times, engines or cameras.
Down after a few misfits in a row; up when everything has fitted a better point for a while, and
if that was a mistake, the next try waits twice as long.
"""

from typing import NamedTuple

MISFITS = 3
"""So many frames in a row that do not fit make a step down."""
HOLD_NS, LONGEST_HOLD_NS = 2_000_000_000, 60_000_000_000
"""How long a better point must fit before the step up, at first and at most."""
PROVEN_NS = 30_000_000_000
"""A step up that lasted this long was right: the next one waits `HOLD_NS` again."""


class Step(NamedTuple):
    """A change of the operating point, at a monotonic time, ns."""

    at_ns: int
    origin: int
    target: int


class Ladder:
    """The current point of `points`, and how it came there; one thread at a time."""

    def __init__(self, points: int) -> None:
        self._last = points - 1
        self.level = 0
        self.latest: Step | None = None
        self.steps_down = self.steps_up = 0
        self._misfits = 0
        self._rising_since_ns: int | None = None
        self._rose_ns = -PROVEN_NS
        self._hold_ns = HOLD_NS

    def on_frame(self, fits: bool, fits_better: bool, now_ns: int) -> None:
        """Take a frame into account: whether it was in time here, and would be a point higher."""
        self._misfits = 0 if fits else self._misfits + 1
        if self._misfits >= MISFITS and self.level < self._last:
            self._step_down(now_ns)
        if not fits_better or not fits:
            self._rising_since_ns = None
        elif self._rising_since_ns is None:
            self._rising_since_ns = now_ns
        elif self.level and now_ns - self._rising_since_ns >= self._hold_ns:
            self._step_up(now_ns)

    def _step_down(self, now_ns: int) -> None:
        was_mistake = now_ns - self._rose_ns < PROVEN_NS
        self._hold_ns = min(2 * self._hold_ns, LONGEST_HOLD_NS) if was_mistake else HOLD_NS
        self.steps_down += 1
        self._step(self.level + 1, now_ns)

    def _step_up(self, now_ns: int) -> None:
        self._rose_ns = now_ns
        self.steps_up += 1
        self._step(self.level - 1, now_ns)

    def _step(self, target: int, now_ns: int) -> None:
        self.latest = Step(now_ns, self.level, target)
        self.level, self._misfits, self._rising_since_ns = target, 0, None

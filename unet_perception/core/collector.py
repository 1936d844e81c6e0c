"""Python's cyclic garbage collector, run when a frame is done and not in the midst of one.

Knows the interpreter's `gc`; not what is allocated. The collector is the process's, and so is
this.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import gc
from time import monotonic

PERIOD_S = 1.0
_RARELY = 100_000
"""Container objects that may pile up before the interpreter collects in the midst of work after
all: a bound on memory for a process whose frames stopped."""


@contextmanager
def frozen_garbage() -> Iterator['Collector']:
    """Set all that lives now aside for good, and collect only when told to, until the end."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_RARELY, *thresholds[1:])
    try:
        yield Collector()
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class Collector:
    """Collects between frames, at most once in `PERIOD_S`."""

    def __init__(self) -> None:
        self._collected_s = monotonic()

    def between_frames(self) -> None:
        """Collect if it is time."""
        if monotonic() - self._collected_s >= PERIOD_S:
            gc.collect()
            self._collected_s = monotonic()

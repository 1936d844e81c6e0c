"""Ctrl-C while a library calls Python back: kept until the library has returned.

Knows signals of the main thread; not what the library does. Python raises what a signal's handler
raises in whichever function of Python's comes next. Where that is a callback (TensorRT's logger is
called a thousand times in a build), the library swallows it.
"""

import signal
import threading
from types import FrameType
from typing import Any

KEPT = (signal.SIGINT, signal.SIGTERM)


class InterruptsKept:
    """Handlers are called as ever; what they raise, `interruption`, is raised at the end."""

    def __init__(self) -> None:
        self.interruption: BaseException | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> 'InterruptsKept':
        if threading.current_thread() is threading.main_thread():
            for number in KEPT:
                before = signal.getsignal(number)
                if callable(before):
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if self.interruption is not None:
            raise self.interruption from None

    def _note(self, number: int, frame: FrameType | None) -> None:
        try:
            self._before[number](number, frame)
        except BaseException as exc:  # KeyboardInterrupt, if it is Python's own handler
            self.interruption = self.interruption or exc

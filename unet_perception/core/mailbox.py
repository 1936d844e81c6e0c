"""One slot between the thread that receives frames and the one that works on them.

Knows one frame; the newest wins. Holds the package's only lock.
"""

import threading

from .frame import Frame


class Mailbox:
    """A slot for one frame; `close` wakes the taker and hands back what was left."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._frame: Frame | None = None
        self._is_open = True

    def put(self, frame: Frame) -> Frame | None:
        """Leave `frame`; return the one that nobody will take: the older, or this if closed."""
        with self._condition:
            if not self._is_open:
                return frame
            displaced, self._frame = self._frame, frame
            self._condition.notify()
            return displaced

    def take(self) -> Frame | None:
        """Wait for a frame and return it; None once the mailbox is closed."""
        with self._condition:
            while self._frame is None and self._is_open:
                self._condition.wait()
            frame, self._frame = self._frame, None
            return frame

    def close(self) -> Frame | None:
        """Refuse further frames and return the one still inside, if any."""
        with self._condition:
            self._is_open = False
            frame, self._frame = self._frame, None
            self._condition.notify_all()
            return frame

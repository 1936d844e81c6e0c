"""One slot per camera between the thread that receives frames and the one that works on them.

Knows slots and the newest of each; not what lies in them. Holds the package's only lock.
"""

from collections.abc import Callable
import threading
from typing import Any, Generic, TypeVar

T = TypeVar('T')


class Mailbox(Generic[T]):
    """Slots for one item each; `close` wakes the taker and hands back what was left."""

    def __init__(self, slots: int = 1) -> None:
        self._condition = threading.Condition()
        self._slots: list[T | None] = [None] * slots
        self._is_open = True

    def put(self, item: T, slot: int = 0) -> T | None:
        """Leave `item`; return the one that nobody will take: the older, or this if closed."""
        with self._condition:
            if not self._is_open:
                return item
            displaced, self._slots[slot] = self._slots[slot], item
            self._condition.notify()
            return displaced

    def take(self, rank: Callable[[T], Any] = lambda _: 0) -> T | None:
        """Wait for items and return the one of lowest `rank`; None once the mailbox is closed."""
        with self._condition:
            while self._is_open:
                waiting = [(k, item) for k, item in enumerate(self._slots) if item is not None]
                if waiting:
                    slot, item = min(waiting, key=lambda pair: rank(pair[1]))
                    self._slots[slot] = None
                    return item
                self._condition.wait()
            return None

    def close(self) -> list[T]:
        """Refuse further items and return those still inside."""
        with self._condition:
            self._is_open = False
            left = [item for item in self._slots if item is not None]
            self._slots = [None] * len(self._slots)
            self._condition.notify_all()
            return left

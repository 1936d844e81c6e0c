"""Faults to be injected: at which call of what, and how often.

Knows names and counts; not what a fault is.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

F = TypeVar('F')


@dataclass
class _Fault(Generic[F]):
    name: str
    what: F
    after: int
    times: int

    def is_due(self) -> bool:
        """Count a call."""
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Faults(Generic[F]):
    """The faults to come."""

    def __init__(self) -> None:
        self._coming: list[_Fault[F]] = []

    def add(self, name: str, what: F, after: int, times: int) -> None:
        """Plan one for `times` calls of `name`, after `after` more calls."""
        self._coming.append(_Fault(name, what, after, times))

    def due(self, name: str) -> F | None:
        """Count a call of `name`; return the fault that it meets, if any."""
        met = [fault for fault in self._coming if fault.name == name and fault.is_due()]
        self._coming = [fault for fault in self._coming if fault.times]
        return met[0].what if met else None

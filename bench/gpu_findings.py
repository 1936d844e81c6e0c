"""What went wrong in an acceptance, part by part, so that each part is tried.

Knows names and sentences; not what is tried.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class Findings:
    """The sentences that the verdict is made of; none: all passed."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Note an exception as a problem of part `name`, and go on."""
        try:
            yield
        except Exception as exc:  # a library on hardware nobody has tried fails in its own ways
            self.problems.append(f'{name}: {exc or type(exc).__name__}')

    def require(self, holds: bool, problem: str) -> None:
        """Note a problem unless something holds."""
        if not holds:
            self.problems.append(problem)

"""How bad something is, and the sentence that says so.

Knows levels and how numbers are written; not what is judged.
"""

from enum import Enum
from typing import NamedTuple

RECENT_S = 5.0
"""An incident that is older is past."""


class Level(Enum):
    """Diagnostic levels, least to most serious; STALE means that nothing is known yet."""

    OK = 'ok'
    WARN = 'warn'
    ERROR = 'error'
    STALE = 'stale'


class Verdict(NamedTuple):
    """A level and its reason."""

    level: Level
    message: str


def number(value: float | None) -> str:
    """Write a measured value; `n/a`, never 0, before it is known."""
    return 'n/a' if value is None else f'{value:.2f}'

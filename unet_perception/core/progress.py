"""How long work tells how far it is.

Knows a shape of function; neither the work nor who shows it.
"""

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is.

Where nobody knows how much there is, that is 0, and what is done are seconds.
"""


def no_progress(what: str, done: int, total: int) -> None:
    """Show nothing."""

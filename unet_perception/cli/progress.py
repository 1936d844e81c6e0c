"""A progress bar with the time left, on a terminal; nothing elsewhere.

Knows tqdm; not what is being done.
"""

from collections.abc import Callable
import sys
from typing import Any


class Bar:
    """The bar of one command; a context manager."""

    def __init__(self, quiet: bool = False) -> None:
        self._is_shown = not quiet and sys.stderr.isatty()
        self._bar: Any = None
        self._total = -1

    def __enter__(self) -> 'Bar':
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def update(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` is done; another total begins another bar."""
        if not self._is_shown:
            return
        if total != self._total:
            self._open(done, total)
        self._bar.set_description_str(what, refresh=False)
        self._bar.update(done - self._bar.n)

    def above(self, show: Callable[[Any], None], value: Any) -> None:
        """Let `show` print above the bar."""
        if self._bar is not None:
            self._bar.clear()
        show(value)

    def _open(self, done: int, total: int) -> None:
        from tqdm import tqdm

        self._close()
        self._total = total
        self._bar = tqdm(total=total, initial=done - 1, dynamic_ncols=True, leave=False)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None

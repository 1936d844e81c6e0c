"""Work that was put into a stream, and is run only when somebody waits for it.

Knows queues and captures; not what the work is.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
import threading
from typing import NamedTuple

from .memory import Span
from .names import cudaStreamCaptureMode as Mode


class Operation(NamedTuple):
    """A copy or a run: what it reads, what it writes, how it is done."""

    name: str
    reads: tuple[Span, ...]
    writes: tuple[Span, ...]
    run: Callable[[], object]

    @property
    def spans(self) -> tuple[Span, ...]:
        """All that it touches."""
        return self.reads + self.writes


@dataclass
class Capture:
    """Work that is noted down instead of queued."""

    mode: int
    thread: int = field(default_factory=threading.get_ident)
    operations: list[Operation] = field(default_factory=list)
    is_invalid: bool = False

    def forbids_here(self) -> bool:
        """Tell whether unsafe calls of this thread spoil it."""
        return self.mode == Mode.cudaStreamCaptureModeGlobal or (
            self.mode == Mode.cudaStreamCaptureModeThreadLocal
            and self.thread == threading.get_ident()
        )


class Stream:
    """Queued work, in order; what runs stays at the head until it is done."""

    def __init__(self) -> None:
        self.queue: deque[Operation] = deque()
        self.capture: Capture | None = None
        self._running = threading.Lock()

    def run(self, do: Callable[[Operation], None]) -> None:
        """Do all that is queued; a second thread waits until the first is through."""
        with self._running:
            while self.queue:
                do(self.queue[0])
                if self.queue:  # a lost device forgets all work
                    self.queue.popleft()

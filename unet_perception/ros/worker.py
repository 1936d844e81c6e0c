"""The thread that serves what the cameras left: one for one engine.

Knows threads; what is done with a frame is the dispatcher's.
"""

from collections.abc import Callable
from contextlib import ExitStack
import threading
from time import sleep

from ..core.collector import frozen_garbage
from ..core.dispatch import Dispatcher
from ..core.frame import Frame

HAND_OVER_S = 0.0003
"""For so long the receiving thread lets go of the interpreter, which the worker waits for."""


class Worker:
    """Serves frames from its start until `stop`."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._frozen = ExitStack()
        self._collector = self._frozen.enter_context(frozen_garbage())
        self._thread = threading.Thread(target=self._run, name='segmentation', daemon=True)
        self._thread.start()

    def offer(self, lane: int, frame: Frame, clock_ns: int) -> None:
        """Hand over a frame of the camera with number `lane`."""
        self._dispatcher.offer(lane, frame, clock_ns)
        sleep(HAND_OVER_S)

    def stop(self, patience_s: float) -> bool:
        """End the thread after the frame in hand; False if that takes longer than allowed."""
        self._dispatcher.close()
        self._thread.join(patience_s)
        self._frozen.close()
        return not self._thread.is_alive()

    def when_over(self, act: Callable[[], None]) -> None:
        """Call `act` from a thread of its own, should the frame in hand ever come to its end."""

        def wait_and_act() -> None:
            self._thread.join()
            act()

        threading.Thread(target=wait_and_act, name='aftermath', daemon=True).start()

    def _run(self) -> None:
        while self._dispatcher.serve_next():
            self._collector.between_frames()

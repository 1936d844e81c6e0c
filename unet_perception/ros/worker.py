"""The thread that serves what the cameras left: one for one engine.

Knows threads; what is done with a frame is the dispatcher's.
"""

import threading
from time import sleep

from ..core.collector import frozen_garbage
from ..core.dispatch import Dispatcher
from ..core.frame import Frame

HAND_OVER_S = 0.0003
"""For so long the receiving thread lets go of the interpreter, which the worker waits for."""
STOP_S = 1.0
"""An inference that takes longer to return hangs."""


class Worker:
    """Serves frames from its start until `stop`."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self._thread = threading.Thread(target=self._run, name='segmentation', daemon=True)
        self._thread.start()

    def offer(self, lane: int, frame: Frame, clock_ns: int) -> None:
        """Hand over a frame of the camera with number `lane`."""
        self.dispatcher.offer(lane, frame, clock_ns)
        sleep(HAND_OVER_S)

    def stop(self) -> bool:
        """Finish the frame in hand and end the thread; False if an inference does not return.

        The thread then goes on to own its engine, and ends should the inference ever return.
        """
        self.dispatcher.close()
        self._thread.join(STOP_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with frozen_garbage() as collector:
            while self.dispatcher.serve_next():
                collector.between_frames()

"""The thread that turns frames into published masks.

Knows the order take, segment, publish, count; not topics, engines or lifecycle.
"""

from collections.abc import Callable, Mapping
import threading
from time import perf_counter_ns, sleep
from typing import NamedTuple

from ..core.frame import Frame
from ..core.health import Health, Outcome
from ..core.mailbox import Mailbox
from ..core.pipeline import Segmentation, SegmentationPipeline
from ..errors import EngineError, FrameError

HAND_OVER_S = 0.0003
"""For so long the receiving thread lets go of the interpreter, which the worker waits for."""


class Outlets(NamedTuple):
    """Where the worker's results go, and what it must ask."""

    publish: Callable[[Segmentation], None]
    publish_extras: Callable[[Segmentation, Mapping[str, float]], None]
    age_ms: Callable[[int], float | None]
    """How old a stamp (ns) is on the node's clock; None if it can't be."""
    is_open: Callable[[], bool]
    complain: Callable[[str], None]


class Worker:
    """Runs a pipeline on what arrives in its mailbox, until stopped."""

    def __init__(self, pipeline: SegmentationPipeline, health: Health, outlets: Outlets) -> None:
        self._pipeline, self._health, self._outlets = pipeline, health, outlets
        self._mailbox = Mailbox()
        self._thread = threading.Thread(target=self._run, name='segmentation', daemon=True)
        self._thread.start()

    def offer(self, frame: Frame) -> None:
        """Hand a frame over; the one it displaces, if any, is counted."""
        left = self._mailbox.put(frame)
        if left is not None:
            self._health.on_turned_away(Outcome.GATED if left is frame else Outcome.DISPLACED)
        sleep(HAND_OVER_S)

    def stop(self) -> None:
        """Finish the frame in hand, count the one that waits as gated, end the thread."""
        if self._mailbox.close() is not None:
            self._health.on_turned_away(Outcome.GATED)
        self._thread.join()

    def _run(self) -> None:
        while (frame := self._mailbox.take()) is not None:
            result = self._segment(frame)
            if result is not None:
                self._send_extras(result)

    def _segment(self, frame: Frame) -> Segmentation | None:
        """Segment and publish one frame, and count how it ended."""
        self._health.on_taken(frame)
        try:
            result = self._pipeline.run(frame)
            if not self._outlets.is_open():
                self._lose(Outcome.GATED, 'the gate closed during inference')
                return None
            start = perf_counter_ns()
            self._outlets.publish(result)
            publish_ns = perf_counter_ns() - start
            age_ms = self._outlets.age_ms(frame.stamp_ns)
        except FrameError as exc:
            self._lose(Outcome.MALFORMED, str(exc))
        except EngineError as exc:
            self._lose(Outcome.FAILED, str(exc))
        except Exception as exc:  # whatever it is, the next frame deserves its chance
            self._lose(Outcome.FAILED, f'{type(exc).__name__}: {exc}')
        else:
            self._health.on_published(result, publish_ns, age_ms)
            return result
        return None

    def _send_extras(self, result: Segmentation) -> None:
        """Send what is not urgent; the frame is counted, so a failure here is only reported."""
        try:
            self._outlets.publish_extras(result, self._health.latest_ms)
        except Exception as exc:
            if self._outlets.is_open():
                self._outlets.complain(f'overlay or debug topics: {type(exc).__name__}: {exc}')

    def _lose(self, outcome: Outcome, message: str) -> None:
        if not self._outlets.is_open():
            outcome = Outcome.GATED
        self._health.on_lost(outcome, message)
        if outcome is not Outcome.GATED:
            self._outlets.complain(f'frame {outcome.value}: {message}')

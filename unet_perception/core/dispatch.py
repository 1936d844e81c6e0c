"""Frames of all cameras of one engine: which is next, at which operating point, how each ends.

Knows the order offer, take, admit, segment, publish, count; not threads, topics or engines. The
clock is passed in, so that a replay of recorded arrivals runs this very code. One thread offers,
another serves; the mailbox between them holds the only lock.
"""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic_ns
from typing import NamedTuple, Protocol

from ..errors import EngineError, FrameError
from .budget import Admission, Budget, Work
from .deadline import Deadline, Deadlines
from .frame import Frame
from .health import Health, Outcome
from .mailbox import Mailbox
from .pipeline import Segmentation


class Pipeline(Protocol):
    """What segments a frame at one operating point."""

    unknown_threshold: float
    """Pixels less sure than this are unknown; may be set while it runs."""

    def run(self, frame: Frame) -> Segmentation:
        """Return the segmentation; FrameError if the image can't be decoded."""


class Lane(NamedTuple):
    """One camera: a pipeline for each operating point, best first, and where masks go."""

    pipelines: Sequence[Pipeline]
    health: Health
    deadlines: Deadlines
    budget: Budget
    publish: Callable[[Segmentation], None]
    publish_extras: Callable[[Segmentation, Mapping[str, float]], None]


class Job(NamedTuple):
    """A frame of the lane with this number, and until when its mask is of use."""

    lane: int
    frame: Frame
    deadline: Deadline


class Dispatcher:
    """Serves the least recently served camera first, and of those the earliest deadline.

    `is_open` tells whether masks may go out at all; `complain` takes a sentence for the log.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        is_open: Callable[[], bool],
        complain: Callable[[str], None],
        clock: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._lanes = lanes
        self._is_gate_open, self._complain, self._clock = is_open, complain, clock
        self._is_closed = False
        self._latest: Job | None = None
        """What was worked on last."""
        self._served_ns = [0] * len(lanes)
        self._mailbox: Mailbox[Job] = Mailbox(len(lanes))

    def offer(self, lane: int, frame: Frame, clock_ns: int) -> None:
        """Leave a frame that arrived when the node's clock said `clock_ns`; the newest wins."""
        job = Job(lane, frame, self._lanes[lane].deadlines.of(frame, clock_ns))
        left = self._mailbox.put(job, lane)
        if left is not None:
            outcome = Outcome.GATED if left is job else Outcome.DISPLACED
            self._lanes[lane].health.on_turned_away(outcome)

    def close(self) -> None:
        """Count what waits or is in hand as gated; `serve_next` returns False from now on."""
        self._is_closed = True
        for job in self._mailbox.close():
            self._lanes[job.lane].health.on_turned_away(Outcome.GATED)

    def serve_next(self) -> bool:
        """Wait for a frame and bring it to its end; False if there will be none."""
        job = self._mailbox.take(self._rank)
        if job is None:
            return False
        self._serve(job, self._lanes[job.lane])
        return True

    def _is_open(self) -> bool:
        return not self._is_closed and self._is_gate_open()

    def _rank(self, job: Job) -> tuple[int, int]:
        return self._served_ns[job.lane], job.deadline.due_ns

    def _serve(self, job: Job, lane: Lane) -> None:
        """Segment and publish one frame, and count how it ended."""
        lane.health.on_taken(job.frame)
        now_ns = self._clock()
        if not self._is_open():
            self._lose(lane, Outcome.GATED)
            return
        admission = lane.budget.admit(job.deadline, now_ns)
        if admission is None:
            self._blame_who_held_the_engine(job, now_ns)
            self._lose(lane, Outcome.STALE)
            return
        self._served_ns[job.lane], self._latest = now_ns, job
        try:
            result = lane.pipelines[admission.point].run(job.frame)
            outcome = self._publish(result, job.deadline, lane, admission)
        except Exception as exc:  # whatever it is, the next frame deserves its chance
            outcome, message = _outcome_of(exc)
            if outcome is Outcome.FAILED:
                lane.budget.on_failed(admission, self._clock())
            self._lose(lane, outcome, message)
        else:
            if outcome is Outcome.PUBLISHED:
                self._send_extras(result, lane)
            else:
                self._lose(lane, outcome)

    def _publish(
        self, result: Segmentation, deadline: Deadline, lane: Lane, admission: Admission
    ) -> Outcome:
        """Publish a mask and count it, if it is wanted and in time."""
        lane.health.on_segmented(result.times)
        ready_ns, inference_ns = self._clock(), result.times.inference_ns
        if not self._is_open():
            return Outcome.GATED
        if not lane.budget.may_publish(admission, deadline, ready_ns):
            lane.budget.on_late(admission, Work(inference_ns), ready_ns)
            return Outcome.LATE
        lane.publish(result)
        out_ns = self._clock()
        work = Work(inference_ns, out_ns - ready_ns)
        lane.budget.on_published(admission, work, deadline, out_ns)
        lane.health.on_published(
            result,
            admission.point,
            publish_ns=out_ns - ready_ns,
            latency_ns=deadline.age_at(out_ns),
            is_overrun=out_ns > deadline.due_ns,
        )
        return Outcome.PUBLISHED

    def _blame_who_held_the_engine(self, job: Job, now_ns: int) -> None:
        """Tell a camera that another's frame would have been in time, had it not had to wait.

        Of two cameras that trigger together one would have all else, and one nothing.
        """
        latest = self._latest
        if latest is None or latest.lane == job.lane:
            return
        if self._lanes[job.lane].budget.would_fit(job.deadline, job.frame.received_ns):
            self._lanes[latest.lane].budget.on_crowding(now_ns)

    def _send_extras(self, result: Segmentation, lane: Lane) -> None:
        """Send what is not urgent; the frame is counted, so a failure here is only reported."""
        try:
            lane.publish_extras(result, lane.health.latest_ms)
        except Exception as exc:
            if self._is_open():
                self._complain(f'overlay or debug topics: {type(exc).__name__}: {exc}')

    def _lose(self, lane: Lane, outcome: Outcome, message: str = '') -> None:
        """Count a taken frame as lost; a closed gate explains whatever went wrong."""
        if not self._is_open():
            outcome = Outcome.GATED
        lane.health.on_lost(outcome, message)
        if message and outcome is not Outcome.GATED:
            self._complain(f'frame {outcome.value}: {message}')


def _outcome_of(exc: Exception) -> tuple[Outcome, str]:
    """Tell whose fault it is that nothing came of a frame: the image's or ours."""
    if isinstance(exc, FrameError):
        return Outcome.MALFORMED, str(exc)
    if isinstance(exc, EngineError):
        return Outcome.FAILED, str(exc)
    return Outcome.FAILED, f'{type(exc).__name__}: {exc}'

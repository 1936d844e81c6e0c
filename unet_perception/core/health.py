"""What happened to every frame, and how long it took.

Knows counts and durations; not what level of alarm they deserve (`status`), nor any ROS type.
The receiving thread calls `on_received` and `on_turned_away`, the working thread the other
`on_*`; each writes what is its own, so there is no lock, and any thread may take a `snapshot`.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from time import monotonic_ns
from typing import NamedTuple

from .frame import Frame
from .histogram import Percentiles, RollingHistogram
from .pipeline import StageTimes


class Outcome(Enum):
    """How a frame ended; each frame ends in exactly one of these."""

    PUBLISHED = 'published'  # mask and confidence went out
    DISPLACED = 'displaced'  # a newer frame arrived before the engine was free
    MALFORMED = 'malformed'  # the image could not be decoded
    FAILED = 'failed'  # inference or publishing raised
    GATED = 'gated'  # inactive, disabled or shutting down


DURATIONS = (
    'decode',
    'preprocess',
    'inference',
    'postprocess',
    'publish',
    'processing',  # from taking the frame to both messages out
    'cyclic',  # from one mask to the next
    'pipeline_latency',  # from the image's stamp to both messages out
)


class Incident(NamedTuple):
    """The latest thing that went wrong in one way."""

    message: str
    age_s: float


class InputSeen(NamedTuple):
    """The latest image."""

    encoding: str
    width: int
    height: int
    frame_id: str
    age_s: float


class HealthSnapshot(NamedTuple):
    """Everything that diagnostics report about frames, at one moment."""

    received: int
    counters: Mapping[str, int]
    fps_in: float
    fps_out: float
    durations: Mapping[str, Percentiles | None]  # ms
    latest_ms: Mapping[str, float]
    input: InputSeen | None
    malformed: Incident | None
    failed: Incident | None
    busy_s: float
    """How long the frame now being worked on has taken so far; 0 when idle."""


class Health:
    """Counters and rolling durations of one camera; `clock` is monotonic, ns."""

    def __init__(self, clock: Callable[[], int] = monotonic_ns) -> None:
        self._clock = clock
        self._received = 0
        self._turned_away = dict.fromkeys(Outcome, 0)
        self._worked_on = dict.fromkeys(Outcome, 0)
        self._arrivals = RollingHistogram()
        self._durations = {name: RollingHistogram() for name in DURATIONS}
        self.latest_ms: Mapping[str, float] = {}
        """Durations of the latest published frame."""
        self._frame: Frame | None = None
        self._incidents: dict[Outcome, tuple[str, int]] = {}
        self._started_ns: int | None = None
        self._published_ns: int | None = None

    def on_received(self, frame: Frame) -> None:
        """Note that a frame arrived."""
        now = self._clock()
        gap_ms = (now - self._frame.received_ns) / 1e6 if self._frame else 0.0
        self._arrivals.record(gap_ms, now)
        self._frame = frame
        self._received += 1

    def on_turned_away(self, outcome: Outcome) -> None:
        """Count a frame that the worker never saw."""
        self._turned_away[outcome] += 1

    def on_taken(self) -> None:
        """Note that work on a frame begins."""
        self._started_ns = self._clock()

    def on_published(self, times: StageTimes, publish_ns: int, latency_ms: float) -> None:
        """Count the taken frame as published, with its durations."""
        now = self._clock()
        assert self._started_ns is not None, 'on_taken comes first'
        latest = {
            'decode': times.decode_ns / 1e6,
            'preprocess': times.preprocess_ns / 1e6,
            'inference': times.inference_ns / 1e6,
            'postprocess': times.postprocess_ns / 1e6,
            'publish': publish_ns / 1e6,
            'processing': (now - self._started_ns) / 1e6,
            'pipeline_latency': latency_ms,
        }
        if self._published_ns is not None:
            latest['cyclic'] = (now - self._published_ns) / 1e6
        for name, value in latest.items():
            self._durations[name].record(value, now)
        self.latest_ms, self._published_ns = latest, now
        self._finish(Outcome.PUBLISHED)

    def on_lost(self, outcome: Outcome, message: str) -> None:
        """Count the taken frame as lost, and remember why."""
        self._incidents[outcome] = (message, self._clock())
        self._finish(outcome)

    def snapshot(self) -> HealthSnapshot:
        """Sum up what is known now."""
        now = self._clock()
        frame, started = self._frame, self._started_ns
        return HealthSnapshot(
            received=self._received,
            counters={o.value: self._turned_away[o] + self._worked_on[o] for o in Outcome},
            fps_in=self._arrivals.rate(now),
            fps_out=self._durations['processing'].rate(now),
            durations={k: h.percentiles(now) for k, h in self._durations.items()},
            latest_ms=self.latest_ms,
            input=frame and _seen(frame, now),
            malformed=self._incident(Outcome.MALFORMED, now),
            failed=self._incident(Outcome.FAILED, now),
            busy_s=(now - started) / 1e9 if started is not None else 0.0,
        )

    def _finish(self, outcome: Outcome) -> None:
        self._worked_on[outcome] += 1
        self._started_ns = None

    def _incident(self, outcome: Outcome, now: int) -> Incident | None:
        known = self._incidents.get(outcome)
        return known and Incident(known[0], (now - known[1]) / 1e9)


def _seen(frame: Frame, now: int) -> InputSeen:
    age_s = (now - frame.received_ns) / 1e9
    return InputSeen(frame.encoding, frame.width, frame.height, frame.frame_id, age_s)

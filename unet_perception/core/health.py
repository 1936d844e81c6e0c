"""What happened to every frame, and how long it took.

Knows counts and durations; not what level of alarm they deserve (`status`), nor any ROS type.
What the images themselves look like is kept in `arrivals`.
The receiving thread calls `on_received` and `on_turned_away`, the working thread the other
`on_*`; each writes what is its own, so there is no lock, and any thread may take a `snapshot`.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from time import monotonic_ns
from typing import NamedTuple

from .arrivals import Arrivals, Incident, InputSeen, Oddity
from .frame import Frame
from .histogram import Percentiles, RollingHistogram
from .pipeline import Segmentation, StageTimes
from .rolling import RollingRatio


class Outcome(Enum):
    """How a frame ended; each frame ends in exactly one of these."""

    PUBLISHED = 'published'  # mask and confidence went out
    DISPLACED = 'displaced'  # a newer frame arrived before the engine was free
    STALE = 'stale'  # it would have been late, so no work was done on it
    LATE = 'late'  # its mask was ready too late, so it was not published
    MALFORMED = 'malformed'  # the image could not be decoded
    FAILED = 'failed'  # inference or publishing raised
    GATED = 'gated'  # inactive, disabled or shutting down


DURATIONS = (
    'arrival',  # from the image's stamp to its arrival here
    'queue',  # from there to the frame being taken
    'decode',
    'preprocess',
    'inference',
    'postprocess',
    'publish',
    'processing',  # from taking the frame to both messages out
    'cyclic',  # from one mask to the next
    'pipeline_latency',  # from the image's stamp to both messages out
)


JUDGED = (Outcome.PUBLISHED, Outcome.STALE, Outcome.LATE, Outcome.FAILED)
"""Frames that were taken from a good camera: each should have been on time."""
SUMMARY_NS = 1_000_000_000
PAUSE_NS = 10_000_000_000
"""After so long without an image, no camera was at work: what is unanswered is forgotten."""


class HealthSnapshot(NamedTuple):
    """Everything that diagnostics report about frames; durations are at most 1 s old."""

    received: int
    counters: Mapping[str, int]
    overruns: int
    """Published frames whose publish call returned after the deadline."""
    miss_ratio: float | None
    """Share of the frames taken in the last minute that were not out in time."""
    published_by_point: Mapping[int, int]
    unanswered_s: float
    """From the first image since the latest mask to the latest image; 0 if there is none."""
    fps_in: float
    fps_out: float
    durations: Mapping[str, Percentiles | None]  # ms
    latest_ms: Mapping[str, float]
    input: InputSeen | None
    oddities: tuple[Incident, ...]
    """What was odd about images that were segmented all the same."""
    oddity_counts: Mapping[str, int]
    lost: int
    """How many images never arrived, estimated from stamps; `lost_ratio`: lately, 0 to 1."""
    lost_ratio: float
    malformed: Incident | None
    failed: Incident | None
    busy_s: float
    """How long the frame now being worked on has taken so far; 0 when idle."""


class Health:
    """Counters and rolling durations of one camera; `clock` is monotonic, ns."""

    def __init__(self, clock: Callable[[], int] = monotonic_ns) -> None:
        self._clock = clock
        self._turned_away = dict.fromkeys(Outcome, 0)
        self._worked_on = dict.fromkeys(Outcome, 0)
        self._arrivals = Arrivals()
        self._misses = RollingRatio()
        self._overruns = 0
        self._published_by_point: dict[int, int] = {}
        self._durations = {name: RollingHistogram() for name in DURATIONS}
        self._stages_ms: Mapping[str, float] = {}
        self.latest_ms: Mapping[str, float] = {}
        """Durations of the latest published frame."""
        self._looks: str | None = None
        """Size and encoding of the latest published image."""
        self._incidents: dict[Outcome, tuple[str, int]] = {}
        self._summaries: dict[str, Percentiles | None] = {}
        self._summed_ns = -SUMMARY_NS
        self._started_ns: int | None = None
        self._published_ns: int | None = None
        self._received_ns = 0
        self._unanswered_since_ns: int | None = None

    def on_received(self, frame: Frame, clock_ns: int) -> None:
        """Note that a frame arrived when the node's own clock said `clock_ns`."""
        now = self._clock()
        if self._unanswered_since_ns is None or now - self._received_ns >= PAUSE_NS:
            self._unanswered_since_ns = now
        self._received_ns = now
        self._arrivals.record(frame, clock_ns, now)
        if 0 < frame.stamp_ns <= clock_ns:
            self._durations['arrival'].record((clock_ns - frame.stamp_ns) / 1e6, now)

    def on_turned_away(self, outcome: Outcome) -> None:
        """Count a frame that the worker never saw."""
        self._turned_away[outcome] += 1
        if outcome is Outcome.GATED:  # nobody waits for an answer
            self._unanswered_since_ns = None

    def on_taken(self, frame: Frame) -> None:
        """Note that work on a frame begins."""
        now = self._started_ns = self._clock()
        self._durations['queue'].record((now - frame.received_ns) / 1e6, now)

    def on_segmented(self, times: StageTimes) -> None:
        """Note how long the taken frame's stages took, whether or not its mask is in time."""
        now = self._clock()
        self._stages_ms = {
            'decode': times.decode_ns / 1e6,
            'preprocess': times.preprocess_ns / 1e6,
            'inference': times.inference_ns / 1e6,
            'postprocess': times.postprocess_ns / 1e6,
        }
        self._record(self._stages_ms, now)

    def on_published(
        self,
        result: Segmentation,
        point: int,
        publish_ns: int,
        latency_ns: int | None,
        is_overrun: bool,
    ) -> None:
        """Count the taken frame as published; `latency_ns` is None if its stamp tells nothing."""
        now = self._clock()
        assert self._started_ns is not None, 'on_taken comes first'
        latest = {
            'publish': publish_ns / 1e6,
            'processing': (now - self._started_ns) / 1e6,
        }
        if latency_ns is not None:
            latest['pipeline_latency'] = latency_ns / 1e6
        if self._published_ns is not None:
            latest['cyclic'] = (now - self._published_ns) / 1e6
        self._record(latest, now)
        self._unanswered_since_ns = None
        self.latest_ms, self._published_ns = {**self._stages_ms, **latest}, now
        self._published_by_point[point] = self._published_by_point.get(point, 0) + 1
        self._overruns += is_overrun
        self._compare_looks(result, now)
        self._finish(Outcome.PUBLISHED, now, is_miss=is_overrun)

    def on_lost(self, outcome: Outcome, message: str) -> None:
        """Count the taken frame as lost, and remember why."""
        now = self._clock()
        self._incidents[outcome] = (message, now)
        self._finish(outcome, now, is_miss=True)

    def snapshot(self) -> HealthSnapshot:
        """Sum up what is known now."""
        now = self._clock()
        arrivals, started = self._arrivals, self._started_ns
        return HealthSnapshot(
            received=arrivals.received,
            counters={o.value: self._turned_away[o] + self._worked_on[o] for o in Outcome},
            overruns=self._overruns,
            miss_ratio=self._misses.ratio(now),
            published_by_point=dict(self._published_by_point),
            unanswered_s=self._unanswered_s(now),
            fps_in=arrivals.rate(now),
            fps_out=self._durations['processing'].rate(now),
            durations=self._durations_at(now),
            latest_ms=self.latest_ms,
            input=arrivals.latest(now),
            oddities=arrivals.oddities(now),
            oddity_counts=arrivals.counts(),
            lost=arrivals.lost,
            lost_ratio=arrivals.lost_ratio,
            malformed=self._incident(Outcome.MALFORMED, now),
            failed=self._incident(Outcome.FAILED, now),
            busy_s=(now - started) / 1e9 if started is not None else 0.0,
        )

    def _durations_at(self, now: int) -> dict[str, Percentiles | None]:
        """Sum up at most once a second: it takes from the interpreter what the worker needs."""
        if now - self._summed_ns >= SUMMARY_NS or self._summaries['processing'] is None:
            self._summaries = {k: h.percentiles(now) for k, h in self._durations.items()}
            self._summed_ns = now
        return self._summaries

    def _compare_looks(self, result: Segmentation, now: int) -> None:
        """Note that size or encoding changed; a compressed image's size is known only here."""
        height, width = result.mask.shape
        looks = f'{width}x{height} {result.frame.encoding}'
        if self._looks and looks != self._looks:
            self._arrivals.note(Oddity.IMAGE_CHANGED, now, self._looks, looks)
        self._looks = looks

    def _record(self, durations_ms: Mapping[str, float], now: int) -> None:
        for name, value in durations_ms.items():
            self._durations[name].record(value, now)

    def _unanswered_s(self, now: int) -> float:
        since_ns = self._unanswered_since_ns  # the worker may forget it meanwhile
        if since_ns is None or now - self._received_ns >= PAUSE_NS:
            return 0.0
        return (self._received_ns - since_ns) / 1e9

    def _finish(self, outcome: Outcome, now: int, is_miss: bool) -> None:
        self._worked_on[outcome] += 1
        if outcome in JUDGED:
            self._misses.record(is_miss, now)
        self._started_ns = None

    def _incident(self, outcome: Outcome, now: int) -> Incident | None:
        known = self._incidents.get(outcome)
        return known and Incident(known[0], (now - known[1]) / 1e9)

"""What the images that arrive say about the camera and about their way here.

Knows headers and stamps; not pixels, nor what level of alarm an oddity deserves (`status`).
"""

from enum import Enum
from typing import NamedTuple

from .frame import Frame
from .histogram import RollingHistogram
from .stamp_gaps import StampGaps

FUTURE_NS = 200_000_000
"""A simulation's clock advances in steps, and synchronised clocks differ by less than this."""
OLD_NS = 10_000_000_000
"""An older stamp is not a camera's that works now."""


class Oddity(Enum):
    """What can be odd about an image that is segmented all the same; the value says it."""

    FRAME_ID_EMPTY = (
        'frame_id is empty, so that nobody can tell which camera it was: set it in the driver'
    )
    STAMP_ZERO = 'stamp is zero, so that the age of a mask is unknown: let the driver stamp'
    STAMP_IN_FUTURE = (
        'stamp is {:.1f} s in the future: synchronise the clocks of both machines, and set '
        'use_sim_time on all nodes or on none'
    )
    STAMP_OLD = (
        'stamp is {:.0f} s old, so that budgets count from arrival: synchronise the clocks, or '
        'replay with --clock and use_sim_time'
    )
    STAMP_WENT_BACK = (
        'stamp went back by {:.3f} s: two cameras on one topic, a bag that began anew, or a '
        'clock that was set'
    )
    IMAGE_CHANGED = 'image changed from {} to {}: two cameras on one topic, or new camera settings'


class Incident(NamedTuple):
    """The latest of what went wrong in one way."""

    message: str
    age_s: float


class InputSeen(NamedTuple):
    """The latest image; width and height are 0 if it is compressed."""

    encoding: str
    width: int
    height: int
    frame_id: str
    age_s: float


class _Note(NamedTuple):
    details: tuple[object, ...]
    at_ns: int
    times: int


class Arrivals:
    """Rate, oddities and estimated losses of one camera; any thread may read.

    The receiving thread calls `record`; each oddity is noted by one thread only.
    """

    def __init__(self) -> None:
        self._gaps_ms = RollingHistogram()
        self._stamp_gaps = StampGaps()
        self._notes: dict[Oddity, _Note | None] = dict.fromkeys(Oddity)
        self._frame: Frame | None = None
        self.received = 0

    @property
    def lost(self) -> int:
        """How many images never arrived, estimated from stamps."""
        return self._stamp_gaps.lost

    @property
    def lost_ratio(self) -> float:
        """Share of the images lately sent that never arrived, estimated from stamps."""
        return self._stamp_gaps.recent_ratio

    def record(self, frame: Frame, clock_ns: int, now_ns: int) -> None:
        """Note a frame that arrived at `clock_ns` on the node's clock, `now_ns` monotonic."""
        before, self._frame = self._frame, frame
        self._gaps_ms.record((now_ns - before.received_ns) / 1e6 if before else 0.0, now_ns)
        self.received += 1
        if not frame.frame_id:
            self.note(Oddity.FRAME_ID_EMPTY, now_ns)
        if not frame.stamp_ns:
            self.note(Oddity.STAMP_ZERO, now_ns)
            return
        self._stamp_gaps.record(frame.stamp_ns)
        if clock_ns and frame.stamp_ns > clock_ns + FUTURE_NS:  # 0: /clock has not yet spoken
            self.note(Oddity.STAMP_IN_FUTURE, now_ns, (frame.stamp_ns - clock_ns) / 1e9)
        if clock_ns > frame.stamp_ns + OLD_NS:
            self.note(Oddity.STAMP_OLD, now_ns, (clock_ns - frame.stamp_ns) / 1e9)
        if before and frame.stamp_ns < before.stamp_ns:
            self.note(Oddity.STAMP_WENT_BACK, now_ns, (before.stamp_ns - frame.stamp_ns) / 1e9)

    def note(self, oddity: Oddity, now_ns: int, *details: object) -> None:
        """Remember that an image was odd; `details` fill the gaps of the oddity's sentence."""
        known = self._notes[oddity]
        self._notes[oddity] = _Note(details, now_ns, known.times + 1 if known else 1)

    def oddities(self, now_ns: int) -> tuple[Incident, ...]:
        """Return the latest of each oddity seen so far."""
        return tuple(
            Incident(oddity.value.format(*note.details), (now_ns - note.at_ns) / 1e9)
            for oddity, note in self._notes.items()
            if note
        )

    def counts(self) -> dict[str, int]:
        """Return how often each oddity was seen."""
        return {o.name.lower(): note.times if note else 0 for o, note in self._notes.items()}

    def rate(self, now_ns: int) -> float:
        """Return images a second."""
        return self._gaps_ms.rate(now_ns)

    def latest(self, now_ns: int) -> InputSeen | None:
        """Return the latest image, if there is one."""
        frame = self._frame
        if frame is None:
            return None
        age_s = (now_ns - frame.received_ns) / 1e9
        return InputSeen(frame.encoding, frame.width, frame.height, frame.frame_id, age_s)

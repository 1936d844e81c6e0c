"""Every frame ends in exactly one counter, and what is not yet known is not a number."""

from helpers import noise, raw_frame
from hypothesis import given
from hypothesis import strategies as st
import pytest

from unet_perception.core.decode import Decoded
from unet_perception.core.frame import Frame
from unet_perception.core.health import DURATIONS, PAUSE_NS, Health, Outcome
from unet_perception.core.pipeline import Segmentation, StageTimes

MS = 1_000_000
NOW = 5_000_000 * MS
TIMES = StageTimes(1 * MS, 2 * MS, 30 * MS, 4 * MS)
TURNED_AWAY = (Outcome.DISPLACED, Outcome.GATED)
LOST = tuple(o for o in Outcome if o not in (Outcome.PUBLISHED, Outcome.DISPLACED))


class Clock:
    """A monotonic clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 100_000 * MS

    def __call__(self) -> int:
        return self.now

    def frame(self) -> Frame:
        return raw_frame(noise(3, 4), 'mono8')._replace(
            stamp_ns=NOW - 7 * MS, received_ns=self.now
        )


def segmented(frame: Frame, height: int = 3, width: int = 4) -> Segmentation:
    plane = noise(height, width)
    return Segmentation(frame, Decoded(plane, None), plane, plane, TIMES)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


def publish(
    health: Health,
    clock: Clock,
    processing_ms: int = 40,
    point: int = 0,
    is_overrun: bool = False,
) -> None:
    health.on_received(clock.frame(), NOW)
    health.on_taken(clock.frame())
    clock.now += processing_ms * MS
    finish(health, segmented(clock.frame()), 55 * MS, point, is_overrun)


def finish(
    health: Health,
    result: Segmentation,
    latency_ns: int | None = MS,
    point: int = 0,
    is_overrun: bool = False,
) -> None:
    health.on_segmented(result.times)
    health.on_published(result, point, 3 * MS, latency_ns, is_overrun)


def test_before_the_first_frame_nothing_is_claimed(health: Health) -> None:
    snapshot = health.snapshot()
    assert snapshot.received == snapshot.busy_s == snapshot.fps_in == snapshot.fps_out == 0
    assert snapshot.counters == dict.fromkeys((o.value for o in Outcome), 0)
    assert snapshot.durations == dict.fromkeys(DURATIONS)
    assert snapshot.latest_ms == {}
    assert (snapshot.input, snapshot.malformed, snapshot.failed) == (None, None, None)


@pytest.mark.parametrize('outcome', Outcome)
def test_each_outcome_has_a_counter_of_its_own(
    health: Health, clock: Clock, outcome: Outcome
) -> None:
    if outcome is Outcome.PUBLISHED:
        publish(health, clock)
    elif outcome in LOST:
        health.on_taken(clock.frame())
        health.on_lost(outcome, 'why')
    else:
        health.on_turned_away(outcome)
    counters = dict(health.snapshot().counters)
    assert counters.pop(outcome.value) == 1
    assert set(counters.values()) == {0}


ENDS = [('published', Outcome.PUBLISHED)]
ENDS += [('away', outcome) for outcome in TURNED_AWAY] + [('lost', outcome) for outcome in LOST]


@given(st.lists(st.sampled_from(ENDS)))
def test_counters_add_up_to_the_frames_received(ends: list[tuple[str, Outcome]]) -> None:
    clock = Clock()
    health = Health(clock)
    for kind, outcome in ends:
        if kind == 'published':
            publish(health, clock)
            continue
        health.on_received(clock.frame(), NOW)
        if kind == 'away':
            health.on_turned_away(outcome)
        else:
            health.on_taken(clock.frame())
            health.on_lost(outcome, 'why')
    snapshot = health.snapshot()
    assert sum(snapshot.counters.values()) == snapshot.received == len(ends)


def test_a_published_frame_leaves_each_duration_under_its_name(
    health: Health, clock: Clock
) -> None:
    publish(health, clock, processing_ms=40)
    clock.now += 60 * MS
    publish(health, clock, processing_ms=40)
    snapshot = health.snapshot()
    assert snapshot.latest_ms == {
        'decode': 1.0,
        'preprocess': 2.0,
        'inference': 30.0,
        'postprocess': 4.0,
        'publish': 3.0,
        'processing': 40.0,
        'cyclic': 100.0,
        'pipeline_latency': 55.0,
    }
    greatest = {name: found and found.max for name, found in snapshot.durations.items()}
    assert greatest == {**snapshot.latest_ms, 'arrival': 7.0, 'queue': 0.0}
    assert set(greatest) == set(DURATIONS)


def test_the_first_mask_has_no_cycle_time(health: Health, clock: Clock) -> None:
    publish(health, clock)
    snapshot = health.snapshot()
    assert 'cyclic' not in snapshot.latest_ms
    assert snapshot.durations['cyclic'] is None
    assert snapshot.durations['processing'] is not None


def test_rates_are_those_of_the_last_seconds(health: Health, clock: Clock) -> None:
    for k in range(200):
        clock.now = 100_000 * MS + k * 50 * MS
        health.on_received(clock.frame(), NOW)
        if k % 2:
            health.on_turned_away(Outcome.DISPLACED)
        else:
            health.on_taken(clock.frame())
            finish(health, segmented(clock.frame()))
    snapshot = health.snapshot()
    assert (snapshot.fps_in, snapshot.fps_out) == (20.0, 10.0)


def test_busy_is_the_age_of_the_frame_being_worked_on(health: Health, clock: Clock) -> None:
    health.on_taken(clock.frame())
    clock.now += 2500 * MS
    assert health.snapshot().busy_s == 2.5
    health.on_lost(Outcome.FAILED, 'engine fell over')
    assert health.snapshot().busy_s == 0.0


def test_the_latest_incident_of_each_kind_is_remembered_with_its_age(
    health: Health, clock: Clock
) -> None:
    for outcome, message in (
        (Outcome.MALFORMED, 'first'),
        (Outcome.MALFORMED, 'second'),
        (Outcome.FAILED, 'third'),
    ):
        health.on_taken(clock.frame())
        health.on_lost(outcome, message)
        clock.now += 1000 * MS
    snapshot = health.snapshot()
    assert snapshot.malformed == ('second', 2.0)
    assert snapshot.failed == ('third', 1.0)


def test_the_latest_image_is_described(health: Health, clock: Clock) -> None:
    health.on_received(clock.frame()._replace(frame_id='old'), NOW)
    health.on_received(clock.frame(), NOW)
    clock.now += 1500 * MS
    assert health.snapshot().input == ('mono8', 4, 3, 'camera', 1.5)


def test_a_stamp_that_tells_nothing_gives_no_latency(health: Health, clock: Clock) -> None:
    health.on_taken(clock.frame())
    finish(health, segmented(clock.frame()), None)
    snapshot = health.snapshot()
    assert 'pipeline_latency' not in snapshot.latest_ms
    assert snapshot.durations['pipeline_latency'] is None


@pytest.mark.parametrize(
    ('encoding', 'size', 'message'),
    [
        ('mono8', (3, 4), None),
        ('mono8', (4, 4), 'image changed from 4x3 mono8 to 4x4 mono8'),
        ('rgb8', (3, 4), 'image changed from 4x3 mono8 to 4x3 rgb8'),
    ],
)
def test_an_image_of_another_size_or_encoding_is_odd_once(
    health: Health, clock: Clock, encoding: str, size: tuple[int, int], message: str | None
) -> None:
    publish(health, clock)
    for _ in range(2):
        health.on_taken(clock.frame())
        finish(health, segmented(clock.frame()._replace(encoding=encoding), *size))
    found = [oddity.message for oddity in health.snapshot().oddities]
    assert [m.partition(':')[0] for m in found] == ([message] if message else [])
    assert health.snapshot().oddity_counts['image_changed'] == len(found)


def test_a_snapshot_does_not_change_afterwards(health: Health, clock: Clock) -> None:
    publish(health, clock)
    before = health.snapshot()
    kept = (dict(before.counters), dict(before.latest_ms), dict(before.durations))
    publish(health, clock, processing_ms=90)
    assert (before.counters, before.latest_ms, before.durations) == kept


def test_stages_of_a_late_frame_are_recorded_and_its_latency_is_not(
    health: Health, clock: Clock
) -> None:
    health.on_taken(clock.frame())
    health.on_segmented(TIMES)
    health.on_lost(Outcome.LATE, '')
    durations = health.snapshot().durations
    assert durations['inference'] is not None
    assert durations['processing'] is durations['pipeline_latency'] is None


def test_the_miss_ratio_is_of_the_frames_that_should_have_been_in_time(
    health: Health, clock: Clock
) -> None:
    assert health.snapshot().miss_ratio is None
    for k in range(6):
        publish(health, clock, is_overrun=k == 0)
    for outcome in (Outcome.STALE, Outcome.LATE, Outcome.MALFORMED, Outcome.GATED):
        health.on_taken(clock.frame())
        health.on_lost(outcome, '')
    assert health.snapshot().miss_ratio == 3 / 8
    assert health.snapshot().overruns == 1
    clock.now += 70_000 * MS
    assert health.snapshot().miss_ratio is None


def test_published_frames_are_counted_by_operating_point(health: Health, clock: Clock) -> None:
    for point in (0, 2, 2):
        publish(health, clock, point=point)
    assert health.snapshot().published_by_point == {0: 1, 2: 2}


def test_unanswered_is_how_long_images_come_without_a_mask(health: Health, clock: Clock) -> None:
    assert health.snapshot().unanswered_s == 0.0
    for _ in range(30):
        health.on_received(clock.frame(), NOW)
        clock.now += 100 * MS
    assert health.snapshot().unanswered_s == pytest.approx(2.9)
    publish(health, clock)
    clock.now += 1500 * MS  # the camera is silent: nothing waits for an answer
    assert health.snapshot().unanswered_s == 0.0
    health.on_received(clock.frame(), NOW)
    clock.now += 500 * MS
    assert health.snapshot().unanswered_s == 0.0, 'one image may be in work'
    health.on_received(clock.frame(), NOW)
    assert health.snapshot().unanswered_s == 0.5
    clock.now += PAUSE_NS  # and a camera that returns begins anew
    health.on_received(clock.frame(), NOW)
    assert health.snapshot().unanswered_s == 0.0


def test_after_a_silence_nothing_is_unanswered(health: Health, clock: Clock) -> None:
    for _ in range(30):
        health.on_received(clock.frame(), NOW)
        clock.now += 100 * MS
    clock.now += PAUSE_NS
    assert health.snapshot().unanswered_s == 0.0


def test_what_is_gated_needs_no_answer(health: Health, clock: Clock) -> None:
    for _ in range(30):
        health.on_received(clock.frame(), NOW)
        health.on_turned_away(Outcome.GATED)
        clock.now += 100 * MS
    assert health.snapshot().unanswered_s == 0.0


@pytest.mark.parametrize('period_s', [0.05, 1.5, 5])
def test_a_camera_of_any_pace_that_is_answered_is_not_unanswered(
    health: Health, clock: Clock, period_s: float
) -> None:
    for _ in range(10):
        health.on_received(clock.frame(), NOW)
        assert health.snapshot().unanswered_s == 0.0
        clock.now += 20 * MS
        publish(health, clock)
        clock.now += int(period_s * 1e9) - 20 * MS
        assert health.snapshot().unanswered_s == 0.0

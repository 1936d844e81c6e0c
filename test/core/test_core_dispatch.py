"""Frames of several cameras through budget, mailbox and counters, on a clock made by hand.

`World` plays arrivals against an engine whose times are given: frames arrive while the engine
works, as in the node, but nothing depends on threads.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from typing import NamedTuple

from helpers import noise, raw_frame
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from unet_perception.core.arrivals import OLD_NS
from unet_perception.core.budget import Budget, BudgetSeen
from unet_perception.core.deadline import Deadlines
from unet_perception.core.decode import Decoded
from unet_perception.core.dispatch import Dispatcher, Lane
from unet_perception.core.frame import Frame
from unet_perception.core.health import Health
from unet_perception.core.pipeline import Segmentation, StageTimes
from unet_perception.errors import EngineError, FrameError

MS, S = 1_000_000, 1_000_000_000
EPOCH = 1_700_000_000 * S
BUDGET = 100 * MS
IMAGE = raw_frame(noise(1, 1), 'mono8')
PLANE = noise(1, 1)


class Arrival(NamedTuple):
    """A frame that arrives at `at_ns` (monotonic), stamped `age_ns` before."""

    at_ns: int
    lane: int = 0
    age_ns: int = 2 * MS
    clock_step_ns: int = 0
    """By how much the node's clock is set just before; the camera's own clock stays as it is."""
    fault: Exception | None = None
    """What the pipeline raises for it."""


class Sent(NamedTuple):
    """A publish call: when it began and returned, for which frame, at which point."""

    began_ns: int
    ended_ns: int
    frame: Frame
    lane: int
    point: int


class World:
    """A dispatcher, its cameras and its engine; `engine_ns` gives each run's time by point."""

    def __init__(
        self,
        arrivals: Sequence[Arrival],
        engine_ns: Iterable[Sequence[int]],
        publish_ns: Iterable[int] = repeat(MS),
        cameras: int = 1,
        base_ns: Sequence[int] = (20 * MS,),
        publish_late: bool = False,
        trusts_stamps: bool = True,
    ) -> None:
        self.now_ns, self._node_is_ahead_ns = S, 0
        self._arrivals = list(arrivals)
        self._engine_ns, self._publish_ns = iter(engine_ns), iter(publish_ns)
        self.sent: list[Sent] = []
        self.due: dict[int, int] = {}
        """The deadline of each frame by its number, from the definition."""
        self._faults: dict[int, Exception] = {}
        self.fixed_ns: dict[int, int] = {}
        """What a camera's frames take besides the engine, by lane."""
        self._trusts_stamps = trusts_stamps
        self.complaints: list[str] = []
        budgets = [Budget(BUDGET, base_ns, publish_late) for _ in range(cameras)]
        self.lanes = [self._lane(k, len(base_ns), budget) for k, budget in enumerate(budgets)]
        self.dispatcher = Dispatcher(self.lanes, lambda: True, self.complaints.append, self.clock)

    def clock(self) -> int:
        return self.now_ns

    def run_some(self, until_ns: int) -> None:
        """Serve until then, or until all frames have arrived and ended."""
        while self.now_ns < until_ns and (self._arrivals or self._waiting()):
            if not self._waiting():
                self._pass(self._arrivals[0].at_ns - self.now_ns)
            assert self.dispatcher.serve_next()

    def run(self) -> 'World':
        """Serve until all frames have arrived and ended."""
        self.run_some(10**18)
        self.dispatcher.close()
        assert not self.dispatcher.serve_next()
        return self

    @property
    def seen(self) -> BudgetSeen:
        return self.lanes[0].budget.seen

    def counters(self, lane: int = 0) -> dict[str, int]:
        return {k: n for k, n in self.lanes[lane].health.snapshot().counters.items() if n}

    def _waiting(self) -> int:
        snapshots = [lane.health.snapshot() for lane in self.lanes]
        return sum(s.received - sum(s.counters.values()) for s in snapshots)

    def _lane(self, number: int, points: int, budget: Budget) -> Lane:
        world = self

        class Pipeline:
            unknown_threshold = 0.0

            def __init__(self, point: int) -> None:
                self.point = point

            def run(self, frame: Frame) -> Segmentation:
                inference_ns = next(world._engine_ns)[self.point]
                world._pass(inference_ns + world.fixed_ns.get(number, 0))
                world._point = self.point
                if frame.sequence in world._faults:
                    raise world._faults[frame.sequence]
                return Segmentation(
                    frame, Decoded(PLANE, None), PLANE, PLANE, StageTimes(0, 0, inference_ns, 0)
                )

        return Lane(
            [Pipeline(point) for point in range(points)],
            Health(self.clock),
            Deadlines(BUDGET, self._trusts_stamps),
            budget,
            partial(self._publish, number),
            lambda result, durations: None,
        )

    def _publish(self, lane: int, result: Segmentation) -> None:
        began_ns = self.now_ns
        self._pass(next(self._publish_ns))
        self.sent.append(Sent(began_ns, self.now_ns, result.frame, lane, self._point))

    def _pass(self, duration_ns: int) -> None:
        """Let time pass, and frames arrive in it."""
        until_ns = self.now_ns + duration_ns
        while self._arrivals and self._arrivals[0].at_ns <= until_ns:
            self._arrive(self._arrivals.pop(0))
        self.now_ns = max(until_ns, self.now_ns)

    def _arrive(self, arrival: Arrival) -> None:
        self.now_ns = max(self.now_ns, arrival.at_ns)
        self._node_is_ahead_ns += arrival.clock_step_ns
        clock_ns = EPOCH + self.now_ns + self._node_is_ahead_ns
        frame = IMAGE._replace(
            sequence=len(self.due),
            stamp_ns=max(EPOCH + self.now_ns - arrival.age_ns, 0),
            received_ns=self.now_ns,
        )
        age_ns = clock_ns - frame.stamp_ns
        is_plausible = self._trusts_stamps and frame.stamp_ns and 0 <= age_ns <= OLD_NS
        self.due[frame.sequence] = self.now_ns + BUDGET - (age_ns if is_plausible else 0)
        if arrival.fault is not None:
            self._faults[frame.sequence] = arrival.fault
        self.lanes[arrival.lane].health.on_received(frame, clock_ns)
        self.dispatcher.offer(arrival.lane, frame, clock_ns)


def stream(
    hz: float, seconds: float, start_s: float = 1.0, lane: int = 0, age_ns: int = 2 * MS
) -> Iterator[Arrival]:
    """Return a camera's frames."""
    for k in range(int(hz * seconds)):
        yield Arrival(int((start_s + k / hz) * S), lane, age_ns)


def merged(*streams: Iterable[Arrival]) -> list[Arrival]:
    return sorted(chain(*streams), key=lambda arrival: arrival.at_ns)


FAST = repeat((20 * MS, 12 * MS, 6 * MS))


def test_a_camera_that_fits_is_served_whole() -> None:
    world = World(list(stream(30, 10)), FAST).run()
    assert world.counters() == {'published': 300}
    latency = world.lanes[0].health.snapshot().durations['pipeline_latency']
    assert latency is not None
    assert latency.max == 2 + 20 + 1


def test_a_camera_that_is_too_fast_gets_fresh_masks_and_the_rest_is_displaced() -> None:
    world = World(list(stream(200, 10)), FAST).run()
    counters = world.counters()
    assert set(counters) == {'published', 'displaced'}
    assert counters['published'] == pytest.approx(10_000 / 21, abs=2)


def test_what_would_be_late_is_dropped_before_work_is_done_on_it() -> None:
    world = World(list(stream(20, 10, age_ns=95 * MS)), FAST).run()
    counters = world.counters()
    assert counters.pop('late') <= 20 + 1, 'one probe in 5 budgets'
    assert set(counters) == {'stale'}


def test_late_masks_go_out_if_they_are_wanted() -> None:
    world = World(list(stream(20, 5, age_ns=95 * MS)), FAST, publish_late=True).run()
    assert world.counters() == {'published': 100}
    assert world.lanes[0].health.snapshot().overruns == 100


def test_a_publish_call_that_overruns_is_published_and_an_overrun() -> None:
    slow = chain(repeat(MS, 20), [90 * MS], repeat(MS))
    world = World(list(stream(20, 3)), FAST, slow).run()
    snapshot = world.lanes[0].health.snapshot()
    assert snapshot.overruns == 1
    assert world.counters() == {'published': 59, 'displaced': 1}


def test_a_frame_that_does_not_fit_the_best_point_runs_at_a_coarser_one() -> None:
    times = repeat((150 * MS, 60 * MS, 30 * MS))
    world = World(list(stream(5, 20)), times, base_ns=(150 * MS, 60 * MS, 30 * MS)).run()
    assert world.counters() == {'published': 100}
    assert {sent.point for sent in world.sent} == {1}
    assert world.seen.point == 1


def test_under_load_it_steps_down_and_afterwards_up_again() -> None:
    fast, slow = (30 * MS, 18 * MS, 9 * MS), (120 * MS, 72 * MS, 36 * MS)
    times = chain(repeat(fast, 60), repeat(slow, 100), repeat(fast))
    world = World(list(stream(10, 40)), times, base_ns=fast).run()
    points = [sent.point for sent in world.sent]
    assert points[:60] == [0] * 60
    assert set(points[70:150]) == {1}
    assert points[-100:] == [0] * 100
    seen = world.seen
    assert (seen.steps_down, seen.steps_up) == (1, 1)
    assert [step[1:] for step in seen.steps] == [(0, 1), (1, 0)]
    assert world.counters()['published'] >= 395


def test_a_square_wave_of_load_does_not_make_it_flap() -> None:
    """Ten minutes in which a neighbour works for 5 s of every 10 s."""

    def times() -> Iterator[tuple[int, ...]]:
        while True:
            is_loaded = world.now_ns // (5 * S) % 2
            yield tuple((4 if is_loaded else 1) * ms * MS for ms in (30, 18, 9))

    world = World(list(stream(10, 600)), (), base_ns=(30 * MS, 18 * MS, 9 * MS))
    world._engine_ns = times()
    world.run()
    seen = world.seen
    assert seen.steps_up + seen.steps_down <= 40, 'blind following would make 120 steps'
    assert world.counters()['published'] / 6000 > 0.98


def test_what_is_fixed_in_a_frame_is_not_taken_for_the_engines() -> None:
    """A better point whose inference grows by little is found again after a load."""
    fast, slow = (12 * MS, 8 * MS, 4 * MS), (80 * MS, 60 * MS, 30 * MS)
    times = chain(repeat(fast, 60), repeat(slow, 60), repeat(fast))
    world = World(list(stream(10, 40)), times, base_ns=fast)
    world.fixed_ns[0] = 40 * MS
    world.run()
    assert world.seen.steps[0][1:] == (0, 1)
    assert [sent.point for sent in world.sent][-100:] == [0] * 100


@pytest.mark.parametrize('hz', [5, 10, 15])
def test_one_hiccup_now_and_then_costs_its_own_frame_and_no_step(hz: int) -> None:
    often = 20 * hz  # one of 130 ms in each 20 s
    times = chain.from_iterable(repeat([(20 * MS,) * 3] * (often - 1) + [(130 * MS,) * 3]))
    world = World(list(stream(hz, 200)), times, base_ns=(20 * MS, 12 * MS, 6 * MS)).run()
    assert world.seen.steps == ()
    assert world.counters()['late'] == 10
    assert world.counters()['published'] >= 200 * hz - 20


def test_frames_of_two_ages_settle_at_the_point_that_serves_both() -> None:
    """Two cameras' images on one topic, say: every second one is 60 ms old."""
    frames = [
        arrival._replace(age_ns=(2 if k % 2 else 60) * MS)
        for k, arrival in enumerate(stream(10, 60))
    ]
    times = (60 * MS, 30 * MS, 15 * MS)
    world = World(frames, repeat(times), base_ns=times).run()
    points = [sent.point for sent in world.sent]
    assert world.counters() == {'published': 600}
    assert set(points[30:]) == {1}
    assert world.seen.steps_down == 1


def test_a_camera_whose_images_come_too_old_is_no_concern_of_the_other() -> None:
    old, fresh = stream(30, 10, age_ns=95 * MS), stream(30, 10, 1.01, lane=1)
    world = World(merged(old, fresh), FAST, cameras=2, base_ns=(20 * MS, 12 * MS, 6 * MS)).run()
    assert world.counters(0)['stale'] >= 250
    assert world.counters(1)['published'] >= 290
    assert world.lanes[1].budget.seen.steps == ()


def test_a_camera_of_large_images_does_not_starve_one_whose_images_come_old() -> None:
    large, old = stream(10, 10), stream(10, 10, 1.06, lane=1, age_ns=60 * MS)
    world = World(merged(large, old), repeat((10 * MS,)), cameras=2, base_ns=(10 * MS,))
    world.fixed_ns[0] = 45 * MS
    world.run()
    assert world.counters(1) == {'published': 100}


def test_cameras_that_trigger_together_share_an_engine_that_is_too_slow_for_both() -> None:
    first, second = stream(10, 30), stream(10, 30, 1.002, lane=1)
    times = (85 * MS, 51 * MS, 25 * MS)
    world = World(merged(first, second), repeat(times), cameras=2, base_ns=times).run()
    assert world.counters(0)['published'] == 300
    assert world.counters(1)['published'] >= 285
    assert world.lanes[0].budget.seen.point == 1, 'coarser, so that the other fits as well'


def test_a_point_that_always_raises_is_left() -> None:
    world = World(list(stream(20, 20)), FAST, base_ns=(20 * MS, 12 * MS, 6 * MS))
    best = world.lanes[0].pipelines[0]

    def fail(frame: Frame) -> Segmentation:
        raise EngineError('out of memory')

    best.run = fail  # type: ignore[method-assign]
    world.run()
    assert world.counters()['failed'] <= 3 + 4
    assert world.seen.point == 1


def test_malformed_images_are_nothing_to_step_down_for() -> None:
    frames = [frame._replace(fault=FrameError('bad image')) for frame in stream(20, 5)]
    world = World(frames, FAST, base_ns=(20 * MS, 12 * MS, 6 * MS)).run()
    assert world.counters() == {'malformed': 100}
    assert world.seen.steps == ()


def test_a_trial_that_fails_costs_one_frame_and_the_next_comes_later() -> None:
    """The better point is slower than its measure at configure promised."""
    times = (150 * MS, 15 * MS)
    world = World(list(stream(20, 60)), repeat(times), base_ns=(30 * MS, 15 * MS)).run()
    counters = world.counters()
    assert counters['late'] <= 3 + 6, 'three frames to step down, a trial after 2, 4, 8, … s'
    assert world.seen.point == 1
    assert world.seen.steps_up == 0


def test_a_trial_that_raises_is_no_success() -> None:
    frames = list(stream(20, 60))
    times = chain(repeat((150 * MS, 15 * MS), 6), repeat((20 * MS, 15 * MS)))
    world = World(frames, times, base_ns=(30 * MS, 15 * MS))
    best = world.lanes[0].pipelines[0]

    def fail(frame: Frame) -> Segmentation:
        raise EngineError('this size only')

    world.run_some(until_ns=2 * S)
    assert world.seen.point == 1
    best.run = fail  # type: ignore[method-assign]
    world.run()
    assert 1 <= world.counters()['failed'] <= 6
    assert world.counters()['published'] >= 1150
    assert world.seen.point == 1


def test_one_engine_is_shared_fairly_by_cameras_of_any_pace() -> None:
    paces = (100, 60, 40, 30)
    streams = [stream(hz, 20, lane=k) for k, hz in enumerate(paces)]
    world = World(merged(*streams), FAST, cameras=4).run()
    published = [world.counters(k)['published'] for k in range(4)]
    fair = sum(published) / 4
    assert sum(published) == pytest.approx(20_000 / 21, rel=0.02)
    assert min(published) > 0.95 * fair


def test_a_slow_camera_beside_fast_ones_loses_nothing() -> None:
    world = World(
        merged(stream(100, 20), stream(100, 20, lane=1), stream(5, 20, lane=2)), FAST, cameras=3
    ).run()
    assert world.counters(2) == {'published': 100}


def test_of_equally_served_cameras_the_earlier_deadline_goes_first() -> None:
    start = 2 * S
    busy = Arrival(start, 2)
    young = Arrival(start + MS, 0, age_ns=1 * MS)
    old = Arrival(start + MS, 1, age_ns=30 * MS)
    world = World([busy, young, old], FAST, cameras=3).run()
    assert [sent.lane for sent in world.sent] == [2, 1, 0]


def test_faults_are_counted_and_told_and_the_next_frame_is_served() -> None:
    frames = list(stream(10, 1))
    faults = (EngineError('engine fell over'), FrameError('bad image'), ValueError('what?'))
    for k, fault in enumerate(faults):
        frames[2 * k] = frames[2 * k]._replace(fault=fault)
    world = World(frames, FAST).run()
    assert world.counters() == {'published': 7, 'failed': 2, 'malformed': 1}
    assert world.complaints == [
        'frame failed: engine fell over',
        'frame malformed: bad image',
        'frame failed: ValueError: what?',
    ]


def test_a_hang_drops_its_frames_and_queues_none() -> None:
    times = chain(repeat((20 * MS,), 20), [(2000 * MS,)], repeat((20 * MS,)))
    world = World(list(stream(20, 6)), times).run()
    hang_ended_ns = S + S + 2000 * MS
    counters = world.counters()
    assert counters['late'] == 1
    assert counters['displaced'] >= 38
    gap = max(b.began_ns - a.ended_ns for a, b in zip(world.sent, world.sent[1:], strict=False))
    assert gap < 2000 * MS + 6 * BUDGET, 'a probe finds out that it is over'
    after = [sent for sent in world.sent if sent.began_ns > hang_ended_ns + S]
    assert len(after) >= len([k for k in range(120) if S + k * S // 20 > hang_ended_ns + S])


def test_when_the_clock_goes_back_frames_count_from_reception() -> None:
    frames = list(stream(20, 4))
    for step_ns in (-3600 * S, -S // 2, 3600 * S):
        frames[40] = frames[40]._replace(clock_step_ns=step_ns)
        assert World(frames, FAST).run().counters() == {'published': 80}
    frames = [frame._replace(age_ns=-5 * S) for frame in frames]
    assert World(frames, FAST).run().counters() == {'published': 80}


def test_a_clock_that_goes_ahead_of_the_cameras_makes_every_image_late_and_says_so() -> None:
    frames = list(stream(20, 8))
    frames[40] = frames[40]._replace(clock_step_ns=5 * S)
    world = World(frames, FAST).run()
    assert world.counters() == {'published': 40, 'stale': 120}
    offset_ms = world.lanes[0].deadlines.offset_ms(world.now_ns)
    assert offset_ms == pytest.approx(5002, abs=1)


def test_simulated_time_never_makes_a_frame_late() -> None:
    frames = [frame._replace(age_ns=5 * S) for frame in stream(20, 4)]
    assert World(frames, FAST, trusts_stamps=False).run().counters() == {'published': 80}
    assert 'published' not in World(frames, FAST).run().counters()


AGES = st.one_of(
    st.integers(-5 * S, 150 * MS), st.integers(0, 90 * MS), st.sampled_from([11 * S, EPOCH])
)
ARRIVALS = st.lists(
    st.builds(
        lambda gap, lane, age, step, fault: (gap, lane, age, step, fault),
        st.integers(0, 300 * MS),
        st.integers(0, 2),
        AGES,
        st.sampled_from([0, 0, 0, -3600 * S, -S, -30 * MS, 30 * MS, S, 3600 * S]),
        st.sampled_from([None, None, None, EngineError('no'), FrameError('no')]),
    ),
    max_size=60,
)
TIMES = st.lists(st.tuples(*(st.integers(0, 400 * MS) for _ in range(3))), min_size=1, max_size=20)
PUBLISH = st.lists(st.integers(0, 120 * MS), min_size=1, max_size=20)


def arrivals_from(steps: list[tuple[int, int, int, int, Exception | None]]) -> list[Arrival]:
    now, arrivals = S, []
    for gap, lane, age, step, fault in steps:
        now += gap
        arrivals.append(Arrival(now, lane, age, step, fault))
    return arrivals


def forever(values: list[object]) -> Iterator[object]:
    while True:
        yield from values


@settings(max_examples=300, deadline=None)
@given(ARRIVALS, TIMES, PUBLISH, st.booleans(), st.booleans())
def test_no_interleaving_loses_a_frame_or_lets_a_late_one_through(
    steps: list[tuple[int, int, int, int, Exception | None]],
    times: list[tuple[int, ...]],
    publish: list[int],
    publish_late: bool,
    trusts_stamps: bool,
) -> None:
    world = World(
        arrivals_from(steps),
        forever(times),  # type: ignore[arg-type]
        forever(publish),  # type: ignore[arg-type]
        cameras=3,
        base_ns=(40 * MS, 20 * MS, 10 * MS),
        publish_late=publish_late,
        trusts_stamps=trusts_stamps,
    ).run()
    snapshots = [lane.health.snapshot() for lane in world.lanes]
    for snapshot in snapshots:
        assert sum(snapshot.counters.values()) == snapshot.received
    assert sum(snapshot.received for snapshot in snapshots) == len(steps)
    assert len({sent.frame.sequence for sent in world.sent}) == len(world.sent)
    late = [sent for sent in world.sent if sent.began_ns > world.due[sent.frame.sequence]]
    overrun = [sent for sent in world.sent if sent.ended_ns > world.due[sent.frame.sequence]]
    assert publish_late or not late
    assert sum(snapshot.overruns for snapshot in snapshots) == len(overrun)
    if publish_late:
        assert not any(s.counters['late'] or s.counters['stale'] for s in snapshots)


@settings(max_examples=100, deadline=None)
@given(ARRIVALS, TIMES, PUBLISH)
def test_no_burst_locks_the_node_out(
    steps: list[tuple[int, int, int, int, Exception | None]],
    times: list[tuple[int, ...]],
    publish: list[int],
) -> None:
    burst = arrivals_from(steps)
    calm_ns = (burst[-1].at_ns if burst else S) + S
    back_ns = -sum(arrival.clock_step_ns for arrival in burst)  # the clock is right again
    calm = [*stream(20, 4, calm_ns / S)]
    calm[0] = calm[0]._replace(clock_step_ns=back_ns)
    calm = merged(calm, stream(20, 4, calm_ns / S + 0.025, lane=1))

    def engine() -> Iterator[tuple[int, ...]]:
        slow = forever(times)  # type: ignore[arg-type]
        while True:
            is_calm = world.now_ns >= calm_ns
            yield (20 * MS, 12 * MS, 6 * MS) if is_calm else next(slow)  # type: ignore[misc]

    def calls() -> Iterator[int]:
        slow = forever(publish)  # type: ignore[arg-type]
        while True:
            yield MS if world.now_ns >= calm_ns else next(slow)  # type: ignore[misc]

    world = World(burst + calm, (), (), cameras=3, base_ns=(40 * MS, 20 * MS, 10 * MS))
    world._engine_ns, world._publish_ns = engine(), calls()
    world.run()
    for lane in (0, 1):
        ends = [sent.began_ns for sent in world.sent if sent.lane == lane]
        first = [at for at in ends if at >= calm_ns + 400 * MS]
        assert first, 'nothing was published after the burst'
        assert first[0] <= calm_ns + 400 * MS + 7 * BUDGET
        assert len([at for at in ends if at >= calm_ns + 3 * S]) == 20


def test_after_closing_frames_are_gated() -> None:
    world = World([], FAST)
    frame = IMAGE._replace(stamp_ns=EPOCH + S, received_ns=S)
    for _ in range(2):
        world.lanes[0].health.on_received(frame, EPOCH + S)
    world.dispatcher.offer(0, frame, EPOCH + S)
    world.dispatcher.close()
    world.dispatcher.offer(0, frame, EPOCH + S)
    assert world.counters() == {'gated': 2}
    assert not world.dispatcher.serve_next()

"""What is odd about an image is noted, counted, and said with numbers."""

from helpers import noise, raw_frame
import pytest

from unet_perception.core.arrivals import FUTURE_NS, OLD_NS, Arrivals, Oddity
from unet_perception.core.frame import Frame

S = 1_000_000_000
CLOCK = 1_000 * S


def frame(stamp_ns: int = CLOCK, frame_id: str = 'camera', received_ns: int = 0) -> Frame:
    return raw_frame(noise(3, 4), 'mono8')._replace(
        stamp_ns=stamp_ns, frame_id=frame_id, received_ns=received_ns
    )


def recorded(*frames: Frame, clock_ns: int = CLOCK) -> Arrivals:
    arrivals = Arrivals()
    for each in frames:
        arrivals.record(each, clock_ns, 0)
    return arrivals


@pytest.mark.parametrize(
    ('frames', 'oddity', 'words'),
    [
        ([frame(frame_id='')], Oddity.FRAME_ID_EMPTY, 'frame_id is empty'),
        ([frame(0)], Oddity.STAMP_ZERO, 'stamp is zero'),
        ([frame(CLOCK + 3 * S)], Oddity.STAMP_IN_FUTURE, 'stamp is 3.0 s in the future'),
        ([frame(CLOCK - 3600 * S)], Oddity.STAMP_OLD, 'stamp is 3600 s old'),
        ([frame(), frame(CLOCK - S // 4)], Oddity.STAMP_WENT_BACK, 'went back by 0.250 s'),
    ],
)
def test_an_oddity_is_noted_alone(frames: list[Frame], oddity: Oddity, words: str) -> None:
    arrivals = recorded(*frames)
    (found,) = arrivals.oddities(2 * S)
    assert words in found.message
    assert found.age_s == 2.0
    assert {k: n for k, n in arrivals.counts().items() if n} == {oddity.name.lower(): 1}


@pytest.mark.parametrize(
    'frames',
    [
        [frame(), frame(CLOCK + 1)],
        [frame(), frame()],
        [frame(CLOCK + FUTURE_NS)],
        [frame(CLOCK - OLD_NS)],
    ],
    ids=['in order', 'the same twice', 'ahead within the tolerance', 'not yet old'],
)
def test_what_is_common_is_not_odd(frames: list[Frame]) -> None:
    assert recorded(*frames).oddities(0) == ()


def test_before_simulated_time_begins_nothing_is_in_the_future() -> None:
    assert recorded(frame(5 * S), clock_ns=0).oddities(0) == ()


def test_after_a_zero_stamp_the_next_has_not_gone_back_nor_lost_anything() -> None:
    arrivals = recorded(frame(), frame(0), frame(CLOCK + 1))
    assert arrivals.counts()['stamp_went_back'] == 0
    assert (arrivals.received, arrivals.lost, arrivals.lost_ratio) == (3, 0, 0.0)


def test_a_repeated_oddity_is_counted_and_its_latest_numbers_kept() -> None:
    arrivals = recorded(frame(CLOCK + S), frame(CLOCK + 2 * S))
    assert arrivals.counts()['stamp_in_future'] == 2
    assert '2.0 s' in arrivals.oddities(0)[0].message


def test_rate_and_latest_image_are_those_that_arrived() -> None:
    arrivals = Arrivals()
    assert arrivals.latest(0) is None
    for k in range(100):
        arrivals.record(frame(CLOCK + k, received_ns=k * S // 10), CLOCK, k * S // 10)
    assert arrivals.rate(99 * S // 10) == 10.0
    assert arrivals.latest(10 * S) == ('mono8', 4, 3, 'camera', pytest.approx(0.1))

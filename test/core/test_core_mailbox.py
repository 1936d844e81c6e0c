"""The newest frame wins, and no frame is lost without someone being told."""

import threading
import time

from helpers import noise, raw_frame
import pytest

from unet_perception.core.frame import Frame
from unet_perception.core.mailbox import Mailbox

IMAGE = raw_frame(noise(1, 1), 'mono8')


def frame(sequence: int) -> Frame:
    return IMAGE._replace(sequence=sequence)


class Taker(threading.Thread):
    """Takes until the mailbox is closed."""

    def __init__(self, mailbox: Mailbox[Frame], pause_s: float = 0.0) -> None:
        super().__init__(daemon=True)
        self._mailbox, self._pause_s = mailbox, pause_s
        self.taken: list[Frame] = []

    def run(self) -> None:
        while (taken := self._mailbox.take()) is not None:
            self.taken.append(taken)
            time.sleep(self._pause_s)


def test_the_newest_wins_and_the_displaced_comes_back() -> None:
    mailbox = Mailbox[Frame]()
    one, two, three = map(frame, (1, 2, 3))
    assert mailbox.put(one) is None
    assert mailbox.put(two) is one
    assert mailbox.put(three) is two
    assert mailbox.take() is three
    assert mailbox.put(one) is None


def test_each_slot_keeps_its_own_and_the_taker_ranks_them() -> None:
    mailbox = Mailbox[Frame](3)
    for slot, sequence in ((0, 5), (1, 3), (2, 9), (1, 4)):
        mailbox.put(frame(sequence), slot)
    order = [mailbox.take(lambda f: f.sequence) for _ in range(3)]
    assert [f and f.sequence for f in order] == [4, 5, 9]


def test_closing_hands_back_what_was_left_once() -> None:
    mailbox = Mailbox[Frame]()
    left = frame(1)
    mailbox.put(left)
    assert mailbox.close() == [left]
    assert mailbox.close() == []
    assert mailbox.take() is None


def test_a_closed_mailbox_hands_each_frame_straight_back() -> None:
    mailbox = Mailbox[Frame]()
    mailbox.close()
    late = frame(1)
    assert mailbox.put(late) is late
    assert mailbox.take() is None


def test_a_waiting_taker_gets_the_frame() -> None:
    mailbox = Mailbox[Frame]()
    taker = Taker(mailbox)
    taker.start()
    time.sleep(0.02)
    mailbox.put(frame(1))
    deadline = time.monotonic() + 5
    while not taker.taken and time.monotonic() < deadline:
        time.sleep(0.001)
    assert taker.taken == [frame(1)]
    mailbox.close()


def test_closing_wakes_the_taker() -> None:
    mailbox = Mailbox[Frame]()
    taker = Taker(mailbox)
    taker.start()
    time.sleep(0.02)
    mailbox.close()
    taker.join(5)
    assert not taker.is_alive()
    assert taker.taken == []


@pytest.mark.parametrize('pause_s', [0.0, 0.0005])
def test_each_frame_is_taken_or_given_back_exactly_once(pause_s: float) -> None:
    mailbox = Mailbox[Frame]()
    taker = Taker(mailbox, pause_s)
    taker.start()
    half, back = threading.Event(), list[Frame | None]()
    closer = threading.Thread(target=lambda: (half.wait(5), back.extend(mailbox.close())))
    closer.start()
    for k in range(3000):
        back.append(mailbox.put(frame(k)))
        if k == 1500:
            half.set()
    closer.join(5)
    taker.join(5)
    ends = [f.sequence for f in (*taker.taken, *back) if f is not None]
    assert sorted(ends) == list(range(3000))
    assert taker.taken == sorted(taker.taken, key=lambda f: f.sequence)

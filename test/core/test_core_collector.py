"""The collector stands still in the midst of work, runs when told, and is put back."""

import gc

import pytest

from unet_perception.core import collector as under_test
from unet_perception.core.collector import frozen_garbage


class Node:
    """Garbage that only the cyclic collector finds."""

    alive = 0

    def __init__(self) -> None:
        Node.alive += 1
        self.me = self

    def __del__(self) -> None:
        Node.alive -= 1


@pytest.fixture(autouse=True)
def _nothing_left() -> None:
    gc.collect()
    Node.alive = 0


def test_garbage_is_collected_between_frames_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(under_test, 'monotonic', lambda: now[0])
    with frozen_garbage() as collector:
        for _ in range(3000):  # the interpreter would collect after 700 or 2000 of them
            Node()
        assert Node.alive == 3000
        collector.between_frames()
        assert Node.alive == 3000, 'a second has not yet passed'
        now[0] += under_test.PERIOD_S
        collector.between_frames()
        assert Node.alive == 0


def test_what_lives_is_set_aside_and_all_is_put_back() -> None:
    before = gc.get_threshold()
    with frozen_garbage():
        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold() != before
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before

"""Consumers: what they pair, what they refuse, and how they learn that masks stopped."""

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from helpers import noise
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image

from rig import Rig, fake_opener, image_message, wait_until
from unet_perception.core.frame import U8
from unet_perception.ros.consumer import WAITING, MaskConsumer, MaskPair, Pairing
from unet_perception.ros.mask_recorder import MaskRecorder
from unet_perception.ros.messages import ns_from_time, time_from_ns

AGES_NS = 1000 * 10**9  # far more than any machine is slow
NEVER_S = 3600.0


def mono8(pixels: U8, stamp_ns: int, frame_id: str = 'front', **changes: Any) -> Image:
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding='mono8')
    message.step, message.data = pixels.shape[1], array('B', pixels.tobytes())
    message.header.stamp, message.header.frame_id = time_from_ns(stamp_ns), frame_id
    for name, value in changes.items():
        setattr(message, name, value)
    return message


class Planner:
    """A consumer on a node of its own, spun by hand, and all that it was told."""

    def __init__(
        self, on_pair: Callable[[MaskPair], None] | None = None, use_sim_time: bool = False
    ) -> None:
        sim_time = Parameter('use_sim_time', value=use_sim_time)
        self.node = Node('planner', parameter_overrides=[sim_time])
        self.pairs: list[MaskPair] = []
        self.reasons: list[str] = []
        self._on_pair = on_pair or self.pairs.append
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.listen()

    def listen(self, max_age_s: float = 60.0, silence_s: float = NEVER_S) -> MaskConsumer:
        self.consumer = MaskConsumer(
            self.node, self._on_pair, self.reasons.append, max_age_s, silence_s
        )
        return self.consumer

    def now_ns(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def get(self, mask: Image | None = None, confidence: Image | None = None) -> None:
        if confidence is not None:
            self.consumer._on_confidence(confidence)
        if mask is not None:
            self.consumer._on_mask(mask)

    def get_pair(self, stamp_ns: int | None = None) -> None:
        stamp_ns = self.now_ns() if stamp_ns is None else stamp_ns
        self.get(mono8(noise(2, 3), stamp_ns), mono8(noise(2, 3), stamp_ns))

    def spin_until(self, holds: Callable[[], object], seconds: float = 20.0) -> bool:
        deadline = monotonic() + seconds
        while not holds():
            if monotonic() > deadline:
                return False
            self._executor.spin_once(timeout_sec=0.02)
        return True

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()


@pytest.fixture
def planner() -> Iterator[Planner]:
    planner = Planner()
    yield planner
    planner.close()


class TestPairing:
    @pytest.mark.parametrize('first', ['mask', 'confidence'])
    def test_whichever_comes_first(self, planner: Planner, first: str) -> None:
        now = planner.now_ns()
        mask, confidence = mono8(noise(4, 5), now), mono8(noise(4, 5, seed=1), now)
        messages = {'mask': mask, 'confidence': confidence}
        planner.get(**{first: messages.pop(first)})
        assert not planner.pairs
        planner.get(**messages)
        (pair,) = planner.pairs
        assert pair.mask.tobytes() == bytes(mask.data)
        assert pair.confidence.tobytes() == bytes(confidence.data)
        assert (pair.header, pair.camera_info) == (mask.header, None)
        assert 0 <= pair.age_s < 60

    def test_the_pixels_are_not_copied(self, planner: Planner) -> None:
        now = planner.now_ns()
        mask, confidence = mono8(noise(4, 5), now), mono8(noise(4, 5), now)
        planner.get(mask, confidence)
        assert np.shares_memory(planner.pairs[0].mask, np.frombuffer(mask.data, np.uint8))
        assert np.shares_memory(
            planner.pairs[0].confidence, np.frombuffer(confidence.data, np.uint8)
        )

    def test_a_mask_is_used_once(self, planner: Planner) -> None:
        now = planner.now_ns()
        mask, confidence = mono8(noise(2, 2), now), mono8(noise(2, 2), now)
        planner.get(mask, confidence)
        planner.get(mask)
        planner.get(mask)
        assert planner.consumer.counters == {'paired': 1, 'too_old': 0, 'mismatched': 0}

    @pytest.mark.parametrize('other', [(1, 'front'), (0, 'left')])
    def test_another_stamp_or_frame_is_another_image(
        self, planner: Planner, other: tuple[int, str]
    ) -> None:
        now = planner.now_ns()
        planner.get(mono8(noise(2, 2), now), mono8(noise(2, 2), now + other[0], other[1]))
        assert not planner.pairs

    @given(st.permutations([(kind, n) for kind in ('mask', 'confidence') for n in range(WAITING)]))
    def test_in_any_order_each_finds_its_own_and_no_other(
        self, order: list[tuple[str, int]]
    ) -> None:
        pairing, found = Pairing(), []
        for kind, n in order:
            message = mono8(noise(1, 1), n)
            other = (pairing.confidence_for if kind == 'mask' else pairing.mask_for)(message)
            if other is not None:
                assert other is not message
                found.append((n, ns_from_time(other.header.stamp)))
        assert sorted(found) == [(n, n) for n in range(WAITING)]

    def test_only_the_latest_few_wait(self) -> None:
        pairing = Pairing()
        for n in range(100):
            assert pairing.mask_for(mono8(noise(1, 1), n)) is None
        found = [pairing.confidence_for(mono8(noise(1, 1), n)) is not None for n in range(100)]
        assert found == [False] * (100 - WAITING) + [True] * WAITING
        assert len(pairing._masks) == WAITING

    def test_what_waited_before_stamps_went_back_finds_nothing_after(self) -> None:
        pairing, second = Pairing(), 10**9
        assert pairing.confidence_for(mono8(noise(1, 1), second)) is None
        assert pairing.mask_for(mono8(noise(1, 1), 5 * second)) is None
        assert pairing.confidence_for(mono8(noise(1, 1), 2 * second)) is None, 'a loop'
        assert pairing.mask_for(mono8(noise(1, 1), second)) is None
        assert pairing.mask_for(mono8(noise(1, 1), 2 * second)) is not None

    def test_camera_info_is_that_of_the_stamp(self, planner: Planner) -> None:
        now = planner.now_ns()
        for n in range(3):
            info = CameraInfo(width=n)
            info.header.stamp = time_from_ns(now + n)
            planner.consumer._on_camera_info(info)
        for n in (1, 3):
            planner.get_pair(now + n)
        assert planner.pairs[0].camera_info.width == 1
        assert planner.pairs[1].camera_info is None


class TestRefusal:
    @pytest.mark.parametrize(
        ('off_ns', 'complaint'),
        [(-AGES_NS, 's old, and 60 s is allowed'), (AGES_NS, 's ahead of this clock')],
        ids=['old', 'of the future'],
    )
    def test_of_an_age_that_cannot_be_trusted(
        self, planner: Planner, off_ns: int, complaint: str
    ) -> None:
        planner.get_pair(planner.now_ns() + off_ns)
        assert planner.consumer.counters == {'paired': 0, 'too_old': 1, 'mismatched': 0}
        assert complaint in planner.consumer._trouble
        assert not planner.pairs

    @pytest.mark.parametrize(
        ('changes', 'complaint'),
        [
            ({'height': 3}, 'step 3 and 6 bytes'),
            ({'width': 2}, 'mask is (2, 2) and confidence (2, 3)'),
            ({'height': 1}, 'mask is (1, 3) and confidence (2, 3)'),
            ({'encoding': 'bgr8'}, "mask has encoding 'bgr8', not 'mono8'"),
            ({'step': 2}, "of 3 x 2 pixels can't have step 2"),
            ({'step': 4}, 'step 4 and 6 bytes'),
            ({'height': 0}, 'mask of 3 x 0 pixels'),
            ({'width': 0, 'step': 0}, 'mask of 0 x 2 pixels'),
            ({'data': array('B')}, 'and 0 bytes'),
        ],
    )
    def test_of_what_is_no_pair_of_masks(
        self, planner: Planner, changes: dict[str, Any], complaint: str
    ) -> None:
        now = planner.now_ns()
        planner.get(mono8(noise(2, 3), now, **changes), mono8(noise(2, 3), now))
        assert planner.consumer.counters == {'paired': 0, 'too_old': 0, 'mismatched': 1}
        assert complaint in planner.consumer._trouble
        assert not planner.pairs

    def test_not_of_padded_rows(self, planner: Planner) -> None:
        now, pixels = planner.now_ns(), noise(4, 8)
        planner.get(mono8(pixels, now, width=5), mono8(noise(4, 5), now))
        assert (planner.pairs[0].mask == pixels[:, :5]).all()

    def test_of_stamp_zero(self, planner: Planner) -> None:
        planner.get_pair(0)
        assert planner.consumer.counters['too_old'] == 1
        assert 'stamp zero' in planner.consumer._trouble

    def test_while_simulated_time_has_not_begun(self) -> None:
        planner = Planner(use_sim_time=True)
        planner.get_pair(10_000_000)
        assert planner.consumer.counters['too_old'] == 1
        assert '/clock' in planner.consumer._trouble
        planner.close()


class TestSilence:
    def test_is_told_once_and_again_after_recovery(self, planner: Planner) -> None:
        planner.listen(silence_s=0.1)
        assert planner.spin_until(lambda: planner.reasons)
        assert not planner.spin_until(lambda: len(planner.reasons) > 1, seconds=0.6)
        planner.get_pair()
        assert len(planner.pairs) == 1
        assert planner.spin_until(lambda: len(planner.reasons) > 1)
        assert not planner.spin_until(lambda: len(planner.reasons) > 2, seconds=0.6)
        assert planner.reasons[0] == (
            "no usable mask for 0.1 s: none comes on '/segmentation/mask', which has 0 "
            'publisher(s): see that the segmentation node is active and gets images'
        )

    def test_refused_masks_do_not_break_it(self, planner: Planner) -> None:
        planner.listen(silence_s=0.1)
        assert planner.spin_until(lambda: planner.reasons)
        planner.get_pair(planner.now_ns() - AGES_NS)
        assert not planner.spin_until(lambda: len(planner.reasons) > 1, seconds=0.6)

    def test_says_that_masks_are_too_old(self, planner: Planner) -> None:
        planner.listen(silence_s=0.1)
        planner.get_pair(planner.now_ns() - AGES_NS)
        assert planner.spin_until(lambda: planner.reasons)
        assert 'masks are 1000.' in planner.reasons[0]

    def test_says_that_confidence_is_missing(self, planner: Planner) -> None:
        planner.listen(silence_s=0.1)
        planner.get(mono8(noise(2, 3), planner.now_ns()))
        assert planner.spin_until(lambda: planner.reasons)
        assert "without a confidence of their stamp and frame_id on '/segm" in planner.reasons[0]

    def test_is_seen_though_simulated_time_stands_still(self) -> None:
        planner = Planner(use_sim_time=True)
        planner.listen(silence_s=0.1)
        assert planner.now_ns() == 0
        assert planner.spin_until(lambda: planner.reasons)
        planner.close()

    def test_a_planner_that_fails_is_told_to_stop(self) -> None:
        def fail(pair: MaskPair) -> None:
            raise ZeroDivisionError

        planner = Planner(fail)
        planner.listen(silence_s=0.1)
        with pytest.raises(ZeroDivisionError):
            planner.get_pair()
        assert planner.spin_until(lambda: planner.reasons)
        assert '`on_pair` raised' in planner.reasons[0]
        planner.close()

    def test_the_planners_own_time_is_none(self) -> None:
        planner = Planner(lambda _: sleep(1.6))
        planner.listen(silence_s=1.5)
        planner.get_pair()
        assert not planner.spin_until(lambda: planner.reasons, seconds=0.1)
        planner.close()


def test_topics_are_relative_and_can_be_remapped() -> None:
    arguments = ['--ros-args', '-r', 'segmentation/mask:=/left/mask']
    node = rclpy.create_node('planner', namespace='arm', cli_args=arguments)
    consumer = MaskConsumer(node, lambda _: None, lambda _: None)
    assert consumer._mask_topic == '/left/mask'
    assert consumer._confidence_topic == '/arm/segmentation/confidence'
    node.destroy_node()


def test_the_running_node_is_understood() -> None:
    image = noise(54, 96, 3)
    info = CameraInfo(width=96, height=54, k=[float(n) for n in range(9)])
    pairs: list[MaskPair] = []
    with Rig(fake_opener()).start() as rig:
        node = rclpy.create_node('planner')
        consumer = MaskConsumer(node, pairs.append, lambda _: None, max_age_s=60.0)
        rig._executor.add_node(node)

        def complete() -> bool:
            now = divmod(rig.node.get_clock().now().nanoseconds, 10**9)
            rig.infos.publish(info)
            rig.images.publish(image_message(image, now))
            count = len(pairs)
            return wait_until(lambda: len(pairs) > count, 1.0) and bool(pairs[-1].camera_info)

        assert wait_until(complete)
        assert all(complete() for _ in range(5)), 'the mask is the last of the three'
        rig._executor.remove_node(node)
    node.destroy_node()
    assert consumer.counters == {'paired': len(pairs), 'too_old': 0, 'mismatched': 0}
    pair = pairs[-1]
    assert pair.header.frame_id == 'front'
    assert pair.mask.shape == pair.confidence.shape == (54, 96)
    assert list(pair.camera_info.k) == list(info.k)
    assert pair.camera_info.header.stamp == pair.header.stamp


def test_the_recorder_counts_a_mask_whose_confidence_was_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recorder = MaskRecorder()
    pixels = noise(2, 3)
    for stamp, frame_id in ((1, 'front'), (2, 'left'), (3, 'front')):
        recorder._on_confidence(mono8(pixels, stamp, frame_id))
    for stamp in (1, 2, 3, 4):
        recorder._on_mask(mono8(pixels, stamp))
    recorder._on_confidence(mono8(pixels, 4))
    recorder.close()
    assert (tmp_path / 'unpaired.json').read_text() == '2'
    lines = (tmp_path / 'masks.csv').read_text().splitlines()[1:]
    assert [line.split(',')[0] for line in lines] == ['1', '3']

"""What goes wrong on a robot, on purpose: the node says so, loses nothing unseen, and goes on."""

from collections.abc import Callable, Iterator
from itertools import chain, repeat
import os
from pathlib import Path
import signal
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
import rclpy
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from rig import Rig, fake_opener, image_message, python_process, wait_until
from unet_perception.core.paths import private_cache_folder
from unet_perception.engines.fake import FakeEngine
from unet_perception.ros.messages import SECOND_NS, time_from_ns

OK, WARN, ERROR = 0, 1, 2
BGR = np.zeros((48, 64, 3), np.uint8)
BUDGET_MS = 150.0


def play(rig: Rig, seconds: float, hz: float = 20.0, age_s: float = 0.0) -> None:
    """Be a camera for a while."""
    for _ in range(round(seconds * hz)):
        until = monotonic() + 1 / hz
        publish(rig, age_s=age_s)
        sleep(max(0.0, until - monotonic()))


def publish(rig: Rig, age_s: float = 0.0) -> None:
    message = image_message(BGR)
    now_ns = rig.peer.get_clock().now().nanoseconds
    message.header.stamp = time_from_ns(now_ns - int(age_s * SECOND_NS))
    rig.images.publish(message)


def adds_up(rig: Rig) -> bool:
    """Tell whether every frame that arrived ended in a counter."""
    health = rig.health()
    return sum(health.counters.values()) == health.received


def goes_on(rig: Rig) -> bool:
    """Tell whether new images become masks again."""
    before = rig.counters().get('published', 0)

    def published() -> bool:
        publish(rig)
        return rig.counters().get('published', 0) > before

    return wait_until(published)


def test_an_engine_that_raises_now_and_then_costs_only_those_frames() -> None:
    script = [RuntimeError('bus fell off') if k % 5 == 0 else 0.005 for k in range(200)]
    with Rig(fake_opener(script), latency_budget_ms=BUDGET_MS).start() as rig:
        play(rig, 2.0)
        assert wait_until(lambda: adds_up(rig))
        counters = rig.counters()
        assert counters['failed'] == pytest.approx(sum(counters.values()) / 5, abs=2)
        assert goes_on(rig)


def test_an_engine_that_hangs_is_reported_its_frames_dropped_and_none_queued() -> None:
    script = chain(repeat(0.005, 10), [2.0], repeat(0.005))
    parameters: dict[str, Any] = {'latency_budget_ms': BUDGET_MS, 'stall_budgets': 5}
    with Rig(fake_opener(script), **parameters).start() as rig:
        play(rig, 1.0)
        assert wait_until(lambda: rig.health().busy_s > 0.3)
        start = monotonic()
        while rig.level_of('engine') != ERROR:
            publish(rig)
            sleep(0.02)
            assert monotonic() - start < 1.9, 'reported while it hangs'
        assert 'work on a frame has not returned' in rig.message_of('engine')
        assert wait_until(lambda: rig.level_of('latency') == ERROR)
        assert 'no mask for' in rig.message_of('latency')
        assert wait_until(lambda: rig.health().busy_s == 0.0)
        ended_ns = rig.node.get_clock().now().nanoseconds
        rig.received['mask'].clear()
        assert goes_on(rig)
        assert wait_until(lambda: rig.received['mask'])
        stamp = rig.received['mask'][0].header.stamp
        oldest_ns = ended_ns - int(BUDGET_MS * 1e6)
        assert stamp.sec * SECOND_NS + stamp.nanosec >= oldest_ns, 'nothing was queued'
        assert rig.counters()['late'] >= 1
        assert wait_until(lambda: adds_up(rig))
        assert wait_until(lambda: goes_on(rig) and rig.level_of('engine') == OK)


def test_a_hanging_engine_is_left_behind_and_configure_opens_another() -> None:
    opened: list[FakeEngine] = []
    script = chain([5.0], repeat(0.0))
    fake = fake_opener(script)

    def opener(*arguments: Any) -> Any:
        opened.append(fake(*arguments))
        return opened[-1]

    parameters: dict[str, Any] = {'operating_point': '256x512', 'latency_budget_ms': BUDGET_MS}
    with Rig(opener, **parameters).start() as rig:
        publish(rig)
        assert wait_until(lambda: rig.health().busy_s > 0)
        start = monotonic()
        assert rig.node.trigger_deactivate().name == 'ERROR'
        assert monotonic() - start < 2.0
        assert wait_until(lambda: 'left behind' in rig.message_of('engine'))
        assert not opened[0].is_closed, 'the hanging thread still owns it'
        rig.start()
        assert len(opened) == 2
        assert goes_on(rig)


def test_a_camera_that_stops_is_told_and_one_that_returns_is_served() -> None:
    parameters: dict[str, Any] = {'latency_budget_ms': BUDGET_MS, 'input_timeout_s': 0.5}
    with Rig(fake_opener(), **parameters).start() as rig:
        play(rig, 0.5)
        assert wait_until(lambda: rig.level_of('input') == WARN)
        assert 'no image for' in rig.message_of('input')
        assert rig.level_of('latency') == OK, 'no image, so no mask is missing'
        assert goes_on(rig)
        assert wait_until(lambda: goes_on(rig) and rig.level_of('input') == OK)
        assert wait_until(lambda: adds_up(rig))


class ShiftedClock:
    """The node's clock after someone set it."""

    def __init__(self, clock: Any, shift_s: float) -> None:
        self._clock, self._shift = clock, rclpy.duration.Duration(seconds=shift_s)

    def now(self) -> Any:
        return self._clock.now() + self._shift


@pytest.mark.parametrize('shift_s', [-3600.0, -0.5, 3600.0])
def test_a_clock_that_is_set_costs_no_mask_and_is_told(
    shift_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Rig(fake_opener(), latency_budget_ms=1000.0).start() as rig:
        play(rig, 0.5)
        shifted = ShiftedClock(rig.node.get_clock(), shift_s)
        monkeypatch.setattr(rig.node, 'get_clock', lambda: shifted)
        play(rig, 0.5)
        assert goes_on(rig)
        assert set(rig.counters()) <= {'published', 'displaced'}
        words = 'in the future' if shift_s < 0 else 's old'
        assert wait_until(lambda: words in rig.message_of('input'))
        assert wait_until(lambda: values_of(rig, 'latency').get('budget_from') == 'reception')


def values_of(rig: Rig, name: str) -> dict[str, str]:
    status = rig.status_of(name)
    return {pair.key: pair.value for pair in status.values} if status else {}


def test_a_camera_whose_images_arrive_too_old_is_told_with_both_causes() -> None:
    with Rig(fake_opener(), latency_budget_ms=BUDGET_MS).start() as rig:

        def told() -> bool:
            play(rig, 0.3, age_s=0.4)
            is_error = rig.level_of('latency') == ERROR
            return is_error and 'clock offset or slow camera' in rig.message_of('latency')

        assert wait_until(told)
        assert set(rig.counters()) <= {'stale', 'displaced'}


@pytest.fixture
def simulated() -> Iterator[tuple[Rig, Callable[[float], None]]]:
    """A node on simulated time, and what sets that time."""
    with Rig(fake_opener(), latency_budget_ms=BUDGET_MS, use_sim_time=True) as rig:
        clocks = rig.peer.create_publisher(Clock, '/clock', 10)

        def set_clock(seconds: float) -> None:
            clocks.publish(Clock(clock=time_from_ns(int(seconds * SECOND_NS))))

        assert wait_until(clocks.get_subscription_count)
        yield rig.start(), set_clock


def test_simulated_time_that_pauses_and_loops_loses_no_mask(
    simulated: tuple[Rig, Callable[[float], None]],
) -> None:
    rig, set_clock = simulated
    sent = 0
    for now in (*np.arange(0.1, 3.0, 0.05), *repeat(3.0, 20), *np.arange(0.5, 2.0, 0.05)):
        if now != 3.0:  # paused: the camera goes on, the clock does not
            set_clock(now)
        message = image_message(BGR, (int(now), int(now % 1 * 1e9)))
        rig.images.publish(message)
        sent += 1
        sleep(0.02)
    assert wait_until(lambda: adds_up(rig) and rig.health().received == sent), rig.health()
    assert set(rig.counters()) <= {'published', 'displaced'}
    assert rig.counters()['published'] > 0.8 * sent
    assert values_of(rig, 'latency')['budget_from'] == 'reception'
    assert wait_until(lambda: 'stamp went back' in rig.message_of('input'))


SLOW_NODE = """
import sys
from rig import fake_opener
from unet_perception.ros.node import SegmentationNode
from unet_perception.ros.process import run_node
opener = fake_opener([float(sys.argv[1])] * 1000)
node = lambda: SegmentationNode(opener)
sys.exit(run_node('slow', node, SegmentationNode.start_by_itself, lambda _: False, sys.argv[2:]))
"""


@pytest.mark.parametrize('inference_s', [0.5, 60.0])
def test_sigterm_in_mid_inference_ends_cleanly_within_2_s(
    inference_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / 'slow_node.py'
    script.write_text(SLOW_NODE)
    folder = Path(__file__).parent
    paths = filter(None, (str(folder), str(folder.parent), os.environ.get('PYTHONPATH')))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(paths))
    peer = rclpy.create_node('peer')
    images = peer.create_publisher(Image, 'image', 5)
    with python_process([str(script), str(inference_s)], 'autostart:=true') as popen:
        assert wait_until(images.get_subscription_count, 30.0)
        sleep(0.3)
        for _ in range(10):
            images.publish(image_message(BGR))
            sleep(0.02)
        start = monotonic()
        popen.send_signal(signal.SIGTERM)
        _, err = popen.communicate(timeout=10)
        took_s = monotonic() - start
    peer.destroy_node()
    assert popen.returncode == 0, err
    assert took_s < 2.0
    assert 'Traceback' not in err


def test_two_nodes_that_start_at_once_on_one_empty_cache_both_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    cache = private_cache_folder('openvino')
    assert cache is not None
    assert not list(cache.iterdir())
    peer = rclpy.create_node('peer')
    masks: dict[str, list[Image]] = {'one': [], 'two': []}
    for camera, got in masks.items():
        peer.create_subscription(Image, f'{camera}/segmentation/mask', got.append, 1)
    cameras = {camera: peer.create_publisher(Image, f'{camera}/image', 5) for camera in masks}

    def both_serve() -> bool:
        for camera in cameras.values():
            camera.publish(image_message(BGR))
        rclpy.spin_once(peer, timeout_sec=0.05)
        return all(masks.values())

    def node_of(camera: str) -> Any:
        parameters = ('autostart:=true', 'backend:=openvino', 'latency_budget_ms:=10000.0')
        return python_process(
            ['-m', 'unet_perception.ros.node'], *parameters, f'cameras:=[{camera}]'
        )

    with node_of('one'), node_of('two'):
        assert wait_until(both_serve, 30.0), {camera: len(got) for camera, got in masks.items()}
    peer.destroy_node()
    assert list(cache.iterdir())


def test_the_operating_point_can_be_pinned_and_a_wrong_one_is_refused_by_name() -> None:
    with Rig(fake_opener(), operating_point='192x384').start() as rig:
        publish(rig)
        assert rig.settle(1) == {'published': 1}
        assert wait_until(lambda: values_of(rig, 'latency').get('operating_point') == '192x384')
        assert 'predicted_256x512_ms' not in values_of(rig, 'latency')
    with Rig(fake_opener()) as rig:
        rig.node.set_parameters([Parameter('operating_point', value='1x2')])
        assert rig.node.trigger_configure().name == 'FAILURE'
        assert wait_until(lambda: 'auto or one of 256x512' in rig.message_of('engine'))

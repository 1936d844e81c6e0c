"""Several cameras on one engine: each has its topics, its counters and its fair share."""

from itertools import repeat
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest

from rig import Rig, fake_opener, image_message, wait_until

OK, WARN = 0, 1
BGR = np.zeros((48, 64, 3), np.uint8)
CAMERAS = {2: ['front', 'left'], 4: ['front', 'left', 'right', 'rear']}


def publish(rig: Rig, camera: str, **changes: Any) -> None:
    """Send an image stamped now."""
    message = image_message(BGR, frame_id=camera, **changes)
    message.header.stamp = rig.node.get_clock().now().to_msg()
    rig.cameras[camera].publish(message)


@pytest.mark.parametrize('count', CAMERAS)
def test_each_camera_gets_its_own_masks_with_its_own_header(count: int) -> None:
    names = CAMERAS[count]
    with Rig(fake_opener(), cameras=names).start() as rig:
        for camera in names:
            publish(rig, camera)
            assert wait_until(lambda camera=camera: rig.counters(camera) == {'published': 1})
        assert wait_until(lambda: all(rig.received[f'{camera}/mask'] for camera in names))
        for camera in names:
            (mask,) = rig.received[f'{camera}/mask']
            (confidence,) = rig.received[f'{camera}/confidence']
            assert mask.header == confidence.header
            assert mask.header.frame_id == camera


@pytest.mark.parametrize('count', CAMERAS)
def test_an_engine_that_is_too_slow_is_shared_fairly(count: int) -> None:
    names = CAMERAS[count]
    script = repeat(0.03)
    with Rig(fake_opener(script), cameras=names, latency_budget_ms=2000.0).start() as rig:
        until = monotonic() + 4.0
        while monotonic() < until:  # the first camera is four times as fast as the others
            for camera in (*names[:1] * 3, *names):
                publish(rig, camera)
                sleep(0.03 / (count + 3))
        assert wait_until(lambda: all(rig.health(camera).busy_s == 0.0 for camera in names))
        published = {camera: rig.counters(camera)['published'] for camera in names}
        fair = sum(published.values()) / count
        assert min(published.values()) > 0.8 * fair, published
        for camera in names:
            health = rig.health(camera)
            assert sum(health.counters.values()) == health.received
        assert rig.counters(names[0])['displaced'] > rig.counters(names[1]).get('displaced', 0)


def test_diagnostics_are_per_camera_and_name_its_topic() -> None:
    with Rig(fake_opener(), cameras=['front', 'left'], input_timeout_s=0.5).start() as rig:

        def told() -> bool:
            publish(rig, 'front')
            levels = [rig.level_of(f'input {camera}') for camera in ('front', 'left')]
            return levels == [OK, WARN]

        assert wait_until(told)
        status = rig.status_of('input left')
        assert "'/left/image'" in status.message
        assert status.hardware_id == '/left/image'
        assert wait_until(lambda: 'p50' in rig.message_of('latency front'))
        names = [status.name.partition(': ')[2] for status in rig.statuses[-1].status]
        assert names == [
            'latency front',
            'input front',
            'latency left',
            'input left',
            'model',
            'engine',
        ]


def test_a_bad_image_of_one_camera_is_no_concern_of_the_other() -> None:
    with Rig(fake_opener(), cameras=['front', 'left']).start() as rig:
        publish(rig, 'left', encoding='yuv9')
        publish(rig, 'front')
        assert wait_until(lambda: rig.counters('left') == {'malformed': 1})
        assert wait_until(lambda: rig.counters('front') == {'published': 1})


@pytest.mark.parametrize(
    ('cameras', 'words'),
    [
        (['front', 'front'], 'each once'),
        (['front/left'], "'front/left' is no name for topics"),
        (['1'], "'1' is no name for topics"),
        (['', 'left'], "'' is no name for topics"),
    ],
)
def test_names_that_cannot_go_before_topics_are_refused(cameras: list[str], words: str) -> None:
    with Rig(fake_opener()) as rig:
        from rclpy.parameter import Parameter

        (verdict,) = rig.node.set_parameters([Parameter('cameras', value=cameras)])
        assert not verdict.successful
        assert words in verdict.reason

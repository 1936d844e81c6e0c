"""The running node: what goes in, what comes out, and what it survives."""

from collections.abc import Iterator
from itertools import repeat
import threading
from time import sleep
from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import SetBool

from rig import Rig, fake_opener, image_message, jpeg_message, wait_until
from unet_perception.core.footage import frames_from_path
from unet_perception.core.frame import U8
from unet_perception.core.manifest import model_from_folder
from unet_perception.core.paths import model_folder, share_folder
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.engines import choose_backend, default_artifact, open_engine
from unet_perception.ros.messages import frame_from_image

OK, WARN, ERROR, STALE = range(4)


@pytest.fixture(scope='module')
def highway() -> U8:
    """One real image."""
    return next(frames_from_path(share_folder() / 'examples' / 'footage' / 'highway.mp4'))


@pytest.fixture
def offline() -> Iterator[SegmentationPipeline]:
    """The pipeline without ROS, on the engine that the node would choose."""
    model = model_from_folder(model_folder('lane'))
    artifact, _ = default_artifact(model)
    with open_engine(choose_backend('auto').backend, model, artifact) as engine:
        yield SegmentationPipeline(engine, model.manifest.resize)


def test_mask_and_confidence_are_the_offline_pipelines_bit_for_bit(
    highway: U8, offline: SegmentationPipeline
) -> None:
    message = image_message(highway)
    with Rig().start() as rig:
        rig.images.publish(message)
        assert wait_until(lambda: rig.received['mask'])
        mask, confidence = rig.received['mask'][0], rig.received['confidence'][0]
    expected = offline.run(frame_from_image(message, 0, 0))
    assert bytes(mask.data) == expected.mask.tobytes()
    assert bytes(confidence.data) == expected.confidence.tobytes()
    assert set(bytes(mask.data)) == {0, 1, 2}, 'a road, its lines and its surroundings'


def test_outputs_have_the_images_header_and_size(highway: U8) -> None:
    with Rig(fake_opener()).start() as rig:
        rig.images.publish(image_message(highway[:270, :481], (7, 89), 'left_eye'))
        assert wait_until(lambda: rig.received['mask'])
        for message in rig.received['mask'] + rig.received['confidence']:
            stamp = message.header.stamp
            assert (stamp.sec, stamp.nanosec, message.header.frame_id) == (7, 89, 'left_eye')
            assert (message.height, message.width, message.step) == (270, 481, 481)
            assert (message.encoding, len(message.data)) == ('mono8', 270 * 481)


def test_the_masks_arrival_completes_the_pair(highway: U8) -> None:
    with Rig(fake_opener()).start() as rig:
        for _ in range(5):
            rig.arrivals.clear()
            rig.images.publish(image_message(highway))
            assert wait_until(lambda: 'mask' in rig.arrivals)
            assert 'confidence' in rig.arrivals[: rig.arrivals.index('mask')]


def test_a_jpeg_is_segmented_like_the_image_it_holds(highway: U8) -> None:
    message = jpeg_message(highway)
    decoded = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    with Rig(image_transport='compressed').start() as rig:
        rig.jpegs.publish(message)
        assert wait_until(lambda: rig.received['mask'])
    with Rig().start() as raw:
        raw.images.publish(image_message(decoded))
        assert wait_until(lambda: raw.received['mask'])
    assert rig.received['mask'][0].data == raw.received['mask'][0].data


def test_an_engine_that_fails_now_and_then_costs_only_those_frames(highway: U8) -> None:
    script = [RuntimeError('bus fell off'), 0.0, RuntimeError('again'), 0.0]
    with Rig(fake_opener(script)).start() as rig:
        for frames in range(1, 5):
            rig.images.publish(image_message(highway))
            rig.settle(frames)
        assert rig.counters() == {'failed': 2, 'published': 2}
        assert wait_until(lambda: rig.level_of('engine') == ERROR)
        assert 'RuntimeError: again' in rig.message_of('engine')


def test_newer_frames_displace_those_that_wait_for_a_slow_engine(highway: U8) -> None:
    with Rig(fake_opener(repeat(0.2, 50))).start() as rig:
        for k in range(10):
            rig.images.publish(image_message(highway, (k, 0)))
            sleep(0.02)
        counters = rig.settle(10)
        assert sum(counters.values()) == rig.health().received == 10
        assert counters['displaced'] >= 6
        assert wait_until(lambda: len(rig.received['mask']) == counters['published'])
        assert rig.received['mask'][-1].header.stamp.sec == 9, 'the newest wins'


def test_disabled_and_inactive_nodes_count_frames_as_gated(highway: U8) -> None:
    with Rig(fake_opener()).start() as rig:
        client = rig.peer.create_client(SetBool, 'segmentation/enable')
        assert client.wait_for_service(5.0)
        for frames, wish in ((1, False), (2, True)):
            future = client.call_async(SetBool.Request(data=wish))
            assert wait_until(future.done)
            rig.images.publish(image_message(highway))
            rig.settle(frames)
        rig.node.trigger_deactivate()
        rig.images.publish(image_message(highway))
        assert rig.settle(3) == {'gated': 2, 'published': 1}


def test_the_overlay_is_made_only_for_subscribers(highway: U8) -> None:
    pictures: list[Image] = []
    with Rig(fake_opener()).start() as rig:
        rig.images.publish(image_message(highway))
        rig.settle(1)
        rig.peer.create_subscription(Image, 'segmentation/overlay', pictures.append, 1)
        assert wait_until(lambda: rig.node.count_subscribers('segmentation/overlay'))
        sleep(0.3)
        assert not pictures
        rig.images.publish(image_message(highway))
        assert wait_until(lambda: pictures)
        assert (pictures[0].encoding, pictures[0].width) == ('bgr8', highway.shape[1])
        assert bytes(pictures[0].data) != highway.tobytes()


def test_camera_info_comes_back_with_the_masks_stamp(highway: U8) -> None:
    info = CameraInfo(width=960, height=540, k=[float(n) for n in range(1, 10)])
    with Rig(fake_opener()).start() as rig:
        assert wait_until(rig.infos.get_subscription_count)
        sleep(0.2)
        rig.infos.publish(info)
        sleep(0.2)
        rig.images.publish(image_message(highway, (77, 5)))
        assert wait_until(lambda: rig.received['camera_info'])
        (back,) = rig.received['camera_info']
        assert (back.header.stamp.sec, list(back.k)) == (77, list(info.k))


def test_unknown_threshold_is_live(highway: U8) -> None:
    with Rig(fake_opener()).start() as rig:
        (verdict,) = rig.node.set_parameters([Parameter('unknown_threshold', value=1.0)])
        assert verdict.successful
        rig.images.publish(image_message(highway))
        assert wait_until(lambda: rig.received['mask'])
        assert 255 in set(bytes(rig.received['mask'][0].data))


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('unknown_threshold', 1.5, "'unknown_threshold' must be 0.0 to 1.0, not 1.5"),
        ('model', 'other', 'clean the node up first'),
        ('backend', 'magic', 'must be one of auto'),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_a_sentence(
    name: str, value: Any, words: str
) -> None:
    with Rig(fake_opener()).start() as rig:
        (verdict,) = rig.node.set_parameters([Parameter(name, value=value)])
        assert not verdict.successful
        assert words in verdict.reason or 'range' in verdict.reason
        assert rig.node.get_parameter(name).value != value


def test_diagnostics_go_on_while_inference_hangs(highway: U8) -> None:
    with Rig(fake_opener([3.0]), latency_budget_ms=100.0, publish_late=True).start() as rig:
        rig.images.publish(image_message(highway))
        assert wait_until(lambda: rig.level_of('engine') == ERROR)
        assert 'has not returned' in rig.message_of('engine')
        rig.settle(1)
        assert wait_until(lambda: rig.level_of('engine') == OK), 'and recovers'


def test_diagnostics_report_building_while_the_engine_opens() -> None:
    gate = threading.Event()
    fake = fake_opener()

    def slow(*arguments: Any) -> Any:
        gate.wait(5.0)
        return fake(*arguments)

    with Rig(slow) as rig:
        configuring = threading.Thread(target=rig.node.trigger_configure)
        configuring.start()
        assert wait_until(lambda: rig.level_of('engine') == WARN)
        assert 'BUILDING' in rig.message_of('engine')
        gate.set()
        configuring.join()
        assert wait_until(lambda: rig.level_of('engine') == OK)


def test_latency_is_unknown_before_the_first_mask_and_known_after(highway: U8) -> None:
    with Rig(fake_opener([0.03])).start() as rig:
        assert wait_until(lambda: rig.level_of('latency') == STALE)
        values = {pair.key: pair.value for pair in rig.status_of('latency').values}
        assert values['inference_time_ms'] == values['processing_p99_ms'] == 'n/a'
        rig.images.publish(image_message(highway))
        assert wait_until(lambda: rig.level_of('latency') == OK)
        values = {pair.key: pair.value for pair in rig.status_of('latency').values}
        assert float(values['processing_time_ms']) >= float(values['inference_time_ms']) >= 30.0

"""Why no image comes: nobody sends, someone who can't be heard, or a camera that is silent."""

from collections.abc import Iterator

import numpy as np
import pytest
import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image

from rig import Rig, fake_opener, image_message, wait_until
from unet_perception.ros.messages import time_from_ns

OK, WARN, ERROR = range(3)
BGR = np.zeros((48, 64, 3), np.uint8)


def says(rig: Rig, words: str) -> bool:
    """Tell whether the status `input` warns with these words."""
    return wait_until(lambda: rig.level_of('input') == WARN and words in rig.message_of('input'))


@pytest.fixture
def stranger() -> Iterator[Node]:
    """A node of another participant, as of another process."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('stranger', context=context)
    yield node
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def test_who_does_not_send_and_who_cannot_be_heard_is_told_apart() -> None:
    settings = {'qos_overrides./image.subscription.reliability': 'reliable'}
    with Rig(fake_opener(), input_timeout_s=0.5, **settings).start() as rig:
        assert says(rig, "on '/image', which has 1 publisher(s): check the camera")
        rig.peer.destroy_publisher(rig.images)
        assert says(rig, "nobody publishes '/image': start the camera")
        deaf = rig.peer.create_publisher(Image, 'image', qos_profile_sensor_data)
        assert says(rig, "no image can come on '/image': /peer has an incompatible QoS (best eff")
        rig.peer.destroy_publisher(deaf)
        images = rig.peer.create_publisher(Image, 'image', 5)
        assert wait_until(images.get_subscription_count)

        def is_heard() -> bool:
            message = image_message(BGR)
            message.header.stamp = time_from_ns(rig.node.get_clock().now().nanoseconds)
            images.publish(message)
            return rig.level_of('input') == OK

        assert wait_until(is_heard), rig.message_of('input')


def test_a_publisher_of_another_type_is_named(stranger: Node) -> None:
    with Rig(fake_opener(), input_timeout_s=0.5).start() as rig:
        rig.peer.destroy_publisher(rig.images)
        stranger.create_publisher(CompressedImage, 'image', 5)
        assert says(
            rig, '/stranger sends sensor_msgs/msg/CompressedImage, not sensor_msgs/msg/Image'
        )


@pytest.mark.parametrize('topic', ['image', 'camera_info'])
def test_wrong_qos_overrides_refuse_configure_and_leave_no_topic(topic: str) -> None:
    with Rig(
        fake_opener(), **{f'qos_overrides./{topic}.subscription.reliability': 'often'}
    ) as rig:
        before = len(list(rig.node.publishers)), len(list(rig.node.subscriptions))
        assert rig.node.trigger_configure().name == 'FAILURE'
        assert (len(list(rig.node.publishers)), len(list(rig.node.subscriptions))) == before
        assert wait_until(lambda: rig.level_of('engine') == ERROR)
        assert f'qos_overrides for {topic!r} are wrong' in rig.message_of('engine')

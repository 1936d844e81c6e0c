"""Takes a node through many lives in a process that does nothing else; prints what each left.

Knows what can be counted from inside: threads, handles, ROS entities and memory, MB.
"""

import gc
import json
from pathlib import Path
import threading

import psutil
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn

from rig import Rig, image_message, wait_until
from unet_perception.core.footage import frames_from_path
from unet_perception.core.frame import U8
from unet_perception.core.paths import sample_footage

LIVES = 25


def live(rig: Rig, number: int, image: U8) -> tuple[int, int, int, float]:
    """Configure, activate, publish an image, clean up; return what is there afterwards."""
    rig.start()
    assert rig.health().received == 0, 'each life counts anew'
    rig.images.publish(image_message(image, (number, 0)))
    assert wait_until(lambda: rig.counters().get('published'))
    assert rig.node.trigger_deactivate() is TransitionCallbackReturn.SUCCESS
    assert rig.node.trigger_cleanup() is TransitionCallbackReturn.SUCCESS
    for messages in rig.received.values():
        messages.clear()
    gc.collect()
    handles = len(list(Path('/proc/self/fd').iterdir()))
    entities = len(list(rig.node.publishers)) + len(list(rig.node.subscriptions))
    return threading.active_count(), handles, entities, psutil.Process().memory_info().rss / 1e6


if __name__ == '__main__':
    rclpy.init()
    image = next(frames_from_path(sample_footage()))
    with Rig() as rig:
        print(json.dumps([live(rig, number, image) for number in range(LIVES)]))
    rclpy.try_shutdown()

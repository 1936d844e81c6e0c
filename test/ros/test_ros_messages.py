"""Messages to frames and back: nothing is lost on the way."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rig import image_message
from unet_perception.core.manifest import model_from_folder
from unet_perception.core.paths import model_folder
from unet_perception.ros import messages
from unet_perception.ros.messages import (
    ImageFiller,
    frame_from_image,
    label_info_message,
    ns_from_time,
    time_from_ns,
)


@given(st.integers(-(2**31) * 10**9, 2**31 * 10**9 - 1))
def test_a_stamp_survives_the_way_to_ns_and_back(stamp_ns: int) -> None:
    assert ns_from_time(time_from_ns(stamp_ns)) == stamp_ns


def test_a_frame_shares_the_messages_bytes() -> None:
    message = image_message(np.zeros((4, 6, 3), np.uint8))
    frame = frame_from_image(message, 3, 99)
    message.data[5] = 200
    assert frame.data[5] == 200
    assert (frame.sequence, frame.received_ns, frame.step) == (3, 99, 18)


def test_a_filled_message_holds_the_pixels_and_keeps_its_memory() -> None:
    fill = ImageFiller('mono8')
    first = np.arange(12, dtype=np.uint8).reshape(3, 4)
    message = fill.filled(first, 5_000_000_007, 'left')
    memory = message.data.buffer_info()
    assert bytes(message.data) == first.tobytes()
    assert (message.height, message.width, message.step) == (3, 4, 4)
    message = fill.filled(255 - first, 6, 'right')
    assert message.data.buffer_info() == memory
    assert bytes(message.data) == (255 - first).tobytes()


def test_a_filled_message_follows_a_change_of_size() -> None:
    fill = ImageFiller('bgr8')
    for shape in ((2, 3, 3), (3, 2, 3), (5, 7, 3)):
        pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        message = fill.filled(pixels, 0, '')
        assert (message.height, message.width, message.step) == (*shape[:2], shape[1] * 3)
        assert bytes(message.data) == pixels.tobytes()


def test_pixels_that_are_not_contiguous_are_copied_right() -> None:
    wide = np.arange(40, dtype=np.uint8).reshape(4, 10)
    message = ImageFiller('mono8').filled(wide[:, 2:7], 0, '')
    assert bytes(message.data) == wide[:, 2:7].tobytes()


def test_label_info_names_the_classes_and_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = SimpleNamespace(
        LabelInfo=lambda threshold: SimpleNamespace(threshold=threshold, header=SimpleNamespace()),
        VisionClass=lambda class_id, class_name: (class_id, class_name),
    )  # vision_msgs has no wheel; its fields are those of its LabelInfo.msg and VisionClass.msg
    monkeypatch.setattr(messages, 'import_module', lambda _: kinds)
    manifest = model_from_folder(model_folder('lane')).manifest
    message = label_info_message(manifest, 0.25, time_from_ns(7))
    assert message.class_map == [(0, 'background'), (1, 'road'), (2, 'line')]
    assert (message.threshold, message.header.stamp.nanosec) == (0.25, 7)

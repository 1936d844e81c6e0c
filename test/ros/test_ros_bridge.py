"""Encodings outside the table go through cv_bridge, if it is there and works."""

import sys
from types import SimpleNamespace
from typing import Any

from helpers import noise, raw_frame
import numpy as np
import pytest

from unet_perception.core.decode import Decoder
from unet_perception.errors import FrameError
from unet_perception.ros.bridge import installed_bridge

FRAME = raw_frame(noise(4, 6, 6), 'rgb16')._replace(encoding='rgb16', width=6, step=36)


def install(monkeypatch: pytest.MonkeyPatch, convert: Any) -> None:
    """Put a stand-in of cv_bridge there: no wheel of the real one works with this NumPy."""
    bridge = SimpleNamespace(imgmsg_to_cv2=convert)
    monkeypatch.setitem(sys.modules, 'cv_bridge', SimpleNamespace(CvBridge=lambda: bridge))


def test_it_gets_the_message_as_it_came_and_gives_rgb(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(message: Any, wish: str) -> Any:
        assert (message.encoding, message.height, message.width, message.step, wish) == (
            *('rgb16', 4, 6, 36),
            'rgb8',
        )
        return np.frombuffer(message.data, np.uint8)[: 4 * 6 * 3].reshape(4, 6, 3)

    install(monkeypatch, convert)
    decoded = Decoder(bridge=installed_bridge()).decode(FRAME)
    assert decoded.to_rgb is None
    assert np.array_equal(decoded.pixels.reshape(-1), FRAME.data[: 4 * 6 * 3])


def test_what_it_says_against_a_frame_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(*_: Any) -> Any:
        raise RuntimeError('[rgb16] is no colour format')

    install(monkeypatch, convert)
    with pytest.raises(FrameError, match=r"'rgb16': cv_bridge says: \[rgb16\] is no colour"):
        Decoder(bridge=installed_bridge()).decode(FRAME)


def test_one_that_does_not_load_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    assert installed_bridge() is None

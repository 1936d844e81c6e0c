"""A frame made of pixels decodes to the same pixels."""

from helpers import noise
import numpy as np
import pytest

from unet_perception.core.decode import Decoder
from unet_perception.core.frame import frame_from_pixels


@pytest.mark.parametrize(
    ('encoding', 'shape'),
    [('rgb8', (5, 7, 3)), ('bgr8', (5, 7, 3)), ('bgra8', (5, 7, 4)), ('mono8', (5, 7))],
)
def test_pixels_survive_the_way_through_a_frame(encoding: str, shape: tuple[int, ...]) -> None:
    pixels = noise(*shape)
    frame = frame_from_pixels(pixels, encoding)
    assert (frame.encoding, frame.height, frame.width) == (encoding, 5, 7)
    assert np.array_equal(Decoder().decode(frame).pixels, pixels)

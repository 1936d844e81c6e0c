"""The fake engine does what its script says, and remembers what it was given."""

from time import monotonic

from helpers import noise
import numpy as np
import pytest

from unet_perception.core.engine import EngineSpec
from unet_perception.engines.fake import FakeEngine
from unet_perception.errors import EngineError

PROBABILITIES = noise(3, 8, 16)
IMAGE = noise(1, 8, 16, 3)


def test_it_answers_as_told_for_the_size_it_was_told() -> None:
    engine = FakeEngine(PROBABILITIES, precision='int8')
    assert engine.spec == EngineSpec('fake', 'none', 'int8', 8, 16, 3)
    assert np.array_equal(engine.infer(IMAGE).probabilities, PROBABILITIES[None])


def test_the_script_is_followed_and_then_it_is_over() -> None:
    engine = FakeEngine(PROBABILITIES, [0.03, ValueError('as told'), 0.0])
    start = monotonic()
    assert engine.infer(IMAGE).times.run_ns == 30_000_000
    assert monotonic() - start >= 0.03
    with pytest.raises(ValueError, match='as told'):
        engine.infer(IMAGE)
    assert [engine.infer(IMAGE).times.run_ns for _ in range(3)] == [0, 0, 0]


def test_it_keeps_a_copy_of_every_image() -> None:
    engine, image = FakeEngine(PROBABILITIES), IMAGE.copy()
    engine.infer(image)
    image[:] = 0
    engine.infer(image)
    assert np.array_equal(engine.images[0], IMAGE)
    assert not engine.images[1].any()


def test_a_closed_one_refuses() -> None:
    with FakeEngine(PROBABILITIES) as engine:
        engine.infer(IMAGE)
    assert engine.is_closed
    with pytest.raises(EngineError, match='closed'):
        engine.infer(IMAGE)
    engine.close()

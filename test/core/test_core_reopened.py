"""An engine that is lost is opened once more; after that it says what to do."""

from collections.abc import Iterator

import numpy as np
import pytest

from unet_perception.core.engine import Engine
from unet_perception.core.reopened import CURE, Losses, ReopenedEngine
from unet_perception.engines.fake import FakeEngine
from unet_perception.errors import EngineError, EngineLostError, GoldenError

IMAGE = np.zeros((1, 4, 8, 3), np.uint8)
LOST = EngineLostError('cudaErrorIllegalAddress; the GPU was reset')


def engine_of(value: int, *script: float | Exception) -> FakeEngine:
    """Return an engine whose answers are all `value`, and do what the script says."""
    return FakeEngine(np.full((2, 4, 8), value, np.uint8), script)


def reopened(*engines: Engine | Exception, losses: Losses | None = None) -> ReopenedEngine:
    coming: Iterator[Engine | Exception] = iter(engines)

    def open_engine() -> Engine:
        each = next(coming)
        if isinstance(each, Exception):
            raise each
        return each

    return ReopenedEngine(open_engine, losses or Losses())


def answer_of(engine: Engine) -> int:
    return int(engine.infer(IMAGE).probabilities[0, 0, 0, 0])


def test_it_answers_as_the_engine_that_is_open() -> None:
    first = engine_of(1)
    with reopened(first) as engine:
        assert answer_of(engine) == 1
        assert engine.spec is first.spec
        assert engine.facts == {}
    assert first.is_closed


def test_a_lost_engine_costs_one_frame_and_another_serves() -> None:
    first, second = engine_of(1, LOST), engine_of(2)
    engine = reopened(first, second)
    with pytest.raises(EngineError, match='the GPU was reset; the engine was opened again'):
        engine.infer(IMAGE)
    assert first.is_closed
    assert answer_of(engine) == 2
    engine.close()
    assert second.is_closed


def test_lost_twice_every_frame_fails_with_what_to_do_and_nothing_is_opened() -> None:
    engine = reopened(engine_of(1, LOST), engine_of(2, LOST), AssertionError('a third'))
    for words in ('opened again', 'lost before, so no engine', 'lost before, so no engine'):
        with pytest.raises(EngineError, match=words) as caught:
            engine.infer(IMAGE)
    assert str(caught.value).endswith(CURE)


@pytest.mark.parametrize('problem', [EngineError('no GPU'), GoldenError('IoU 0.3')])
def test_one_that_can_not_be_opened_again_says_why_on_every_frame(problem: Exception) -> None:
    engine = reopened(engine_of(1, LOST), problem)
    for _ in range(2):
        with pytest.raises(EngineError, match=f'could not be opened again .{problem}.: {CURE}'):
            engine.infer(IMAGE)
    engine.close()


def test_engines_on_one_device_share_its_losses() -> None:
    losses, known = Losses(), EngineLostError('closed with it', is_known=True)
    first = reopened(engine_of(1, LOST), engine_of(2, LOST), losses=losses)
    second = reopened(engine_of(3, known), engine_of(4), losses=losses)
    with pytest.raises(EngineError, match='opened again, and the next frames'):
        first.infer(IMAGE)
    assert answer_of(second) == 4, 'it was lost, but not with this frame'
    for engine in (first, second, first):
        with pytest.raises(EngineError, match='lost before, so no engine is opened again'):
            engine.infer(IMAGE)


def test_a_failure_that_is_no_loss_is_passed_on_and_opens_nothing() -> None:
    failure = EngineError('one bad run')
    engine = reopened(engine_of(1, failure), AssertionError('a second'))
    with pytest.raises(EngineError) as caught:
        engine.infer(IMAGE)
    assert caught.value is failure
    assert answer_of(engine) == 1


def test_what_can_not_be_opened_at_first_is_not_tried_again() -> None:
    with pytest.raises(EngineError, match='no GPU'):
        reopened(EngineError('no GPU'), AssertionError('a second'))

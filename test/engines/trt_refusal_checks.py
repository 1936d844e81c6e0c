"""What must hold of refusals, threads and losses, as functions that raise if it does not.

Knows our modules by their names alone, so that a patched copy of them can be put to the same test.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
import threading
from typing import Any

from small_model import artifact_of, small_model
from trt_rig import (
    HEIGHT,
    LOST,
    NO_MEMORY,
    REFUSED,
    TIMEOUT_S,
    Check,
    Rig,
    Setting,
    edited,
    image,
    in_a_thread,
    recorded,
    refusal,
)

from bench.fake_gpu import FakeTensorRT
from unet_perception.core.reopened import Losses, ReopenedEngine
from unet_perception.errors import EngineError, EngineLostError

STEPS = {
    'parse': "parse 'small.onnx'",
    'build': "build 'small.onnx'",
    'deserialize': "load the plan that it has built of 'small.onnx'",
    'context': 'take memory to run in',
    'set_tensor_address': "bind 'image'",
    'execute': 'run',
}
"""What TensorRT can't do when it fails at one of its points."""


def what_tensorrt_refuses_is_told_in_its_words(setting: Setting) -> None:
    for point, step in STEPS.items():
        rig = setting.fresh().rig()
        rig.trt.fail(point, f'no {point}\n  today')
        assert refusal(rig.open).startswith(f"tensorrt 10.3.0 can't {step}: ")
        rig.assert_settled()
        rig.trt.fail(point, f'no {point}\n  today')
        rig.cache.folder = setting.fresh().folder
        assert f': no {point} today' in refusal(rig.open)


def a_run_that_is_refused_in_a_frame_is_told(setting: Setting) -> None:
    rig = setting.rig()
    rig.cuda.fail('cudaStreamBeginCapture', REFUSED)
    with rig.open() as engine:
        rig.trt.fail('execute', 'no kernel image')
        assert 'no kernel image' in refusal(lambda: engine.infer(image(1)))
        assert rig.is_right(engine, 2)
    rig.assert_settled()


def a_builder_that_can_not_be_made_is_told(setting: Setting) -> None:
    rig = setting.fresh().rig()

    def Builder(logger: Any) -> None:  # noqa: N802
        logger.log(FakeTensorRT.ILogger.ERROR, 'CUDA initialization failure with error: 35')
        raise TypeError('pybind11::init(): factory function returned nullptr')

    rig.trt.Builder = Builder  # type: ignore[assignment, method-assign]
    told = refusal(rig.open)
    assert "can't make a Builder" in told
    assert 'initialization failure with error: 35' in told


def ends_that_are_not_the_manifests_are_refused(setting: Setting) -> None:
    rig = setting.rig()
    rig.artifact = rig.artifact._replace(height=2 * HEIGHT)
    assert 'the manifest says' in refusal(rig.open)
    rig.artifact = artifact_of(rig.content, io=setting.io)
    assert 'export the model again' in refusal(partial(rig.open, classes=2))
    other = {'uint8': 'float32', 'float32': 'uint8'}[setting.io]
    rig.artifact = rig.artifact._replace(io=other)
    assert 'the manifest says' in refusal(rig.open)  # the plan is there
    rig.cache.folder = setting.fresh().folder
    assert f'must have {other} inputs and outputs' in refusal(rig.open)
    rig.assert_settled()


def another_end_is_refused(setting: Setting) -> None:
    def with_output(model: Any) -> None:
        model.graph.node.add(op_type='Identity', input=['probabilities'], output=['again'])
        model.graph.output.add().CopyFrom(model.graph.output[0])
        model.graph.output[1].name = 'again'

    def with_input(model: Any) -> None:
        model.graph.input.add().CopyFrom(model.graph.input[0])
        model.graph.input[1].name = 'another'

    for edit, what in ((with_output, 'outputs'), (with_input, 'inputs')):
        rig = setting.rig(content=edited(small_model(setting.io), edit))
        assert f'the model has {what}' in refusal(rig.open)
        rig.assert_settled()


def names_do_not_matter(setting: Setting) -> None:
    names = {'image': 'z', 'probabilities': 'a'}

    def rename(model: Any) -> None:
        for end in (*model.graph.input, *model.graph.output):
            end.name = names[end.name]
        for node in model.graph.node:
            node.input[:] = [names.get(name, name) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]

    rig = setting.rig(content=edited(small_model(setting.io), rename))
    with rig.open() as engine:
        assert rig.is_right(engine, 1)


def memory_that_is_not_there_is_told_with_a_cure(setting: Setting) -> None:
    rig = setting.rig(memory=100)
    assert 'free memory: end other processes' in refusal(rig.open)
    rig.assert_settled()
    rig = setting.rig()
    rig.trt.fail('context', 'OutOfMemory (requested size was 1)')
    assert 'free memory: end other processes' in refusal(rig.open)
    with rig.open() as engine:
        rig.cuda.fail('cudaGraphLaunch', NO_MEMORY)
        assert 'free memory: end other processes' in refusal(lambda: engine.infer(image(1)))
        assert rig.is_right(engine, 2)
    rig.assert_settled()


def two_threads_at_once_are_refused(setting: Setting) -> None:
    rig = setting.rig()
    engine = rig.open()
    entered, go = threading.Event(), threading.Event()
    real = rig.cuda.cudaStreamSynchronize

    def blocked(stream: Any) -> Any:
        entered.set()
        assert go.wait(TIMEOUT_S)
        return real(stream)

    rig.cuda.cudaStreamSynchronize = blocked  # type: ignore[method-assign]
    result = in_a_thread(lambda: rig.is_right(engine, 1))
    assert entered.wait(TIMEOUT_S)
    try:
        assert 'two threads' in refusal(lambda: _frame(rig, engine, real))
    finally:
        go.set()
        rig.cuda.cudaStreamSynchronize = real  # type: ignore[method-assign]
    assert result()
    assert rig.is_right(engine, 2)
    engine.close()
    rig.assert_settled()


def _frame(rig: Rig, engine: Any, wait: Callable[..., Any]) -> None:
    rig.cuda.cudaStreamSynchronize = wait  # type: ignore[method-assign]
    engine.infer(image(2))


def each_thread_says_which_device_it_uses(setting: Setting) -> None:
    rig = setting.rig()
    engine = rig.open()
    calls = recorded(rig.cuda)
    assert rig.is_right(engine, 1)
    assert 'cudaSetDevice' not in calls
    assert in_a_thread(lambda: rig.is_right(engine, 2) and rig.is_right(engine, 3))()
    assert calls.count('cudaSetDevice') == 1
    assert rig.is_right(engine, 4)
    assert calls.count('cudaSetDevice') == 2
    engine.close()
    rig.assert_settled()
    calls.clear()
    in_a_thread(lambda: rig.open().close())()
    assert calls[0] == 'cudaSetDevice'


def an_error_that_passes_costs_one_frame(setting: Setting) -> None:
    rig = setting.rig()
    with rig.open() as engine:
        for function in ('cudaGraphLaunch', 'cudaStreamSynchronize'):
            rig.cuda.fail(function, REFUSED)
            assert function in refusal(lambda: engine.infer(image(1)))
            assert rig.is_right(engine, 2)
    assert 'RESET' not in rig.cuda.log
    rig.assert_settled()


def a_lost_device_comes_back_without_its_engines(setting: Setting) -> None:
    for function in ('cudaGraphLaunch', 'cudaStreamSynchronize'):
        rig = setting.rig()
        engines = [rig.open() for _ in range(3)]
        closed = rig.open()
        closed.close()
        rig.cuda.fail(function, LOST)
        told = refusal(lambda: engines[1].infer(image(1)), EngineLostError)  # noqa: B023
        assert function in told
        assert 'was reset' in told
        assert rig.cuda.log.count('RESET') == 1
        rig.assert_settled()
        refusal(lambda: closed.infer(image(1)))  # noqa: B023
        for engine in engines:
            refusal(partial(engine.infer, image(1)), EngineLostError)
        with rig.open() as another:
            for engine in engines:
                engine.close()
            assert rig.is_right(another, 1)
        rig.assert_settled()


def a_device_lost_in_another_thread_comes_back(setting: Setting) -> None:
    rig = setting.rig()
    engine = rig.open()
    rig.cuda.fail('cudaSetDevice', LOST)
    result = in_a_thread(lambda: refusal(lambda: engine.infer(image(1)), EngineLostError))
    assert 'was reset' in result()
    rig.assert_settled()


def a_device_that_is_gone_stays_gone(setting: Setting) -> None:
    rig = setting.rig()
    engines = [rig.open(), rig.open()]
    rig.cuda.fail('cudaStreamSynchronize', LOST, gone=True)
    told = refusal(lambda: engines[0].infer(image(1)), EngineLostError)
    assert 'does not come back' in told
    refusal(lambda: engines[1].infer(image(1)), EngineLostError)
    for engine in engines:
        engine.close()
    assert 'does not come back' in refusal(rig.open, EngineLostError)
    assert not [guest for guest in rig.cuda.live if guest.startswith('TensorRT')]
    assert rig.cuda.violations == []


def a_lost_engine_is_opened_once_more(setting: Setting) -> None:
    rig, losses = setting.rig(), Losses()
    engines = [ReopenedEngine(rig.open, losses) for _ in range(2)]
    rig.cuda.fail('cudaStreamSynchronize', LOST)
    assert 'the next frames are served' in refusal(lambda: engines[0].infer(image(1)))
    for engine in engines:  # the other one was lost too, but not with a frame in it
        assert rig.is_right(engine, 2)
    rig.cuda.fail('cudaStreamSynchronize', LOST)
    for engine in engines * 2:
        told = refusal(lambda: engine.infer(image(1)))  # noqa: B023
        assert 'lost before' in told
        assert 'clean the node up and configure it' in told
    for engine in engines:
        engine.close()
    rig.assert_settled()


def a_thread_that_hung_takes_nothing_from_its_successor(setting: Setting) -> None:
    rig = setting.rig()
    old, new = rig.open(), rig.open()
    put = old._put
    with ThreadPoolExecutor(1) as successor:

        def hang() -> None:
            put()
            assert successor.submit(rig.is_right, new, 1).result()
            rig.cuda.fail('cudaStreamSynchronize', LOST)

        old._put = hang
        told = refusal(lambda: old.infer(image(1)), EngineLostError)
        assert 'the thread that uses the GPU now has to reset it' in told
        told = successor.submit(refusal, lambda: new.infer(image(1)), EngineLostError).result()
        assert 'the GPU was reset' in told
        engine = successor.submit(rig.open).result()
        assert successor.submit(rig.is_right, engine, 2).result()
        successor.submit(engine.close).result()
    rig.assert_settled()


def a_lost_engine_that_can_not_be_opened_says_so(setting: Setting) -> None:
    rig = setting.rig()
    engine = ReopenedEngine(rig.open, Losses())
    rig.cuda.fail('cudaStreamSynchronize', LOST, gone=True)
    for _ in range(2):
        told = refusal(lambda: engine.infer(image(1)))
        assert 'does not come back' in told
        assert 'clean the node up and configure it' in told
    engine.close()
    assert rig.cuda.violations == []


def opening_fails_even_while_another_failure_is_handled(setting: Setting) -> None:
    rig = setting.rig()
    engine = rig.open()
    rig.cuda.fail('cudaStreamSynchronize', REFUSED)
    try:
        engine.infer(image(1))
    except EngineError:
        rig.trt.fail('context', 'no memory')
        assert 'no memory' in refusal(rig.open)
    engine.close()
    rig.assert_settled()


REFUSAL_CHECKS: tuple[Check, ...] = (
    what_tensorrt_refuses_is_told_in_its_words,
    a_run_that_is_refused_in_a_frame_is_told,
    a_builder_that_can_not_be_made_is_told,
    ends_that_are_not_the_manifests_are_refused,
    another_end_is_refused,
    names_do_not_matter,
    memory_that_is_not_there_is_told_with_a_cure,
    two_threads_at_once_are_refused,
    each_thread_says_which_device_it_uses,
    an_error_that_passes_costs_one_frame,
    a_lost_device_comes_back_without_its_engines,
    a_device_lost_in_another_thread_comes_back,
    a_device_that_is_gone_stays_gone,
    a_lost_engine_is_opened_once_more,
    a_thread_that_hung_takes_nothing_from_its_successor,
    a_lost_engine_that_can_not_be_opened_says_so,
    opening_fails_even_while_another_failure_is_handled,
)

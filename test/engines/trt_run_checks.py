"""What must hold of a frame, its graph and its memory, as functions that raise if it does not.

Knows our modules by their names alone, so that a patched copy of them can be put to the same test.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
import tracemalloc
from typing import Any

from helpers import noise
import numpy as np
import pytest
from small_model import artifact_of, small_model
from trt_rig import (
    CLASSES,
    LOST,
    REFUSED,
    Check,
    Error,
    Rig,
    Setting,
    edited,
    image,
    in_a_thread,
    recorded,
    refusal,
)

from unet_perception.errors import EngineError, EngineLostError

WARM_UPS = 2
LEAST_ARRAY = 4096
PLAIN = {'copied': ['H2D', 'RUN', 'D2H', 'SYNC'], 'mapped': ['RUN', 'SYNC']}
"""A frame's operations where there is no graph."""


def answers_are_onnx_runtimes(setting: Setting) -> None:
    rig = setting.rig()
    with rig.open() as engine:
        assert engine.facts['cuda_graph'] == 'yes'
        assert all(rig.is_right(engine, seed) for seed in (1, 2, 3, 1))
    rig.assert_settled()


def a_frame_is_one_graph_and_one_wait(setting: Setting) -> None:
    rig = setting.rig()
    with rig.open() as engine:
        rig.cuda.log.clear()
        engine.infer(image(1))
        assert list(rig.cuda.log) == ['GRAPH', 'SYNC']


def time_is_that_of_the_run(setting: Setting) -> None:
    rig = setting.rig()
    with rig.open() as engine:
        rig.trt.run_s = 0.01
        assert 10_000_000 <= engine.infer(image(1)).times.run_ns < 1_000_000_000


def memory_is_shared_where_the_gpu_shares_it(setting: Setting) -> None:
    rig = setting.rig()
    with rig.open() as engine:
        assert engine.facts['memory'] == setting.memory
        is_copied = bool({'H2D', 'D2H'} & set(rig.cuda.log))
        assert is_copied is not setting.is_integrated
        taken = rig.cuda.log.count('ALLOC'), rig.cuda.log.count('HOST_ALLOC')
        assert taken == (1 if setting.is_integrated else 3, 2)  # one is TensorRT's own
        kinds = [entry.split(' of ')[0] for entry in rig.cuda.live]
        assert kinds.count('mapped memory') == (2 if setting.is_integrated else 0)


def memory_that_can_not_be_mapped_is_copied(setting: Setting) -> None:
    rig = setting.rig(can_map=False)
    with rig.open() as engine:
        assert engine.facts['memory'] == 'copied'
        assert rig.is_right(engine, 1)
    rig.assert_settled()


def a_frame_takes_no_array(setting: Setting) -> None:
    content = small_model(setting.io, height=64, width=128)
    rig = setting.rig(content=content)
    rig.artifact = artifact_of(content, io=setting.io, height=64, width=128)
    frame = noise(1, 64, 128, 3)
    with rig.open() as engine, pytest.MonkeyPatch.context() as patch:
        for function in ('cudaGraphLaunch', 'cudaStreamSynchronize'):  # ours alone are measured
            patch.setattr(rig.cuda, function, lambda *_: (Error.cudaSuccess,))
        assert _peak(partial(engine.infer, frame)) < LEAST_ARRAY


def _peak(act: Callable[[], object]) -> int:
    act()
    tracemalloc.start()
    try:
        act()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        act()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def floats_that_are_no_numbers_are_no_answer(setting: Setting) -> None:
    def spoil(model: Any) -> None:
        (bias,) = (tensor for tensor in model.graph.initializer if tensor.name == 'bias')
        bias.raw_data = np.full(CLASSES, np.nan, np.float32).tobytes()

    if setting.io == 'float32':
        rig = setting.rig(content=edited(small_model('float32'), spoil))
        with rig.open() as engine:
            assert 'no number' in refusal(lambda: engine.infer(image(1)))
        rig.assert_settled()


def a_capture_that_fails_is_done_without(setting: Setting) -> None:
    for point, arm in CAPTURE_FAULTS.items():
        rig = setting.rig()
        arm(rig)
        with rig.open() as engine:
            assert engine.facts['cuda_graph'].startswith('no: ')
            assert point in engine.facts['cuda_graph']
            _assert_serves_without_a_graph(rig, engine, setting)
        rig.assert_settled()


def _spoil_capture(rig: Rig) -> None:
    """Let the capture end as one does that was spoilt on its way."""
    real = rig.cuda.cudaStreamEndCapture

    def cudaStreamEndCapture(stream: Any) -> Any:  # noqa: N802
        _, graph = real(stream)
        rig.cuda.cudaGraphDestroy(graph)
        return Error.cudaErrorStreamCaptureInvalidated, None

    rig.cuda.cudaStreamEndCapture = cudaStreamEndCapture  # type: ignore[method-assign]


CAPTURE_FAULTS: dict[str, Callable[[Rig], None]] = {
    'cudaStreamBeginCapture': lambda rig: rig.cuda.fail('cudaStreamBeginCapture', REFUSED),
    "can't run: busy": lambda rig: rig.trt.fail('execute', 'busy', after=WARM_UPS),
    'cudaStreamEndCapture': _spoil_capture,
    'cudaGraphInstantiate': lambda rig: rig.cuda.fail('cudaGraphInstantiate', REFUSED),
}


def a_capture_is_not_spoilt_by_another_thread(setting: Setting) -> None:
    rig = setting.rig()
    real = rig.cuda.cudaStreamEndCapture

    def cudaStreamEndCapture(stream: Any) -> Any:  # noqa: N802
        in_a_thread(lambda: rig.cuda.cudaFree(rig.cuda.cudaMalloc(8)[1] or 0))()
        return real(stream)

    rig.cuda.cudaStreamEndCapture = cudaStreamEndCapture  # type: ignore[method-assign]
    with rig.open() as engine:
        assert engine.facts['cuda_graph'] == 'yes'


def a_graph_that_answers_otherwise_is_not_used(setting: Setting) -> None:
    rig = setting.rig()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rig.cuda, 'cudaGraphLaunch', lambda *_: (Error.cudaSuccess,))
        engine = rig.open()
    assert engine.facts['cuda_graph'].startswith('no: its answer differs')
    _assert_serves_without_a_graph(rig, engine, setting)
    engine.close()
    rig.assert_settled()


def _assert_serves_without_a_graph(rig: Rig, engine: Any, setting: Setting) -> None:
    assert rig.is_right(engine, 1)
    rig.cuda.log.clear()
    assert rig.is_right(engine, 2)
    assert list(rig.cuda.log) == PLAIN[setting.memory]


def closing_leaves_nothing_and_may_be_done_twice(setting: Setting) -> None:
    rig = setting.rig()
    engine = rig.open()
    assert rig.cuda.live
    engine.close()
    rig.assert_settled()
    engine.close()
    rig.assert_settled()
    assert 'closed' in refusal(lambda: engine.infer(image(1)))


def engines_live_side_by_side(setting: Setting) -> None:
    rig = setting.rig()
    engines = [rig.open() for _ in range(2)]
    assert all(rig.is_right(engine, seed) for seed in (1, 2) for engine in engines)
    engines[0].close()
    assert rig.is_right(engines[1], 3)
    engines[1].close()
    rig.assert_settled()


def what_fails_while_opening_leaves_nothing(setting: Setting) -> None:
    rig = setting.rig()
    rig.open().close()
    calls = recorded(rig.cuda)
    engine = rig.open()
    counts = Counter(calls)
    engine.close()
    assert len(counts) > 5
    for function, count in counts.items():
        for after in range(count):
            _assert_survives(setting.rig(), function, REFUSED, after)
            _assert_survives(setting.rig(), function, LOST, after)


def _assert_survives(rig: Rig, function: str, error: Error, after: int) -> None:
    if (function, error) == ('cudaStreamEndCapture', REFUSED):
        _spoil_capture(rig)
    else:
        rig.cuda.fail(function, error, after)
    _assert_opens_well_or_not_at_all(rig, error is LOST)
    assert (rig.cuda.live, rig.cuda.violations) == ([], []), (function, error, after)
    with rig.open() as engine:
        assert rig.is_right(engine, 1), (function, error, after)


def _assert_opens_well_or_not_at_all(rig: Rig, is_lost: bool) -> None:
    try:
        engine = rig.open()
    except EngineLostError:
        assert is_lost, 'it was no loss'
    except EngineError:
        assert not is_lost, 'it was a loss'
    else:
        assert not is_lost, 'it opened on a device that was lost'
        assert rig.is_right(engine, 1)
        engine.close()


def what_a_failed_run_leaves_is_waited_for(setting: Setting) -> None:
    rig = setting.rig()
    engine = rig.open()
    rig.cuda.fail('cudaStreamSynchronize', REFUSED)
    refusal(lambda: engine.infer(image(1)))
    engine.close()
    rig.assert_settled()


RUN_CHECKS: tuple[Check, ...] = (
    answers_are_onnx_runtimes,
    a_frame_is_one_graph_and_one_wait,
    time_is_that_of_the_run,
    memory_is_shared_where_the_gpu_shares_it,
    memory_that_can_not_be_mapped_is_copied,
    a_frame_takes_no_array,
    floats_that_are_no_numbers_are_no_answer,
    a_capture_that_fails_is_done_without,
    a_capture_is_not_spoilt_by_another_thread,
    a_graph_that_answers_otherwise_is_not_used,
    closing_leaves_nothing_and_may_be_done_twice,
    engines_live_side_by_side,
    what_a_failed_run_leaves_is_waited_for,
    what_fails_while_opening_leaves_nothing,
)

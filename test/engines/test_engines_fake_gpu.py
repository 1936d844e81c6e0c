"""The fake GPU computes like ONNX Runtime, and catches what a real one would not forgive."""

from collections.abc import Callable
import ctypes
import json
import re
import threading
import time
from typing import Any

from helpers import noise
import numpy as np
import pytest
from small_model import small_model

from bench.fake_gpu import FakeCuda, FakeTensorRT
from bench.fake_gpu.trt_library import POINTS, session_of
from unet_perception.engines import trt_api
from unet_perception.engines.cuda_api import CudaRuntime

HEIGHT, WIDTH, CLASSES = 16, 32, 3
IMAGE = noise(1, HEIGHT, WIDTH, 3)
SIZES = {'image': IMAGE.nbytes, 'probabilities': CLASSES * HEIGHT * WIDTH}
TO_DEVICE, TO_HOST = 1, 2
THREAD_LOCAL = 1
ILLEGAL = FakeCuda.cudaError_t.cudaErrorIllegalAddress
UNSUPPORTED = FakeCuda.cudaError_t.cudaErrorStreamCaptureUnsupported
INVALIDATED = FakeCuda.cudaError_t.cudaErrorStreamCaptureInvalidated
NO_MEMORY = FakeCuda.cudaError_t.cudaErrorMemoryAllocation


class Log(FakeTensorRT.ILogger):
    def __init__(self) -> None:
        super().__init__()
        self.errors: list[str] = []

    def log(self, severity: Any, msg: str) -> None:
        if int(severity) <= int(FakeTensorRT.ILogger.ERROR):
            self.errors.append(msg)


class Monitor(FakeTensorRT.IProgressMonitor):
    def __init__(self, stop_after: int = 1000) -> None:
        super().__init__()
        self.stop_after = stop_after
        self.open: list[str] = []
        self.parents: list[str | None] = []

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        self.open.append(phase_name)
        self.parents.append(parent_phase)

    def step_complete(self, phase_name: str, step: int) -> bool:
        self.stop_after -= 1
        return self.stop_after > 0

    def phase_finish(self, phase_name: str) -> None:
        assert self.open.pop() == phase_name


def good(answer: tuple[Any, ...]) -> Any:
    error, *values = answer
    assert error == 0, error
    return values[0] if values else None


def seen(address: int, size: int) -> Any:
    return np.frombuffer((ctypes.c_ubyte * size).from_address(address), np.uint8)


def built(trt: Any, log: Log, content: bytes | None = None, flags: int = 2, monitor: Any = None):
    builder = trt.Builder(log)
    network = builder.create_network(flags)
    assert trt.OnnxParser(network, log).parse(small_model() if content is None else content)
    config = builder.create_builder_config()
    config.progress_monitor = monitor
    return builder.build_serialized_network(network, config)


class Rig:
    """A loaded model, a stream and memory for both tensors, by the plainest calls there are."""

    def __init__(self, **options: Any) -> None:
        self.cuda, self.log = FakeCuda(**options), Log()
        self.trt = FakeTensorRT(self.cuda)
        plan = bytes(built(self.trt, self.log))
        self.context = (
            self.trt.Runtime(self.log).deserialize_cuda_engine(plan).create_execution_context()
        )
        self.stream = good(self.cuda.cudaStreamCreateWithFlags(1))
        self.device = {name: good(self.cuda.cudaMalloc(size)) for name, size in SIZES.items()}
        self.host = {name: good(self.cuda.cudaHostAlloc(n, 0)) for name, n in SIZES.items()}
        self.image, self.answer = (seen(self.host[name], n) for name, n in SIZES.items())
        self.image[:] = IMAGE.ravel()
        for name, address in self.device.items():
            assert self.context.set_tensor_address(name, address)

    def upload(self, size: int = SIZES['image']) -> tuple[Any, ...]:
        ends = self.device['image'], self.host['image']
        return self.cuda.cudaMemcpyAsync(*ends, size, TO_DEVICE, self.stream)

    def run(self) -> bool:
        return self.context.execute_async_v3(self.stream)

    def download(self, size: int = SIZES['probabilities']) -> tuple[Any, ...]:
        ends = self.host['probabilities'], self.device['probabilities']
        return self.cuda.cudaMemcpyAsync(*ends, size, TO_HOST, self.stream)

    def sync(self) -> tuple[Any, ...]:
        return self.cuda.cudaStreamSynchronize(self.stream)

    def enqueue(self) -> None:
        good(self.upload())
        assert self.run()
        good(self.download())

    def captured(self) -> int:
        """Capture all work, after the warm-up that it needs; return what can be launched."""
        self.enqueue()
        good(self.sync())
        good(self.cuda.cudaStreamBeginCapture(self.stream, THREAD_LOCAL))
        self.enqueue()
        graph = good(self.cuda.cudaStreamEndCapture(self.stream))
        executable = good(self.cuda.cudaGraphInstantiate(graph, 0))
        good(self.cuda.cudaGraphDestroy(graph))
        return int(executable)

    def close(self) -> None:
        del self.context
        for name in SIZES:
            good(self.cuda.cudaFree(self.device[name]))
            good(self.cuda.cudaFreeHost(self.host[name]))
        good(self.cuda.cudaStreamDestroy(self.stream))


def expected(image: Any = IMAGE, content: bytes | None = None) -> Any:
    (answer,) = session_of(content or small_model()).run(None, {'image': image})
    return answer.ravel()


def test_it_answers_what_onnx_runtime_answers_and_leaves_nothing() -> None:
    rig = Rig()
    rig.enqueue()
    good(rig.sync())
    assert np.array_equal(rig.answer, expected())
    assert list(rig.cuda.log)[-4:] == ['H2D', 'RUN', 'D2H', 'SYNC']
    rig.close()
    assert (rig.cuda.live, rig.cuda.violations, rig.log.errors) == ([], [], [])


def test_other_weights_give_another_answer() -> None:
    answers = [expected(content=small_model(seed=seed)) for seed in (0, 0, 1)]
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_a_graph_repeats_all_of_the_work_with_what_is_in_memory_then() -> None:
    rig = Rig()
    executable = rig.captured()
    rig.image[:] = noise(IMAGE.size, seed=1)
    good(rig.cuda.cudaGraphLaunch(executable, rig.stream))
    good(rig.sync())
    assert np.array_equal(rig.answer, expected(rig.image.reshape(IMAGE.shape)))
    assert list(rig.cuda.log)[-2:] == ['GRAPH', 'SYNC']


@pytest.mark.parametrize('is_graph', [False, True])
def test_who_reads_before_the_sync_finds_poison_and_not_the_last_answer(is_graph: bool) -> None:
    rig = Rig()
    executable = rig.captured()
    assert np.array_equal(rig.answer, expected())
    launch: Callable[[], Any] = rig.enqueue
    if is_graph:
        launch = lambda: good(rig.cuda.cudaGraphLaunch(executable, rig.stream))  # noqa: E731
    launch()
    assert (rig.answer == 0xA5).all()


def test_an_image_that_changes_before_the_sync_changes_the_answer() -> None:
    rig = Rig()
    rig.enqueue()
    rig.image[:] = 0
    good(rig.sync())
    assert not np.array_equal(rig.answer, expected())


def test_work_put_in_twice_is_done_in_order() -> None:
    rig = Rig()
    rig.enqueue()
    rig.enqueue()
    good(rig.sync())
    assert np.array_equal(rig.answer, expected())


def test_poison_spares_what_earlier_work_is_still_to_read() -> None:
    rig = Rig()
    rig.enqueue()
    good(rig.sync())
    good(rig.download())
    assert rig.run()
    good(rig.sync())
    assert np.array_equal(rig.answer, expected())


def test_mapped_memory_has_two_addresses_and_one_content() -> None:
    cuda = FakeCuda(is_integrated=True)
    host = good(cuda.cudaHostAlloc(8, 2))
    device = good(cuda.cudaHostGetDevicePointer(host, 0))
    seen(host, 8)[:] = np.arange(8)
    assert host != device
    assert seen(device, 8).tolist() == list(range(8))


def test_a_run_into_mapped_memory_poisons_it_until_the_sync() -> None:
    rig = Rig()
    mapped = good(rig.cuda.cudaHostAlloc(SIZES['probabilities'], 2))
    rig.context.set_tensor_address(
        'probabilities', good(rig.cuda.cudaHostGetDevicePointer(mapped, 0))
    )
    answer = seen(mapped, SIZES['probabilities'])
    answer[:] = 0
    good(rig.upload())
    assert rig.run()
    assert (answer == 0xA5).all()
    good(rig.sync())
    assert np.array_equal(answer, expected())


def test_memory_that_is_not_mapped_has_no_address_for_the_device() -> None:
    cuda = FakeCuda()
    host = good(cuda.cudaHostAlloc(8, 0))
    assert cuda.cudaHostGetDevicePointer(host, 0) == (1, None)
    assert FakeCuda(can_map=False).cudaHostAlloc(8, 2) == (801, None)


def too_long_a_copy(rig: Rig) -> None:
    rig.upload(SIZES['image'] + 1)


def a_host_address_for_a_tensor(rig: Rig) -> None:
    rig.context.set_tensor_address('image', rig.host['image'])
    rig.run()


def too_small_a_tensor(rig: Rig) -> None:
    rig.context.set_tensor_address('image', rig.device['probabilities'] + 1)
    rig.run()


def ends_of_a_copy_swapped(rig: Rig) -> None:
    ends = rig.host['image'], rig.device['image']
    rig.cuda.cudaMemcpyAsync(*ends, 8, TO_DEVICE, rig.stream)


def memory_of_numpy(rig: Rig) -> None:
    ends = rig.device['image'], IMAGE.ctypes.data
    rig.cuda.cudaMemcpyAsync(*ends, 8, TO_DEVICE, rig.stream)


def a_double_free(rig: Rig) -> None:
    good(rig.cuda.cudaFree(rig.device['image']))
    rig.cuda.cudaFree(rig.device['image'])


def the_wrong_free(rig: Rig) -> None:
    rig.cuda.cudaFree(rig.host['image'])


def a_free_while_work_is_queued(rig: Rig) -> None:
    rig.enqueue()
    good(rig.cuda.cudaFree(rig.device['probabilities']))
    assert rig.sync() == (ILLEGAL,)


def a_stream_destroyed_too_early(rig: Rig) -> None:
    rig.enqueue()
    rig.cuda.cudaStreamDestroy(rig.stream)


def a_stream_that_is_none(rig: Rig) -> None:
    rig.cuda.cudaStreamSynchronize(12345)


def a_graph_launched_after_its_end(rig: Rig) -> None:
    executable = rig.captured()
    good(rig.cuda.cudaGraphExecDestroy(executable))
    rig.cuda.cudaGraphLaunch(executable, rig.stream)


def a_graph_launched_after_its_memory(rig: Rig) -> None:
    executable = rig.captured()
    good(rig.cuda.cudaFree(rig.device['image']))
    rig.cuda.cudaGraphLaunch(executable, rig.stream)


def a_graph_launched_after_its_context(rig: Rig) -> None:
    executable = rig.captured()
    del rig.context
    rig.cuda.cudaGraphLaunch(executable, rig.stream)


def a_context_destroyed_too_early(rig: Rig) -> None:
    assert rig.run()
    del rig.context


@pytest.mark.parametrize(
    ('mistake', 'words'),
    [
        (too_long_a_copy, 'source of H2D: 1537 bytes from byte 0 are beyond'),
        (a_host_address_for_a_tensor, "tensor 'image': .* is a host address"),
        (too_small_a_tensor, "tensor 'image': 1536 bytes from byte 1 are beyond"),
        (ends_of_a_copy_swapped, 'source of H2D: .* is a device address'),
        (memory_of_numpy, 'is no address that CUDA gave'),
        (a_double_free, 'double free of device memory'),
        (the_wrong_free, 'as device memory: it is pinned memory'),
        (a_free_while_work_is_queued, "tensor 'probabilities': device memory .* was freed"),
        (a_stream_destroyed_too_early, 'destroyed while it was to do 3 operations'),
        (a_stream_that_is_none, 'stream 12345 does not exist'),
        (a_graph_launched_after_its_end, 'graph executable .* does not exist'),
        (a_graph_launched_after_its_memory, 'target of H2D: .* was freed'),
        (a_graph_launched_after_its_context, "TensorRT's scratch: .* was freed"),
        (a_context_destroyed_too_early, 'TensorRT context was destroyed while its work'),
    ],
)
def test_a_mistake_is_told_and_loses_the_device(
    mistake: Callable[[Rig], None], words: str
) -> None:
    rig = Rig()
    mistake(rig)
    (sentence,) = rig.cuda.violations
    assert re.search(words, sentence)
    assert rig.cuda.cudaMalloc(8) == (ILLEGAL, None)


def test_a_lost_device_runs_nothing_until_it_is_reset() -> None:
    rig = Rig()
    rig.enqueue()
    a_double_free(rig)
    assert not rig.run()
    assert rig.sync() == (ILLEGAL,)
    assert rig.cuda.cudaGetLastError() == (ILLEGAL,)
    del rig.context
    assert len(rig.cuda.violations) == 1  # none for the context: its work is lost as well
    assert rig.cuda.cudaDeviceReset() == (0,)
    assert rig.cuda.live == []
    assert good(rig.cuda.cudaGetDeviceCount()) == 1


def test_a_reset_under_a_context_is_told() -> None:
    rig = Rig()
    assert rig.cuda.cudaDeviceReset() == (0,)
    told = 'reset with live TensorRT objects: TensorRT engine, TensorRT context'
    assert rig.cuda.violations == [told]
    del rig.context
    assert rig.cuda.violations == [told]


def test_new_memory_is_poison() -> None:
    cuda = FakeCuda()
    addresses = good(cuda.cudaMalloc(8)), good(cuda.cudaHostAlloc(8, 0))
    assert [set(seen(address, 8)) for address in addresses] == [{0xA5}, {0xA5}]


def test_freed_memory_is_garbage_and_no_crash() -> None:
    rig = Rig()
    good(rig.cuda.cudaFreeHost(rig.host['image']))
    assert (rig.image == 0xDE).all()


def test_all_that_is_not_given_back_is_listed() -> None:
    rig = Rig()
    rig.captured()
    kinds = ('device memory of', 'pinned memory of', 'graph executable', 'stream', 'TensorRT')
    counts = [sum(entry.startswith(kind) for entry in rig.cuda.live) for kind in kinds]
    assert counts == [3, 2, 1, 1, 3]  # the context has memory, too


def test_memory_that_is_full_gives_no_more() -> None:
    cuda = FakeCuda(memory=1000)
    assert cuda.cudaMalloc(1001) == (NO_MEMORY, None)
    address = good(cuda.cudaMalloc(1000))
    assert cuda.cudaMalloc(1) == (NO_MEMORY, None)
    good(cuda.cudaFree(address))
    assert cuda.cudaMalloc(1000)[0] == 0


@pytest.mark.parametrize('is_integrated', [False, True])
def test_page_locked_memory_is_the_devices_where_it_is_shared(is_integrated: bool) -> None:
    cuda = FakeCuda(memory=1000, is_integrated=is_integrated)
    assert cuda.cudaHostAlloc(1001, 0)[0] == (NO_MEMORY if is_integrated else 0)


def test_a_sync_spoils_the_capture() -> None:
    rig = Rig()
    good(rig.cuda.cudaStreamBeginCapture(rig.stream, THREAD_LOCAL))
    assert rig.sync() == (UNSUPPORTED,)
    assert rig.upload() == (INVALIDATED,)
    assert rig.cuda.cudaStreamEndCapture(rig.stream) == (INVALIDATED, None)
    rig.enqueue()
    good(rig.sync())
    assert np.array_equal(rig.answer, expected())


def in_a_thread(act: Callable[[], Any]) -> Any:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(act()))
    thread.start()
    thread.join()
    return answers[0]


def test_memory_taken_while_capturing_spoils_it_unless_another_thread_takes_it() -> None:
    rig = Rig()
    good(rig.cuda.cudaStreamBeginCapture(rig.stream, THREAD_LOCAL))
    assert in_a_thread(lambda: rig.cuda.cudaMalloc(8))[0] == 0
    assert rig.cuda.cudaMalloc(8) == (UNSUPPORTED, None)
    assert rig.cuda.cudaStreamEndCapture(rig.stream) == (INVALIDATED, None)


def test_a_global_capture_is_spoilt_by_any_thread() -> None:
    rig = Rig()
    good(rig.cuda.cudaStreamBeginCapture(rig.stream, 0))
    assert in_a_thread(lambda: rig.cuda.cudaMalloc(8)) == (UNSUPPORTED, None)


def test_the_first_run_of_a_context_can_not_be_captured() -> None:
    rig = Rig()
    good(rig.cuda.cudaStreamBeginCapture(rig.stream, THREAD_LOCAL))
    assert not rig.run()
    assert 'run it once before' in rig.log.errors[-1]
    assert rig.cuda.cudaStreamEndCapture(rig.stream) == (INVALIDATED, None)


def test_what_is_captured_is_not_run() -> None:
    rig = Rig()
    rig.captured()
    rig.answer[:] = 0
    good(rig.sync())
    assert not rig.answer.any()


def test_two_threads_in_one_context_are_told() -> None:
    rig = Rig()
    rig.trt.run_s = 0.3
    assert rig.run()
    waiter = threading.Thread(target=rig.sync)
    waiter.start()
    time.sleep(0.1)
    assert not rig.run()
    waiter.join()
    assert rig.cuda.violations == ['two threads use one TensorRT context']


def test_two_runs_of_one_context_at_once_are_told() -> None:
    rig = Rig()
    rig.trt.run_s = 0.3
    other = good(rig.cuda.cudaStreamCreateWithFlags(1))
    assert rig.run()
    assert rig.context.execute_async_v3(other)
    waiter = threading.Thread(target=rig.sync)
    waiter.start()
    time.sleep(0.1)
    assert rig.cuda.cudaStreamSynchronize(other) == (ILLEGAL,)
    waiter.join()
    assert rig.cuda.violations == ['two threads use one TensorRT context']


def test_a_fault_comes_when_it_was_planned_and_passes() -> None:
    cuda = FakeCuda()
    cuda.fail('cudaMalloc', NO_MEMORY, after=1, times=2)
    assert [cuda.cudaMalloc(8)[0] for _ in range(5)] == [0, 2, 2, 0, 0]
    assert cuda.cudaGetLastError() == (NO_MEMORY,)
    assert cuda.cudaGetLastError() == (0,)


@pytest.mark.parametrize('gone', [False, True])
def test_a_fault_that_stays_goes_with_a_reset_unless_the_device_is_gone(gone: bool) -> None:
    cuda, lost = FakeCuda(), FakeCuda.cudaError_t.cudaErrorLaunchFailure
    cuda.fail('cudaDeviceSynchronize', lost, gone=gone)
    assert cuda.cudaDeviceSynchronize() == (lost,)
    assert cuda.cudaMalloc(8) == (lost, None)
    assert cuda.cudaDeviceReset() == (lost if gone else 0,)
    assert cuda.cudaDeviceSynchronize() == (lost if gone else 0,)
    assert cuda.violations == []


def test_a_fault_must_name_a_function() -> None:
    with pytest.raises(AssertionError):
        FakeCuda().fail('cudaGetErrorString', NO_MEMORY)


@pytest.mark.parametrize(('options', 'code'), [({'devices': 0}, 100), ({'driver': 0}, 35)])
def test_without_a_device_nothing_is_built_or_loaded(options: dict[str, int], code: int) -> None:
    cuda = FakeCuda(**options)
    assert cuda.cudaGetDeviceCount() == (code, None)
    assert cuda.cudaDeviceReset() == (code,)
    for make in (FakeTensorRT(cuda).Builder, FakeTensorRT(cuda).Runtime):
        with pytest.raises(TypeError, match='nullptr'):
            make(Log())


def test_a_device_is_what_it_was_told_to_be() -> None:
    cuda = FakeCuda(name='Xavier', capability=(7, 2), multiprocessors=8, is_integrated=True)
    properties = good(cuda.cudaGetDeviceProperties(0))
    assert (properties.name, properties.major, properties.minor) == (b'Xavier', 7, 2)
    assert properties.multiProcessorCount == 8
    assert [cuda.cudaDeviceGetAttribute(k, 0) for k in (18, 19)] == [(0, 1), (0, 1)]
    assert cuda.cudaGetErrorString(NO_MEMORY) == (0, b'out of memory')
    assert cuda.cudaSetDevice(1) == (101,)


def refusal_of(trt: Any, plan: bytes) -> str:
    log = Log()
    assert trt.Runtime(log).deserialize_cuda_engine(plan) is None
    return log.errors[-1]


def test_a_plan_is_taken_whole_or_not_at_all() -> None:
    plan = bytes(built(FakeTensorRT(FakeCuda()), Log()))
    trt = FakeTensorRT(FakeCuda())
    for cut in (0, 1, 100, len(plan) - 1):
        assert 'damaged' in refusal_of(FakeTensorRT(FakeCuda()), plan[:cut])
    for place in range(0, len(plan), 97):
        flipped = plan[:place] + bytes([plan[place] ^ 1]) + plan[place + 1 :]
        assert trt.Runtime(Log()).deserialize_cuda_engine(flipped) is None
    assert trt.Runtime(Log()).deserialize_cuda_engine(plan)


def test_a_plan_is_for_one_version_one_library_and_one_gpu() -> None:
    plan = bytes(built(FakeTensorRT(FakeCuda()), Log()))
    other = FakeTensorRT(FakeCuda(), version='10.13.3')
    assert "expecting version '10.13.3' got '10.3.0'" in refusal_of(other, plan)
    assert 'module' in refusal_of(FakeTensorRT(FakeCuda(), name='tensorrt_rtx'), plan)
    assert 'gpu' in refusal_of(FakeTensorRT(FakeCuda(name='Thor')), plan)


def test_a_network_that_is_not_strongly_typed_is_not_built() -> None:
    log = Log()
    assert built(FakeTensorRT(FakeCuda()), log, flags=0) is None
    assert 'strongly typed' in log.errors[-1]


def test_what_is_no_onnx_file_is_not_parsed() -> None:
    trt, log = FakeTensorRT(FakeCuda()), Log()
    network = trt.Builder(log).create_network(2)
    parser = trt.OnnxParser(network, log)
    assert not parser.parse(b'no model')
    assert (parser.num_errors, parser.get_error(0).desc()) == (1, log.errors[-1])


def test_progress_is_told_in_nested_phases() -> None:
    monitor = Monitor()
    assert built(FakeTensorRT(FakeCuda()), Log(), monitor=monitor)
    assert monitor.open == []
    assert monitor.parents == [None, *['Building Engine'] * 3]


@pytest.mark.parametrize('step', range(1, 11))
def test_a_monitor_stops_the_build_at_any_step(step: int) -> None:
    monitor = Monitor(stop_after=step)
    assert built(FakeTensorRT(FakeCuda()), Log(), monitor=monitor) is None
    assert monitor.open == []


def test_an_engine_tells_what_goes_in_and_out() -> None:
    trt, log = FakeTensorRT(FakeCuda()), Log()
    plan = built(trt, log, small_model('float32', classes=2))
    engine = trt.Runtime(log).deserialize_cuda_engine(plan)
    names = [engine.get_tensor_name(k) for k in range(engine.num_io_tensors)]
    assert names == ['image', 'probabilities']
    assert [engine.get_tensor_shape(n) for n in names] == [(1, 16, 32, 3), (1, 2, 16, 32)]
    assert [trt.nptype(engine.get_tensor_dtype(n)) for n in names] == [np.float32] * 2
    modes = [trt.TensorIOMode.INPUT, trt.TensorIOMode.OUTPUT]
    assert [engine.get_tensor_mode(n) for n in names] == modes
    form = trt.LayerInformationFormat.JSON
    told = json.loads(engine.create_engine_inspector().get_engine_information(form))
    assert told['Bindings'] == names


def test_a_run_without_an_address_or_a_stream_is_refused() -> None:
    rig = Rig()
    assert not rig.context.set_tensor_address('mask', rig.device['image'])
    assert not rig.context.execute_async_v3(12345)
    rig.context.set_tensor_address('image', 0)
    assert not rig.run()
    words = ('mask', 'stream', 'image')
    assert all(word in error for word, error in zip(words, rig.log.errors, strict=True))
    assert rig.cuda.violations == []


def test_a_context_needs_memory() -> None:
    trt, log = FakeTensorRT(FakeCuda(memory=100)), Log()
    engine = trt.Runtime(log).deserialize_cuda_engine(built(trt, log))
    assert engine.create_execution_context() is None
    assert 'OutOfMemory' in log.errors[-1]


def test_each_step_can_be_made_to_fail() -> None:
    rig = Rig()
    trt, plan = rig.trt, built(rig.trt, rig.log)
    runtime, network = trt.Runtime(rig.log), trt.Builder(rig.log).create_network(2)
    engine = runtime.deserialize_cuda_engine(plan)
    steps: dict[str, Callable[[], Any]] = {
        'parse': lambda: trt.OnnxParser(network, rig.log).parse(small_model()),
        'build': lambda: built(trt, rig.log),
        'deserialize': lambda: runtime.deserialize_cuda_engine(plan),
        'context': engine.create_execution_context,
        'set_tensor_address': lambda: rig.context.set_tensor_address('image', 1),
        'execute': rig.run,
    }
    for point, step in steps.items():
        trt.fail(point, f'no {point}')
        assert not step()
    assert rig.log.errors == [f'no {point}' for point in POINTS]
    assert all(step() for point, step in steps.items() if point not in POINTS[-2:])


def test_the_first_logger_stays_as_it_does_in_tensorrt() -> None:
    trt, first, second = FakeTensorRT(FakeCuda()), Log(), Log()
    trt.Builder(first)
    refused = trt.Runtime(second).deserialize_cuda_engine(b'')
    assert (refused, len(first.errors), second.errors) == (None, 1, [])


def test_a_logger_must_call_its_bases_init() -> None:
    class Hasty(FakeTensorRT.ILogger):
        def __init__(self) -> None:
            self.errors: list[str] = []

    with pytest.raises(TypeError, match='must be called'):
        Hasty()


def test_a_configuration_has_only_what_tensorrts_has() -> None:
    config = FakeTensorRT(FakeCuda()).Builder(Log()).create_builder_config()
    config.set_memory_pool_limit(FakeTensorRT.MemoryPoolType.WORKSPACE, 1 << 20)
    config.clear_flag(FakeTensorRT.BuilderFlag.TF32)
    with pytest.raises(AttributeError):
        config.int8_calibrator = None


def test_they_have_all_that_our_engine_calls() -> None:
    trt = FakeTensorRT(FakeCuda())
    calls = [name for name in vars(CudaRuntime) if name.startswith('cuda')]
    assert len(calls) > 20
    assert all(hasattr(trt.cuda, name) for name in calls)
    constants = [name.split('.') for name in trt_api.CONSTANTS]
    assert all(hasattr(getattr(trt, kind), member) for kind, member in constants)
    members = [*trt_api.TensorRT.__annotations__, 'Builder', 'OnnxParser', 'Runtime', 'nptype']
    assert all(hasattr(trt, name) for name in members)

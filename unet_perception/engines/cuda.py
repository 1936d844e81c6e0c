"""CUDA's runtime with every answer checked, and the memory, stream and graph made with it.

Knows `cuda.bindings.runtime` (12.x and 13.x) or what stands in for it; nothing of TensorRT. Every
call answers with an error code first; none is passed over but those of calls that only tell of an
error, or end what has failed.
"""

from collections.abc import Callable
import ctypes
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..errors import EngineError
from .base import IO
from .cuda_api import Answer, CudaRuntime

DEVICE = 0
"""The first that CUDA_VISIBLE_DEVICES leaves."""
NON_BLOCKING = 1  # cudaStreamNonBlocking
MAPPED = 2  # cudaHostAllocMapped


class CudaError(EngineError):
    """A CUDA call that did not succeed."""


class Gpu(NamedTuple):
    """What a device is, as far as a plan or a choice of memory depends on it."""

    name: str
    capability: str  # as 8.7
    multiprocessors: int
    is_integrated: bool
    """It shares its memory with the CPU, as on Jetson."""
    can_map: bool
    driver: str
    runtime: str


class Cuda:
    """The runtime, checked; `is_lost` once an error has made the device useless to the process."""

    def __init__(self, runtime: CudaRuntime) -> None:
        self.runtime = runtime
        self.is_lost = False

    def call(self, function: Callable[..., Answer], *arguments: Any) -> Any:
        """Call and return what comes after the error code; CudaError unless that is 0."""
        error, *values = function(*arguments)
        if int(error) != 0:
            raise CudaError(self._told(function, error))
        return values[0] if values else None

    def release(self, function: Callable[..., Answer], handle: Any) -> None:
        """Give something back; a lost device has lost it already. CudaError if it can't be."""
        if self.is_lost:
            return
        try:
            self.call(function, handle)
        except CudaError:
            if not self.notice_loss():
                raise

    def notice_loss(self) -> bool:
        """Tell whether errors stay, whatever is called: CUDA calls that sticky.

        Only cudaDeviceReset helps then, for which all that the process has on it must go.
        """
        self.runtime.cudaGetLastError()  # forgets an error that does not stay
        error, *_ = self.runtime.cudaMemGetInfo()  # waits for nothing, and fails if all does
        self.is_lost = self.is_lost or int(error) != 0
        return self.is_lost

    def reset(self) -> None:
        """Begin anew on a lost device, with nothing on it; CudaError if it is gone for good."""
        self.call(self.runtime.cudaDeviceReset)
        self.is_lost = False

    def gpu(self) -> Gpu:
        """Describe the device that this thread uses from now on; CudaError if there is none."""
        runtime, call = self.runtime, self.call
        call(runtime.cudaGetDeviceCount)
        call(runtime.cudaSetDevice, DEVICE)
        properties = call(runtime.cudaGetDeviceProperties, DEVICE)
        return Gpu(
            name=_text(properties.name),
            capability=f'{properties.major}.{properties.minor}',
            multiprocessors=int(properties.multiProcessorCount),
            is_integrated=self._has('cudaDevAttrIntegrated'),
            can_map=self._has('cudaDevAttrCanMapHostMemory'),
            driver=_version(call(runtime.cudaDriverGetVersion)),
            runtime=_version(call(runtime.cudaRuntimeGetVersion)),
        )

    def _has(self, attribute: str) -> bool:
        wanted = getattr(self.runtime.cudaDeviceAttr, attribute)
        return bool(self.call(self.runtime.cudaDeviceGetAttribute, wanted, DEVICE))

    def _told(self, function: Callable[..., Answer], error: Any) -> str:
        """Say which call failed, how, and what helps if that is known."""
        _, words = self.runtime.cudaGetErrorString(error)
        name = getattr(error, 'name', '') or f'error {int(error)}'
        cure = CURES.get(name, '')
        return f'{function.__name__}: {name} ({_text(words)}){cure and f"; {cure}"}'


OUT_OF_MEMORY = (
    'free memory: end other processes on the GPU, serve fewer operating points, or build with a '
    'smaller workspace'
)
CURES = {
    'cudaErrorInsufficientDriver': 'install the NVIDIA driver for this CUDA, or cuda-bindings of '
    'the CUDA that the driver is for',
    'cudaErrorNoDevice': 'is the GPU there, and may this user and container see it '
    '(docker run --runtime nvidia)?',
    'cudaErrorMemoryAllocation': OUT_OF_MEMORY,
}


class Buffer(Protocol):
    """Memory of one tensor: `array` is ours, `address` the device's."""

    kind: str
    """mapped, or copied."""
    array: IO
    address: int

    def upload(self, stream: Any) -> None:
        """Put into the stream what brings `array` to the device."""

    def download(self, stream: Any) -> None:
        """Put into the stream what brings the device's content to `array`."""

    def free(self) -> None:
        """Give the memory back; `array` must not be touched afterwards."""


class MappedBuffer:
    """One memory for both, on a GPU that shares it with the CPU: nothing is copied."""

    kind = 'mapped'

    def __init__(self, cuda: Cuda, shape: tuple[int, ...], dtype: str) -> None:
        self._cuda = cuda
        self._host, self.array = _host_memory(cuda, shape, dtype, MAPPED)
        try:
            self.address = int(cuda.call(cuda.runtime.cudaHostGetDevicePointer, self._host, 0))
        except CudaError:
            self.free()
            raise

    def upload(self, stream: Any) -> None:
        """Do nothing: it is there."""

    def download(self, stream: Any) -> None:
        """Do nothing: it is here."""

    def free(self) -> None:
        """Give the memory back."""
        self._cuda.release(self._cuda.runtime.cudaFreeHost, self._host)


class CopiedBuffer:
    """Page-locked memory here, memory of the same size on the device, and copies between them."""

    kind = 'copied'

    def __init__(self, cuda: Cuda, shape: tuple[int, ...], dtype: str) -> None:
        self._cuda = cuda
        self._host, self.array = _host_memory(cuda, shape, dtype, 0)
        try:
            self.address = int(cuda.call(cuda.runtime.cudaMalloc, self.array.nbytes))
        except CudaError:
            cuda.release(cuda.runtime.cudaFreeHost, self._host)
            raise

    def upload(self, stream: Any) -> None:
        """Copy to the device, in the stream."""
        self._copy(self.address, self._host, 'cudaMemcpyHostToDevice', stream)

    def download(self, stream: Any) -> None:
        """Copy from the device, in the stream."""
        self._copy(self._host, self.address, 'cudaMemcpyDeviceToHost', stream)

    def free(self) -> None:
        """Give both memories back."""
        try:
            self._cuda.release(self._cuda.runtime.cudaFree, self.address)
        finally:
            self._cuda.release(self._cuda.runtime.cudaFreeHost, self._host)

    def _copy(self, target: int, source: int, kind: str, stream: Any) -> None:
        runtime = self._cuda.runtime
        way = getattr(runtime.cudaMemcpyKind, kind)
        self._cuda.call(runtime.cudaMemcpyAsync, target, source, self.array.nbytes, way, stream)


def buffer_for(gpu: Gpu) -> Callable[[Cuda, tuple[int, ...], str], Buffer]:
    """Return the kind of memory that is best on a GPU: shared where it is shared already."""
    return MappedBuffer if gpu.is_integrated and gpu.can_map else CopiedBuffer


class Stream:
    """A queue of work on the device, in order."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self.handle = cuda.call(cuda.runtime.cudaStreamCreateWithFlags, NON_BLOCKING)

    def wait(self) -> None:
        """Wait for all that was put into it; other threads of Python run meanwhile."""
        self._cuda.call(self._cuda.runtime.cudaStreamSynchronize, self.handle)

    def captured(self, enqueue: Callable[[], None]) -> 'Graph':
        """Return as a graph what `enqueue` puts into the stream, which is not run.

        Whatever fails, the stream is as it was afterwards.
        """
        runtime, call = self._cuda.runtime, self._cuda.call
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        call(runtime.cudaStreamBeginCapture, self.handle, mode)
        try:
            enqueue()
        except BaseException:
            error, graph = (*runtime.cudaStreamEndCapture(self.handle), None)[:2]
            if int(error) == 0 and graph is not None:
                self._cuda.release(runtime.cudaGraphDestroy, graph)
            runtime.cudaGetLastError()  # that of the capture, which is told already
            raise
        return Graph(self._cuda, call(runtime.cudaStreamEndCapture, self.handle))

    def free(self) -> None:
        """Give it back."""
        self._cuda.release(self._cuda.runtime.cudaStreamDestroy, self.handle)


class Graph:
    """Captured work, put into a stream again by one call."""

    def __init__(self, cuda: Cuda, graph: Any) -> None:
        """Make `graph` executable; CudaError if it can't be, and then it is gone as well."""
        self._cuda, self._graph = cuda, graph
        try:
            self._executable = cuda.call(cuda.runtime.cudaGraphInstantiate, graph, 0)
        except CudaError:
            cuda.release(cuda.runtime.cudaGraphDestroy, graph)
            raise

    def launch(self, stream: Stream) -> None:
        """Put all of it into the stream."""
        self._cuda.call(self._cuda.runtime.cudaGraphLaunch, self._executable, stream.handle)

    def free(self) -> None:
        """Give it back."""
        try:
            self._cuda.release(self._cuda.runtime.cudaGraphExecDestroy, self._executable)
        finally:
            self._cuda.release(self._cuda.runtime.cudaGraphDestroy, self._graph)


def _host_memory(cuda: Cuda, shape: tuple[int, ...], dtype: str, flags: int) -> tuple[int, IO]:
    """Take page-locked memory; return its address and an array over it, of zeros."""
    size = prod(shape) * np.dtype(dtype).itemsize
    address = int(cuda.call(cuda.runtime.cudaHostAlloc, size, flags))
    raw = (ctypes.c_ubyte * size).from_address(address)
    array = np.frombuffer(memoryview(raw), np.dtype(dtype)).reshape(shape)
    array[:] = 0
    return address, array


def _version(number: int) -> str:
    """Return CUDA's 12060 as 12.6."""
    return f'{number // 1000}.{number % 1000 // 10}'


def _text(words: Any) -> str:
    return words.decode(errors='replace') if isinstance(words, bytes) else str(words)

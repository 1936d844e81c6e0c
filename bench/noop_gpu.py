"""A CUDA runtime and a TensorRT that do nothing, at once: what is left is our own time.

Knows which answers our engine needs to go on; host memory is real, since arrays look at it.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from unet_perception.core.engine import EngineSpec
from unet_perception.engines.base import Tensor, image_shape, probabilities_shape
from unet_perception.engines.device import Device
from unet_perception.engines.trt import TrtEngine
from unet_perception.engines.trt_library import Library

from .fake_gpu.names import (
    Properties,
    cudaDeviceAttr,
    cudaError_t,
    cudaMemcpyKind,
    cudaStreamCaptureMode,
)
from .fake_gpu.trt_names import NUMPY, DataType, ILogger, TensorIOMode

HANDLE = 1
"""Every stream, graph and address on the device: nobody follows it."""
ANSWERS: dict[str, tuple[Any, ...]] = {
    'cudaGetDeviceCount': (1,),
    'cudaSetDevice': (),
    'cudaGetDeviceProperties': (Properties(b'no-op', 0, 0, 0, 0),),
    'cudaDriverGetVersion': (0,),
    'cudaRuntimeGetVersion': (0,),
    'cudaMemGetInfo': (0, 0),
    'cudaGetLastError': (),
    'cudaGetErrorString': (b'',),
    'cudaMalloc': (HANDLE,),
    'cudaFree': (),
    'cudaMemcpyAsync': (),
    'cudaStreamCreateWithFlags': (HANDLE,),
    'cudaStreamSynchronize': (),
    'cudaStreamDestroy': (),
    'cudaStreamBeginCapture': (),
    'cudaStreamEndCapture': (HANDLE,),
    'cudaGraphInstantiate': (HANDLE,),
    'cudaGraphLaunch': (),
    'cudaGraphDestroy': (),
    'cudaGraphExecDestroy': (),
}
"""What comes after the error code, of functions that always answer the same."""


def no_op_cuda(is_integrated: bool = False, can_capture: bool = True) -> SimpleNamespace:
    """Return a runtime on a GPU that shares its memory or not, and takes captures or not."""
    functions = {name: _answering(name, *values) for name, values in ANSWERS.items()}
    if not can_capture:
        refused = cudaError_t.cudaErrorNotSupported
        functions['cudaStreamBeginCapture'] = _answering('cudaStreamBeginCapture', error=refused)
    return SimpleNamespace(
        cudaMemcpyKind=cudaMemcpyKind,
        cudaDeviceAttr=cudaDeviceAttr,
        cudaStreamCaptureMode=cudaStreamCaptureMode,
        cudaDeviceGetAttribute=_answering('cudaDeviceGetAttribute', int(is_integrated)),
        **functions,
        **_host_memory(),
    )


def _answering(
    name: str, *values: Any, error: cudaError_t = cudaError_t.cudaSuccess
) -> Callable[..., tuple[Any, ...]]:
    answer = (error, *values)

    def function(*_: Any) -> tuple[Any, ...]:
        return answer

    function.__name__ = name
    return function


def _host_memory() -> dict[str, Callable[..., tuple[Any, ...]]]:
    """Return the functions that take and give back memory of the host."""
    held: dict[int, Any] = {}

    def take(size: int, _: int) -> tuple[Any, ...]:
        array = np.empty(size, np.uint8)
        held[array.ctypes.data] = array
        return cudaError_t.cudaSuccess, array.ctypes.data

    def give_back(address: int) -> tuple[Any, ...]:
        del held[address]
        return (cudaError_t.cudaSuccess,)

    def seen_from_device(address: int, _: int) -> tuple[Any, ...]:
        return cudaError_t.cudaSuccess, address

    return {
        'cudaHostAlloc': take,
        'cudaFreeHost': give_back,
        'cudaHostGetDevicePointer': seen_from_device,
    }


class NoOpTensorRT:
    """The part of the module that running a plan needs."""

    __version__ = '0'
    ILogger = ILogger
    TensorIOMode = TensorIOMode

    def __init__(self) -> None:
        self.__name__ = 'no-op'

    def nptype(self, dtype: DataType) -> type:
        """Return NumPy's type for one of TensorRT's."""
        return NUMPY[dtype]


class NoOpPlan:
    """A plan with the ends of `spec`, and its own context."""

    num_io_tensors = 2

    def __init__(self, spec: EngineSpec) -> None:
        self._tensors = {
            'image': Tensor(spec.io, image_shape(spec)),
            'probabilities': Tensor(spec.io, probabilities_shape(spec)),
        }

    def get_tensor_name(self, index: int) -> str:
        """Return a name."""
        return list(self._tensors)[index]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        """Return whether it goes in or comes out."""
        return TensorIOMode.INPUT if name == 'image' else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        """Return its shape."""
        return self._tensors[name].shape

    def get_tensor_dtype(self, name: str) -> DataType:
        """Return its type."""
        named = {np.dtype(kind).name: dtype for dtype, kind in NUMPY.items()}
        return named[self._tensors[name].dtype]

    def create_execution_context(self) -> 'NoOpPlan':
        """Return itself: it holds nothing."""
        return self

    def set_tensor_address(self, name: str, address: int) -> bool:
        """Bind nothing."""
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        """Run nothing."""
        return True


def no_op_engine(spec: EngineSpec, *, is_integrated: bool, can_capture: bool) -> TrtEngine:
    """Return our engine on a GPU and a library that do nothing."""
    library, device = Library(NoOpTensorRT()), Device(no_op_cuda(is_integrated, can_capture))
    return TrtEngine(spec, library, device, NoOpPlan(spec), {})

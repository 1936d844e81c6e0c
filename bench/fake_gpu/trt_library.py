"""What all objects of one TensorRT share: its version, its GPU, its log and its faults.

Knows ONNX Runtime, which computes and reads ONNX files; nothing of building or running.
"""

from contextlib import suppress
import os
from typing import Any, NamedTuple

os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')

import numpy as np
import onnxruntime

from .cuda import FakeCuda
from .faults import Faults
from .trt_names import NUMPY, DataType, ILogger, Severity, TensorIOMode

TYPES = {
    'tensor(float)': DataType.FLOAT,
    'tensor(float16)': DataType.HALF,
    'tensor(int8)': DataType.INT8,
    'tensor(int32)': DataType.INT32,
    'tensor(bool)': DataType.BOOL,
    'tensor(uint8)': DataType.UINT8,
    'tensor(int64)': DataType.INT64,
}
POINTS = ('parse', 'build', 'deserialize', 'context', 'set_tensor_address', 'execute')


class Tensor(NamedTuple):
    """An input or output; a size that is not fixed is -1."""

    name: str
    dtype: DataType
    shape: tuple[int, ...]
    mode: TensorIOMode

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return int(np.prod(self.shape)) * np.dtype(NUMPY[self.dtype]).itemsize


class Library:
    """The state of the module."""

    def __init__(self, cuda: FakeCuda, name: str, version: str) -> None:
        self.cuda = cuda
        self.__name__, self.__version__ = name, version
        self.run_s = 0.0
        """How much longer a run takes than ONNX Runtime needs for it, in seconds."""
        self._logger: ILogger | None = None
        self._faults: Faults[str] = Faults()

    @property
    def header(self) -> dict[str, Any]:
        """For what a plan is."""
        facts = (self.__name__, self.__version__, self.cuda.device.name)
        return dict(zip(('module', 'version', 'gpu'), facts, strict=True))

    def fail(self, point: str, message: str, after: int = 0, times: int = 1) -> None:
        """Let `times` uses of one of POINTS, after `after` more, fail as the real one does."""
        assert point in POINTS, point
        self._faults.add(point, message, after, times)

    def fault(self, point: str) -> str | None:
        """Count a use; return the message of the fault that it meets, which is logged."""
        message = self._faults.due(point)
        return None if message is None else self.error(message)

    def error(self, message: str) -> str:
        """Log an error; return it."""
        self.log(Severity.ERROR, message)
        return message

    def log(self, severity: Severity, message: str) -> None:
        """Tell the logger; what it raises is lost, as in the bindings."""
        assert self._logger is not None
        with suppress(Exception, KeyboardInterrupt):
            self._logger.log(severity, message)

    def use(self, logger: ILogger) -> None:
        """Take the first logger, for good; TypeError if there is none, or no GPU."""
        if not isinstance(logger, ILogger):
            raise TypeError(f'incompatible constructor arguments: {logger!r} is no ILogger')
        self._logger = self._logger or logger
        if self._logger is not logger:
            self.log(Severity.WARNING, 'The logger differs from one already registered; ignored')
        if self.cuda.absence:
            self.error(f'CUDA initialization failure with error: {int(self.cuda.absence)}')
            raise TypeError('pybind11::init(): factory function returned nullptr')


def session_of(content: bytes) -> Any:
    """Load an ONNX file as it is: nothing fused, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])


def tensors_of(session: Any) -> tuple[Tensor, ...]:
    """Return what goes in and then what comes out."""
    modes = (
        (TensorIOMode.INPUT, session.get_inputs()),
        (TensorIOMode.OUTPUT, session.get_outputs()),
    )
    return tuple(
        Tensor(port.name, TYPES[port.type], _sizes(port.shape), mode)
        for mode, ports in modes
        for port in ports
    )


def _sizes(shape: list[Any]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else -1 for size in shape)

"""TensorRT's enumerations and base classes, as strict as its bindings are.

Knows the real names and numbers; does nothing.
"""

from enum import Enum
from typing import Any

import numpy as np


class Choice(Enum):
    """An enumeration of pybind11: no number, but `int()` gives one."""

    def __int__(self) -> int:
        return int(self.value)

    __index__ = __int__


class Severity(Choice):
    """How bad a message is."""

    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    VERBOSE = 4


class BuilderFlag(Choice):
    """What a builder may do."""

    DEBUG = 2
    TF32 = 7


class LayerInformationFormat(Choice):
    """How an inspector writes."""

    ONELINE = 0
    JSON = 1


class MemoryPoolType(Choice):
    """Memory that a builder may use."""

    WORKSPACE = 0


class NetworkDefinitionCreationFlag(Choice):
    """How a network is made; the number is a bit's."""

    EXPLICIT_BATCH = 0
    STRONGLY_TYPED = 1


class ProfilingVerbosity(Choice):
    """How much a plan remembers of its layers."""

    LAYER_NAMES_ONLY = 0
    NONE = 1
    DETAILED = 2


class TensorIOMode(Choice):
    """Whether a tensor goes in or comes out."""

    NONE = 0
    INPUT = 1
    OUTPUT = 2


class DataType(Choice):
    """The types of tensors."""

    FLOAT = 0
    HALF = 1
    INT8 = 2
    INT32 = 3
    BOOL = 4
    UINT8 = 5
    INT64 = 8


NUMPY: dict[DataType, type] = {
    DataType.FLOAT: np.float32,
    DataType.HALF: np.float16,
    DataType.INT8: np.int8,
    DataType.INT32: np.int32,
    DataType.BOOL: np.bool_,
    DataType.UINT8: np.uint8,
    DataType.INT64: np.int64,
}


class _Overridable(type):
    """Refuses a subclass that does not call its base's `__init__`, as pybind11 does."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        made = super().__call__(*arguments, **named)
        if not hasattr(made, '_is_made'):
            base = cls.__mro__[-2].__name__
            raise TypeError(f'tensorrt.{base}.__init__() must be called when overriding __init__')
        return made


class ILogger(metaclass=_Overridable):
    """What messages go to."""

    Severity = Severity
    INTERNAL_ERROR = Severity.INTERNAL_ERROR
    ERROR = Severity.ERROR
    WARNING = Severity.WARNING
    INFO = Severity.INFO
    VERBOSE = Severity.VERBOSE

    def __init__(self) -> None:
        self._is_made = True

    def log(self, severity: Choice, msg: str) -> None:
        """Take a message."""
        raise NotImplementedError('Tried to call pure virtual function "ILogger::log"')


class IProgressMonitor(metaclass=_Overridable):
    """What a build's progress goes to."""

    def __init__(self) -> None:
        self._is_made = True

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """Take note of a phase that begins."""
        raise NotImplementedError('pure virtual function "IProgressMonitor::phase_start"')

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Take note of a step that is done; False stops the build."""
        raise NotImplementedError('pure virtual function "IProgressMonitor::step_complete"')

    def phase_finish(self, phase_name: str) -> None:
        """Take note of a phase that ends."""
        raise NotImplementedError('pure virtual function "IProgressMonitor::phase_finish"')

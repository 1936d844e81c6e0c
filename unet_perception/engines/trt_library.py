"""The TensorRT that is installed: found, its messages kept, its refusals turned into errors.

Knows that TensorRT answers None or False where others raise, and tells its logger why; not what
is built or run with it.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import cache
import importlib
import re
from typing import Any, TypeVar

import numpy as np

from ..errors import EngineError
from .cuda import OUT_OF_MEMORY
from .trt_api import TensorRT

MODULES = ('tensorrt', 'tensorrt_rtx')
"""TensorRT, and TensorRT for RTX: the same names, for desktop GPUs alone."""
KEPT = 8
"""How many of its latest messages are kept."""
SHORTAGE = re.compile(
    r'out ?of ?memory|\b(not|unable).{0,20}allocat|insufficient.{0,20}memory', re.IGNORECASE
)
"""How TensorRT says that there is not enough memory; an illegal access to it is another thing."""
T = TypeVar('T')


def load_tensorrt(modules: Iterable[str] = MODULES) -> TensorRT:
    """Import the first of these modules that is installed and loads; EngineError if none does."""
    problems = []
    for name in modules:
        try:
            return importlib.import_module(name)
        except Exception as exc:  # noqa: PERF203, a library of another CUDA fails in its own ways
            problems.append(f'{name}: {exc}')
    raise EngineError(f'TensorRT does not load ({"; ".join(problems)})')


class Library:
    """A TensorRT module and its logger."""

    def __init__(self, trt: TensorRT) -> None:
        self.trt = trt
        self.log: Any = _log_of(trt)  # type: ignore[arg-type]  # a module can be hashed

    @property
    def version(self) -> str:
        """The module's name and version, as people and caches tell them apart."""
        return f'{self.trt.__name__} {self.trt.__version__}'

    def type_name(self, dtype: Any) -> str:
        """Return NumPy's name of one of TensorRT's types, or its own where NumPy has none."""
        try:
            return str(np.dtype(self.trt.nptype(dtype)).name)
        except TypeError:
            return str(dtype)

    def made(self, kind: Callable[..., T], *arguments: object) -> T:
        """Make one of TensorRT's objects that takes the logger last; EngineError if it can't be.

        What its constructor could not make is a null pointer, which the bindings call a TypeError.
        """
        try:
            return kind(*arguments, self.log)
        except TypeError as exc:
            raise self.refusal(f'make a {kind.__name__}') from exc

    def must(self, answer: T | None, what: str) -> T:
        """Return the answer to `what` unless it is None or False; EngineError with the reason."""
        if answer is None or answer is False:
            raise self.refusal(what)
        return answer

    def refusal(self, what: str, reasons: Iterable[str] = ()) -> EngineError:
        """Return the error that says that TensorRT can't do `what`, with its latest messages."""
        told = [' '.join(reason.split()) for reason in [*reasons, *self.log.taken()]]
        words = '; '.join(dict.fromkeys(told)) or 'it does not say why'
        cure = OUT_OF_MEMORY if SHORTAGE.search(words) else ''
        return EngineError(f"{self.version} can't {what}: {words}{cure and f'; {cure}'}")


@cache
def _log_of(trt: TensorRT) -> Any:
    """Return the logger, which keeps errors; TensorRT takes one for the life of a process."""
    base: Any = trt.ILogger

    class Log(base):  # type: ignore[misc]  # the library has no types
        def __init__(self) -> None:
            super().__init__()
            self._errors: deque[str] = deque(maxlen=KEPT)

        def log(self, severity: Any, text: str) -> None:
            if int(severity) <= int(base.ERROR):
                self._errors.append(text)

        def taken(self) -> list[str]:
            """Return the latest errors, and forget them."""
            errors = list(self._errors)
            self._errors.clear()
            return errors

    return Log()

"""TensorRT's runtime: plans loaded, and run in a stream by ONNX Runtime.

Knows addresses, warm-up, threads and lifetimes as the real one demands them; no kernel.
"""

import ctypes
from functools import partial
import json
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .memory import Span, Violation
from .names import cudaError_t
from .plan import content_of
from .stream import Operation
from .trt_library import Library, Tensor, session_of, tensors_of
from .trt_names import NUMPY, DataType, LayerInformationFormat, TensorIOMode

NO_MEMORY = cudaError_t.cudaErrorMemoryAllocation


class Runtime:
    """Loads plans."""

    def __init__(self, library: Library) -> None:
        self._library = library
        library.cuda.adopt(self, 'TensorRT runtime')

    def deserialize_cuda_engine(self, plan: bytes) -> 'Engine | None':
        """Load; None, with an error in the log, unless it is for this version and this GPU."""
        library = self._library
        if library.fault('deserialize'):
            return None
        if library.cuda.error:
            library.error(f'Cuda Runtime ({library.cuda.error.name})')
            return None
        try:
            session = session_of(content_of(bytes(memoryview(plan)), library.header))
        except ValueError as exc:
            library.error(str(exc))
            return None
        return Engine(self, library, session)


class Engine:
    """A plan that was loaded; it lives at least as long as its contexts."""

    def __init__(self, runtime: Runtime, library: Library, session: Any) -> None:
        self._runtime, self._library, self.session = runtime, library, session
        self.tensors = {tensor.name: tensor for tensor in tensors_of(session)}
        library.cuda.adopt(self, 'TensorRT engine')

    @property
    def num_io_tensors(self) -> int:
        """How many go in or come out."""
        return len(self.tensors)

    def get_tensor_name(self, index: int) -> str:
        """Return a name."""
        return list(self.tensors)[index]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        """Return whether it goes in or comes out; neither, with an error, if there is none."""
        tensor = self._known(name)
        return tensor.mode if tensor else TensorIOMode.NONE

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        """Return its shape."""
        tensor = self._known(name)
        return tensor.shape if tensor else ()

    def get_tensor_dtype(self, name: str) -> DataType:
        """Return its type."""
        tensor = self._known(name)
        return tensor.dtype if tensor else DataType.FLOAT

    def create_execution_context(self) -> 'Context | None':
        """Take the memory to run in; None, with an error in the log, if there is not enough."""
        if self._library.fault('context'):
            return None
        size = sum(tensor.nbytes for tensor in self.tensors.values())
        error, address = self._library.cuda.cudaMalloc(size)
        if error:
            what = 'OutOfMemory' if error is NO_MEMORY else 'Cuda Runtime'
            self._library.error(f'{what} ({error.name}, requested size was {size})')
            return None
        return Context(self, self._library, Span('device', address, size, "TensorRT's scratch"))

    def create_engine_inspector(self) -> 'Inspector':
        """Return an inspector."""
        return Inspector(self)

    def _known(self, name: str) -> Tensor | None:
        if name not in self.tensors:
            self._library.error(f'Given invalid tensor name: {name}')
        return self.tensors.get(name)


class Inspector:
    """Tells what a plan is made of, which is ONNX Runtime's secret."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get_engine_information(self, form: LayerInformationFormat) -> str:
        """Return a description."""
        if form is LayerInformationFormat.JSON:
            return json.dumps({'Layers': ['network'], 'Bindings': list(self._engine.tensors)})
        return 'Layers:\nnetwork\n\nBindings:\n' + '\n'.join(self._engine.tensors)


class Context:
    """A plan with memory to run in, for one thread at a time."""

    def __init__(self, engine: Engine, library: Library, scratch: Span) -> None:
        self._engine, self._library, self._scratch = engine, library, scratch
        self._addresses: dict[str, int] = {}
        self._is_warm = False
        self._busy = threading.Lock()
        library.cuda.adopt(self, 'TensorRT context', scratch)

    def set_tensor_address(self, name: str, address: int) -> bool:
        """Bind a tensor; False, with an error in the log, if there is none of that name."""
        if self._library.fault('set_tensor_address'):
            return False
        if name not in self._engine.tensors:
            self._library.error(f'Given invalid tensor name: {name}')
            return False
        self._addresses[name] = int(address)
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        """Put a run into a stream; False, with an error in the log, if it can't be."""
        if not self._busy.acquire(blocking=False):
            self._library.cuda.violate('two threads use one TensorRT context')
            return False
        try:
            return self._execute(int(stream_handle))
        finally:
            self._busy.release()

    def _execute(self, stream: int) -> bool:
        library, cuda = self._library, self._library.cuda
        if library.fault('execute'):
            return False
        refusal = self._refusal(stream)
        if refusal:
            library.error(refusal)
            return False
        (error,) = cuda.launch(self._operation(), stream)
        if error:
            library.error(f'Cuda Runtime ({error.name})')
        self._is_warm = self._is_warm or not error
        return not error

    def _refusal(self, stream: int) -> str:
        """Say why a run can't be put into a stream, if so."""
        missing = [name for name in self._engine.tensors if not self._addresses.get(name)]
        if missing:
            return f'Neither address or allocator is set for tensor {missing[0]}'
        cuda = self._library.cuda
        if cuda.error or not cuda.has_stream(stream):
            return f'Cuda Runtime ({cuda.error.name if cuda.error else "no such stream"})'
        capture = cuda.stream(stream).capture
        if capture and not self._is_warm:
            capture.is_invalid = True
            return 'The first run of a context can not be captured: run it once before'
        return ''

    def _operation(self) -> Operation:
        """Return the run over what is bound now; it keeps no context alive."""
        bound = [(tensor, self._addresses[name]) for name, tensor in self._engine.tensors.items()]
        reads, writes = (
            tuple(
                Span('device', address, tensor.nbytes, f'tensor {tensor.name!r}')
                for tensor, address in bound
                if tensor.mode is mode
            )
            for mode in (TensorIOMode.INPUT, TensorIOMode.OUTPUT)
        )
        run = partial(_run, self._engine.session, dict(bound), self._busy, self._library)
        return Operation('RUN', reads, (*writes, self._scratch), run)


def _run(session: Any, bound: dict[Tensor, int], busy: threading.Lock, library: Library) -> None:
    """Compute from what lies at the addresses now."""
    if not busy.acquire(blocking=False):
        raise Violation('two threads use one TensorRT context')
    try:
        time.sleep(library.run_s)
        views = {tensor: _view(tensor, address) for tensor, address in bound.items()}
        feeds = {t.name: views[t] for t in bound if t.mode is TensorIOMode.INPUT}
        outputs = [t for t in bound if t.mode is TensorIOMode.OUTPUT]
        answers = session.run([tensor.name for tensor in outputs], feeds)
        for tensor, answer in zip(outputs, answers, strict=True):
            views[tensor][...] = answer
    finally:
        busy.release()


def _view(tensor: Tensor, address: int) -> NDArray[Any]:
    raw: Any = (ctypes.c_ubyte * tensor.nbytes).from_address(address)
    return np.frombuffer(raw, np.dtype(NUMPY[tensor.dtype])).reshape(tensor.shape)

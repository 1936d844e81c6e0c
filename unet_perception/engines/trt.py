"""TensorRT on an NVIDIA GPU.

Knows how a plan is run: buffers that never move, one stream, one wait a frame, a CUDA graph where
one can be captured. How a plan is built is in `trt_build`, where it is kept in `plan_cache`; both
libraries are passed in, so that a machine without a GPU can run all of this on stand-ins.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from time import perf_counter_ns

import numpy as np

from ..core.engine import EngineOutput, EngineSpec, EngineTimes
from ..core.frame import U8
from ..errors import EngineError, EngineLostError
from .base import EngineBase, Tensor, check_tensors, image_shape, probabilities_shape
from .cuda import Buffer, CudaError, Graph, Stream, buffer_for
from .device import Device
from .interrupts import InterruptsKept
from .trt_api import ICudaEngine
from .trt_library import Library

WARM_UPS = 2
"""Runs before a graph is captured: the first loads kernels, which a capture can't."""


class TrtEngine(EngineBase):
    """A plan with its own stream and buffers; used by one thread at a time."""

    def __init__(
        self,
        spec: EngineSpec,
        library: Library,
        device: Device,
        plan: ICudaEngine,
        about: Mapping[str, str],
    ) -> None:
        """Check the plan's ends against `spec`, take memory, warm up; EngineError if it can't be.

        The plan is freed with the engine. `about` are facts about where it comes from.
        """
        image, probabilities = _checked_names(spec, library, plan)
        self._library, self._device, self._about = library, device, about
        self._is_running = self._was_lost = False
        with ExitStack() as held:
            self._stream = Stream(device.cuda)
            held.callback(self._stream.free)
            take = buffer_for(device.gpu)
            self._input = take(device.cuda, image_shape(spec), spec.io)
            held.callback(self._input.free)
            self._output = take(device.cuda, probabilities_shape(spec), spec.io)
            held.callback(self._output.free)
            super().__init__(spec, self._input.array, self._output.array)
            self._plan: ICudaEngine | None = plan
            with InterruptsKept():
                context = plan.create_execution_context()
            self._context = library.must(context, 'take memory to run in')
            held.callback(self._forget_plan)
            held.callback(self._drain)
            self._bind(image, self._input)
            self._bind(probabilities, self._output)
            for _ in range(WARM_UPS):
                self._enqueue()
                self._stream.wait()
            self._put: Callable[[], None] = self._enqueue
            self._graph_note = self._try_graph(held)
            device.enter(self)
            held.callback(device.leave, self)
            self._held: ExitStack | None = held.pop_all()

    @property
    def facts(self) -> Mapping[str, str]:
        """What diagnostics tell of it besides its spec."""
        return {**self._about, 'memory': self._input.kind, 'cuda_graph': self._graph_note}

    def infer(self, image: U8) -> EngineOutput:
        """Run the network on RGB bytes (1, H, W, 3).

        EngineError if it fails or is closed; EngineLostError if it must be opened anew.
        """
        self._take_over()
        self._is_running = True
        try:
            self._image[:] = image
            start = perf_counter_ns()
            self._put()
            self._stream.wait()
            answer = self._answered()
            return EngineOutput(answer, EngineTimes(perf_counter_ns() - start))
        except EngineError as exc:
            if loss := self._device.loss_behind(exc):
                raise loss from exc
            raise
        finally:
            self._is_running = False

    def close(self) -> None:
        """Free graph, plan, buffers and stream; may be called again."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def abandon(self) -> None:
        """Let go of everything on a device that is lost."""
        self._was_lost = True
        self.close()

    def _take_over(self) -> None:
        """Make the calling thread the GPU's; EngineError if another is at work, or if closed."""
        if self._held is None:
            if self._was_lost:
                raise EngineLostError(
                    'the engine was closed when the GPU was reset', is_known=True
                )
            raise EngineError('the TensorRT engine is closed')
        if self._is_running:
            raise EngineError('two threads use one TensorRT engine at once; open one for each')
        if not self._device.is_used_here:
            try:
                self._device.use()
            except CudaError as exc:
                if loss := self._device.loss_behind(exc):
                    raise loss from exc
                raise

    def _bind(self, name: str, buffer: Buffer) -> None:
        bound = self._context.set_tensor_address(name, buffer.address)
        self._library.must(bound, f'bind {name!r}')

    def _enqueue(self) -> None:
        """Put a frame's work into the stream: up, run, down."""
        self._input.upload(self._stream.handle)
        ran = self._context.execute_async_v3(int(self._stream.handle))
        self._library.must(ran, 'run')
        self._output.download(self._stream.handle)

    def _try_graph(self, held: ExitStack) -> str:
        """Run by a graph from now on if one can be captured; return 'yes', or why not.

        Its answer must be the one that the same work gave without it.
        """
        expected = self._answer.copy()
        try:
            graph = self._stream.captured(self._enqueue)
            held.callback(graph.free)
            return self._proved(graph, expected)
        except EngineError as exc:
            if self._device.cuda.notice_loss():
                raise
            return f'no: {exc}'

    def _proved(self, graph: Graph, expected: np.ndarray) -> str:
        launch = partial(graph.launch, self._stream)
        self._answer[:] = 0
        launch()
        self._stream.wait()
        if not np.array_equal(self._answer, expected):
            return 'no: its answer differs from that of the same run without it'
        self._put = launch
        return 'yes'

    def _drain(self) -> None:
        """Wait for what a failed run may have left in the stream; its failure is told already."""
        with suppress(CudaError):
            if not self._device.cuda.is_lost:
                self._stream.wait()

    def _forget_plan(self) -> None:
        """Free context and plan, in this order; let go of memory that is about to be freed."""
        self._put = _nothing
        self._image = self._answer = self._probabilities = np.zeros(0, np.uint8)
        del self._context
        self._plan = None


def _nothing() -> None:
    """Stand in for the work of an engine that is closed."""


def _checked_names(spec: EngineSpec, library: Library, plan: ICudaEngine) -> tuple[str, str]:
    """Return the names of the plan's input and output; EngineError unless they are as `spec`."""
    trt = library.trt
    names = [plan.get_tensor_name(k) for k in range(plan.num_io_tensors)]
    goes_in = {n: plan.get_tensor_mode(n) == trt.TensorIOMode.INPUT for n in names}

    def tensors(wanted: bool) -> list[Tensor]:
        return [
            Tensor(
                library.type_name(plan.get_tensor_dtype(n)),
                tuple(int(side) for side in plan.get_tensor_shape(n)),
            )
            for n in names
            if goes_in[n] is wanted
        ]

    check_tensors(spec, tensors(True), tensors(False))
    inputs, outputs = ([n for n in names if goes_in[n] is w] for w in (True, False))
    return inputs[0], outputs[0]

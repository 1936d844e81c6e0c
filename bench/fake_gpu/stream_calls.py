"""CUDA's functions of streams, captures and graphs.

Knows what each answers; how queued work is kept and done is of stream.py and device.py.
"""

from collections.abc import Mapping
import threading
from typing import Any, TypeVar

from .device import FakeDevice, Refusal, answering, require
from .memory import Violation
from .names import cudaError_t, cudaStreamCaptureMode
from .stream import Capture, Stream

T = TypeVar('T')


class StreamCalls(FakeDevice):
    """What the runtime does with work."""

    @answering(1)
    def cudaStreamCreateWithFlags(self, flags: int) -> int:
        """Make a stream."""
        require(flags in (0, 1))
        return self.kept(self._streams, Stream())

    @answering()
    def cudaStreamSynchronize(self, stream: Any) -> None:
        """Do what is queued in a stream."""
        queue = self.stream(stream)
        if queue.capture:
            queue.capture.is_invalid = True
            raise Refusal(cudaError_t.cudaErrorStreamCaptureUnsupported)
        self.log.append('SYNC')
        self.run(queue)

    @answering()
    def cudaStreamDestroy(self, stream: Any) -> None:
        """Give a stream back, which must be idle."""
        queue = self.stream(stream)
        if queue.queue or queue.capture:
            what = 'capturing' if queue.capture else f'to do {len(queue.queue)} operations'
            raise Violation(f'stream {int(stream)} was destroyed while it was {what}')
        del self._streams[int(stream)]

    @answering()
    def cudaStreamBeginCapture(self, stream: Any, mode: Any) -> None:
        """Note work down from now on, instead of queueing it."""
        queue = self.stream(stream)
        require(queue.capture is None, cudaError_t.cudaErrorIllegalState)
        queue.capture = Capture(int(mode))
        self.log.append('CAPTURE')

    @answering(1)
    def cudaStreamEndCapture(self, stream: Any) -> int:
        """Answer with the graph of what was noted down."""
        queue = self.stream(stream)
        capture = queue.capture
        if capture is None:
            raise Refusal(cudaError_t.cudaErrorIllegalState)
        is_here = threading.get_ident() == capture.thread
        is_anywhere = capture.mode == cudaStreamCaptureMode.cudaStreamCaptureModeRelaxed
        wrong = cudaError_t.cudaErrorStreamCaptureWrongThread
        require(is_here or is_anywhere, wrong)
        queue.capture = None
        require(not capture.is_invalid, cudaError_t.cudaErrorStreamCaptureInvalidated)
        self.log.append('CAPTURED')
        return self.kept(self._graphs, tuple(capture.operations))

    @answering(1)
    def cudaGraphInstantiate(self, graph: Any, flags: int) -> int:
        """Make a graph that can be launched."""
        return self.kept(self._executables, held(self._graphs, graph, 'graph'))

    @answering()
    def cudaGraphLaunch(self, executable: Any, stream: Any) -> None:
        """Queue all the work of a graph."""
        work = held(self._executables, executable, 'graph executable')
        queue = self.stream(stream)
        self.log.append('GRAPH')
        for operation in work:
            self.enqueue(operation, queue)

    @answering()
    def cudaGraphDestroy(self, graph: Any) -> None:
        """Give a graph back."""
        held(self._graphs, graph, 'graph')
        del self._graphs[int(graph)]

    @answering()
    def cudaGraphExecDestroy(self, executable: Any) -> None:
        """Give a graph that can be launched back."""
        held(self._executables, executable, 'graph executable')
        del self._executables[int(executable)]

    def kept(self, those: dict[int, T], new: T) -> int:
        """Keep what was made; return its handle, which nothing else has."""
        handle = next(self._handles)
        those[handle] = new
        return handle


def held(those: Mapping[int, T], handle: Any, what: str) -> T:
    """Return what a handle stands for; Violation if it is gone or never was."""
    if int(handle) not in those:
        raise Violation(f'{what} {int(handle)} does not exist')
    return those[int(handle)]

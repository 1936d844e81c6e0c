"""The state of a device: what lives on it, what is queued, what went wrong.

Knows when a call is refused and what a violation does; the calls themselves are in cuda.py.
"""

from collections import deque
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any
import weakref

from .faults import Faults
from .memory import Memory, Span, Violation, poison
from .names import STICKY, Device
from .names import cudaError_t as Error
from .stream import Operation, Stream

Answer = tuple[Any, ...]
LOG_LENGTH = 10_000
HARMLESS = ('TensorRT runtime',)
"""Guests with nothing on the device."""


class Refusal(Exception):  # noqa: N818
    """A call that answers with an error code."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.name)
        self.error = error


def require(holds: bool, otherwise: Error = Error.cudaErrorInvalidValue) -> None:
    """Refuse with an error unless something holds."""
    if not holds:
        raise Refusal(otherwise)


def answering(
    values: int = 0, *, always: bool = False, unsafe: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Answer]]:
    """Make a method answer (error, …) with that many values, and raise nothing.

    `always`: also on a lost device or without one. `unsafe`: not while this thread captures.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Answer]:
        @wraps(function)
        def call(self: 'FakeDevice', *arguments: Any) -> Answer:
            try:
                self.admit(function.__name__, always, unsafe)
                answer = function(self, *arguments)
            except Refusal as refusal:
                return (self.note(refusal.error), *[None] * values)
            except Violation as violation:
                return (self.note(self.violate(str(violation))), *[None] * values)
            return (Error.cudaSuccess, *(answer if values > 1 else [answer] * values))

        return call

    return decorate


class FakeDevice:
    """What there is on a device; `violations` and `log` are for tests to read."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.violations: list[str] = []
        self.log: deque[str] = deque(maxlen=LOG_LENGTH)
        shared = {'pinned memory', 'mapped memory'} if device.is_integrated else set()
        self.memory = Memory(device.memory, frozenset({'device memory', *shared}))
        self._streams: dict[int, Stream] = {}
        self._graphs: dict[int, tuple[Operation, ...]] = {}
        self._executables: dict[int, tuple[Operation, ...]] = {}
        self._guests: dict[int, str] = {}
        self._handles = count(1)
        self._faults: Faults[tuple[Error, bool]] = Faults()
        self._sticky = self._last = Error.cudaSuccess
        self._is_gone = False

    @property
    def live(self) -> list[str]:
        """All that was not given back."""
        handles = (
            ('stream', self._streams),
            ('graph', self._graphs),
            ('graph executable', self._executables),
        )
        named = [f'{what} {handle}' for what, held in handles for handle in held]
        return [str(block) for block in self.memory.live] + named + list(self._guests.values())

    @property
    def absence(self) -> Error:
        """Why there is no device at all; cudaSuccess if there is one."""
        if self.device.driver // 1000 < self.device.runtime // 1000:
            return Error.cudaErrorInsufficientDriver
        return Error.cudaSuccess if self.device.devices else Error.cudaErrorNoDevice

    @property
    def error(self) -> Error:
        """What every call answers: why there is no device, or how it was lost."""
        return self.absence or self._sticky

    def fail(
        self, function: str, error: Error, after: int = 0, times: int = 1, *, gone: bool = False
    ) -> None:
        """Let `times` calls of a function, after `after` more, answer with `error`.

        One of STICKY loses the device as well; `gone`: then not even a reset brings it back.
        """
        assert hasattr(getattr(self, function), '__wrapped__'), function
        self._faults.add(function, (error, gone), after, times)

    def violate(self, sentence: str) -> Error:
        """Note what real hardware would not forgive; the device is lost."""
        self.violations.append(sentence)
        return self._lose(Error.cudaErrorIllegalAddress)

    def admit(self, function: str, always: bool, unsafe: bool) -> None:
        """Refuse a call that is to fail, can't be made any more, or spoils a capture."""
        fault = self._faults.due(function)
        if fault:
            error, gone = fault
            self._is_gone = self._is_gone or gone
            raise Refusal(self._lose(error) if error in STICKY else error)
        if self.error and not always:
            raise Refusal(self.error)
        captures = [stream.capture for stream in list(self._streams.values()) if stream.capture]
        spoilt = [capture for capture in captures if unsafe and capture.forbids_here()]
        for capture in spoilt:
            capture.is_invalid = True
        if spoilt:
            raise Refusal(Error.cudaErrorStreamCaptureUnsupported)

    def note(self, error: Error) -> Error:
        """Keep an error for cudaGetLastError."""
        self._last = error
        return error

    def stream(self, handle: Any) -> Stream:
        """Return a stream; Violation if there is none."""
        stream = self._streams.get(int(handle))
        if stream is None:
            raise Violation(f'stream {int(handle)} does not exist')
        return stream

    def has_stream(self, handle: Any) -> bool:
        """Tell whether a handle is that of a stream."""
        return int(handle) in self._streams

    def enqueue(self, operation: Operation, stream: Stream) -> None:
        """Queue or capture; Violation if it touches what it must not."""
        self._check(operation)
        if stream.capture is None:
            self._queue(operation, stream)
        elif stream.capture.is_invalid:
            raise Refusal(Error.cudaErrorStreamCaptureInvalidated)
        else:
            stream.capture.operations.append(operation)

    @answering()
    def launch(self, operation: Operation, handle: Any) -> None:
        """Put the work of a library into a stream; answers as CUDA's functions do."""
        self.log.append(operation.name)
        self.enqueue(operation, self.stream(handle))

    def run(self, stream: Stream) -> None:
        """Do all that is queued."""
        stream.run(self._do)
        if self._sticky:  # another thread has lost it
            raise Refusal(self._sticky)

    def is_used(self, span: Span) -> bool:
        """Tell whether queued work touches the block around a span."""
        return self._meets(span, [used for work in self._queued() for used in work.spans])

    def adopt(self, guest: object, label: str, scratch: Span | None = None) -> None:
        """List a library's object as live until it is garbage; its `scratch` goes with it."""
        handle = next(self._handles)
        self._guests[handle] = label
        end = weakref.finalize(guest, self._bury, handle, scratch)
        end.atexit = False

    def _bury(self, handle: int, scratch: Span | None) -> None:
        label = self._guests.pop(handle)
        found = self.memory.found(scratch.address) if scratch else None
        if scratch is None or found is None or not found[0].is_live:
            return
        if self.is_used(scratch):
            self.violate(f'{label} was destroyed while its work was queued')
        self.memory.drop(found[0])
        self.log.append('FREE')

    def _queue(self, operation: Operation, stream: Stream) -> None:
        """Queue; what will be written is poisoned now, unless earlier work is to read it."""
        read = [span for work in self._queued() for span in work.reads]
        for span in operation.writes:
            if not self._meets(span, read):
                poison(span)
        stream.queue.append(operation)

    def _queued(self) -> list[Operation]:
        return [work for stream in list(self._streams.values()) for work in list(stream.queue)]

    def _meets(self, span: Span, others: list[Span]) -> bool:
        blocks = [self.memory.found(other.address) for other in (span, *others)]
        return any(found and blocks[0] and found[0] is blocks[0][0] for found in blocks[1:])

    def _do(self, operation: Operation) -> None:
        self._check(operation)
        operation.run()

    def _check(self, operation: Operation) -> None:
        for span in operation.spans:
            self.memory.block_of(span)

    def _lose(self, error: Error) -> Error:
        """Let every call answer with an error; what was queued never runs."""
        self._sticky = error
        for stream in list(self._streams.values()):
            stream.queue.clear()
        return error

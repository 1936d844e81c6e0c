"""CUDA's functions that take, give back and copy memory.

Knows what each answers; bounds, kinds and poison are of memory.py and device.py.
"""

import ctypes
from functools import partial
from typing import Any

from .device import FakeDevice, Refusal, answering, require
from .memory import Block, Span
from .names import cudaError_t
from .stream import Operation

MAPPED = 2  # cudaHostAllocMapped
COPIES = {
    0: ('H2H', 'host', 'host'),
    1: ('H2D', 'device', 'host'),
    2: ('D2H', 'host', 'device'),
    3: ('D2D', 'device', 'device'),
}
"""Name, target and source by cudaMemcpyKind."""


class MemoryCalls(FakeDevice):
    """What the runtime does with memory; host memory must be of cudaHostAlloc."""

    @answering(1, unsafe=True)
    def cudaHostAlloc(self, size: int, flags: int) -> int:
        """Take page-locked memory, mapped for the device as well if the flags say so."""
        is_mapped = bool(flags & MAPPED)
        refused = cudaError_t.cudaErrorNotSupported
        require(self.device.can_map or not is_mapped, refused)
        block = self._taken('mapped memory' if is_mapped else 'pinned memory', size)
        self.log.append('HOST_ALLOC')
        return block.views['host']

    @answering(2, unsafe=True)
    def cudaMemGetInfo(self) -> tuple[int, int]:
        """Answer how much memory of the device is free, and how much there is."""
        return self.memory.free, self.device.memory

    @answering(1)
    def cudaHostGetDevicePointer(self, host: int, flags: int) -> int:
        """Answer where the device sees mapped memory."""
        for block in self.memory.live:
            if block.kind == 'mapped memory' and block.views['host'] == int(host):
                return block.views['device']
        raise Refusal(cudaError_t.cudaErrorInvalidValue)

    @answering(unsafe=True)
    def cudaFreeHost(self, host: int) -> None:
        """Give page-locked memory back."""
        self._free(host, 'host')

    @answering(1, unsafe=True)
    def cudaMalloc(self, size: int) -> int:
        """Take memory of the device."""
        block = self._taken('device memory', size)
        self.log.append('ALLOC')
        return block.views['device']

    @answering(unsafe=True)
    def cudaFree(self, device: int) -> None:
        """Give memory of the device back."""
        self._free(device, 'device')

    @answering()
    def cudaMemcpyAsync(self, target: int, source: int, size: int, kind: Any, stream: Any) -> None:
        """Queue a copy."""
        refused = cudaError_t.cudaErrorInvalidMemcpyDirection
        require(int(kind) in COPIES, refused)
        name, to, origin = COPIES[int(kind)]
        reads = Span(origin, int(source), size, f'source of {name}')
        writes = Span(to, int(target), size, f'target of {name}')
        copy = partial(ctypes.memmove, int(target), int(source), size)
        self.log.append(name)
        self.enqueue(Operation(name, (reads,), (writes,), copy), self.stream(stream))

    def _taken(self, kind: str, size: int) -> Block:
        require(size > 0)
        block = self.memory.take(kind, size)
        if block is None:
            raise Refusal(cudaError_t.cudaErrorMemoryAllocation)
        return block

    def _free(self, address: int, space: str) -> None:
        if int(address):  # CUDA forgives to free nothing
            self.memory.give_back(int(address), space)
        self.log.append('FREE' if space == 'device' else 'HOST_FREE')

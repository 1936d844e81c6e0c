"""Memory of a device and of its host, apart as on a real GPU.

Knows blocks, who may use which address, bounds and what was freed; nothing of streams. Pages are
never given back to Linux: a view of freed memory shows garbage instead of ending the process.
"""

import ctypes
from dataclasses import dataclass
import mmap
import os
from typing import NamedTuple

NEW, FREED = 0xA5, 0xDE
"""What untouched memory and freed memory is filled with."""

VIEWS = {
    'device memory': ('device',),
    'pinned memory': ('host',),
    'mapped memory': ('host', 'device'),
}
"""Who sees which kind of memory, each at an address of its own; the first one frees it."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]


class Violation(Exception):  # noqa: N818
    """What is undefined behaviour or an illegal access on real hardware."""


class Span(NamedTuple):
    """Bytes as somebody uses them; `space` is host or device, `what` is for the report."""

    space: str
    address: int
    size: int
    what: str


@dataclass(eq=False)
class Block:
    """An allocation, and its address in each space that sees it."""

    kind: str
    size: int
    views: dict[str, int]
    is_live: bool = True

    def fill(self, value: int) -> None:
        """Overwrite all of it."""
        ctypes.memset(next(iter(self.views.values())), value, self.size)

    def __str__(self) -> str:
        places = ', '.join(f'{space} {address:#x}' for space, address in self.views.items())
        return f'{self.kind} of {self.size} bytes ({places})'


class Memory:
    """All that was ever allocated; `limit` bytes of the `limited` kinds are there."""

    def __init__(self, limit: int, limited: frozenset[str]) -> None:
        self._limit, self._limited = limit, limited
        self._blocks: list[Block] = []

    @property
    def live(self) -> list[Block]:
        """What was not given back."""
        return [block for block in self._blocks if block.is_live]

    @property
    def free(self) -> int:
        """Bytes that are left."""
        return self._limit - sum(block.size for block in self.live if block.kind in self._limited)

    def take(self, kind: str, size: int) -> Block | None:
        """Allocate and poison; None if there is not enough."""
        if kind in self._limited and size > self.free:
            return None
        block = Block(kind, size, _pages(size, VIEWS[kind]))
        block.fill(NEW)
        self._blocks.append(block)
        return block

    def give_back(self, address: int, space: str) -> Block:
        """Free what `space` may free; Violation unless it is the start of such, and live."""
        block, seen_from = self._found(address, f'free as {space} memory')
        if seen_from != space or VIEWS[block.kind][0] != space:
            raise Violation(f'free of {address:#x} as {space} memory: it is {block}')
        if block.views[space] != address:
            raise Violation(f'free of {address:#x}, which is inside of {block}')
        if not block.is_live:
            raise Violation(f'double free of {block}')
        return self.drop(block)

    def drop(self, block: Block) -> Block:
        """Free."""
        block.is_live = False
        block.fill(FREED)
        return block

    def block_of(self, span: Span) -> Block:
        """Return the block that holds a span; Violation if no such access is possible."""
        space, address, size, what = span
        block, seen_from = self._found(address, what)
        if seen_from != space:
            raise Violation(f'{what}: {address:#x} is a {seen_from} address of {block}')
        if not block.is_live:
            raise Violation(f'{what}: {block} was freed')
        if address + size > block.views[space] + block.size:
            offset = address - block.views[space]
            raise Violation(f'{what}: {size} bytes from byte {offset} are beyond {block}')
        return block

    def found(self, address: int) -> tuple[Block, str] | None:
        """Return the block around an address, and the space it is an address of."""
        for block in reversed(self._blocks):
            for space, start in block.views.items():
                if start <= address < start + block.size:
                    return block, space
        return None

    def _found(self, address: int, what: str) -> tuple[Block, str]:
        found = self.found(address)
        if found is None:
            raise Violation(f'{what}: {address:#x} is no address that CUDA gave')
        return found


def poison(span: Span) -> None:
    """Overwrite what has no valid content until a queued operation has run."""
    ctypes.memset(span.address, NEW, span.size)


def _pages(size: int, spaces: tuple[str, ...]) -> dict[str, int]:
    """Map the same fresh pages once per space; return the addresses."""
    file = os.memfd_create('fake_gpu')
    try:
        os.ftruncate(file, size)
        return {space: _mapped(file, size) for space in spaces}
    finally:
        os.close(file)


def _mapped(file: int, size: int) -> int:
    both = mmap.PROT_READ | mmap.PROT_WRITE
    address = _LIBC.mmap(None, size, both, mmap.MAP_SHARED, file, 0)
    if address == ctypes.c_void_p(-1).value:
        raise MemoryError(os.strerror(ctypes.get_errno()))
    return int(address)

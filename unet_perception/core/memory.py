"""Keeps glibc from mapping and unmapping memory anew for every image, and tells what is held.

Knows malloc's tunables and /proc; not who allocates. By default an allocation as large as an
image gets pages of its own from the kernel and gives them back: each is then faulted in anew.
"""

import ctypes
import os
from pathlib import Path

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Parameters of `mallopt`, as in glibc's malloc.h."""

TUNING = {
    M_MMAP_THRESHOLD: 32 << 20,  # a 4K image has 25 MB
    M_TRIM_THRESHOLD: 256 << 20,
    M_TOP_PAD: 64 << 20,
}
"""Bytes: images stay in the heap, and what they leave free stays with the process."""


def tune_malloc() -> bool:
    """Set `TUNING` for this process; False where the C library has no `mallopt`, as musl."""
    library = ctypes.CDLL(None)
    if not hasattr(library, 'mallopt'):
        return False
    return all(library.mallopt(name, size) for name, size in TUNING.items())


def resident_mb(pid: int | str = 'self') -> float:
    """Return the memory that a process holds now, MB (RSS); this one's unless another is named."""
    pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6

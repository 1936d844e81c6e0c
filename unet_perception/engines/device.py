"""The GPU as this process uses it, with every engine that is open on it.

Knows that one engine's error may cost all of them the device; not what an engine is.
"""

from threading import get_ident
import traceback
from typing import Protocol

from ..errors import EngineError, EngineLostError
from .cuda import DEVICE, Cuda, CudaError, Gpu
from .cuda_api import CudaRuntime


class Guest(Protocol):
    """What is open on a device."""

    def abandon(self) -> None:
        """Let go of everything on a device that is lost."""


class Device:
    """A GPU; CudaError if there is none that can be used."""

    def __init__(self, runtime: CudaRuntime) -> None:
        self.cuda = Cuda(runtime)
        self.gpu: Gpu = self.cuda.gpu()
        self._guests: list[Guest] = []
        self._owner = get_ident()

    @property
    def is_used_here(self) -> bool:
        """Whether the calling thread is the one that used it last."""
        return self._owner == get_ident()

    def use(self) -> None:
        """Make it the device of the calling thread, which each thread has to say for itself."""
        self._owner = get_ident()
        if self.cuda.is_lost and not self._guests:  # lost while the last engine was closed
            self.cuda.reset()
        self.cuda.call(self.cuda.runtime.cudaSetDevice, DEVICE)

    def enter(self, guest: Guest) -> None:
        """Note what is open on it."""
        self._guests.append(guest)

    def leave(self, guest: Guest) -> None:
        """Note that it is open no more."""
        self._guests = [each for each in self._guests if each is not guest]

    def loss_behind(self, error: EngineError) -> EngineLostError | None:
        """Return the loss of the device that a failure was a sign of; None if it was of none.

        After an error that stays, CUDA does nothing more for a process until cudaDeviceReset,
        before which every plan and buffer on the device must be let go. The caller is to raise it.
        A thread that hung, while another one took over, must not take the memory from under it.
        """
        _forget_frames(error)
        if not self.cuda.notice_loss():
            return None
        if not self.is_used_here:
            return EngineLostError(f'{error}; the thread that uses the GPU now has to reset it')
        for guest in self._guests:
            guest.abandon()
        self._guests = []
        try:
            self.cuda.reset()
        except CudaError:
            return EngineLostError(f'{error}; the GPU does not come back')
        return EngineLostError(f'{error}; the GPU was reset and all engines on it closed')


def _forget_frames(error: BaseException | None) -> None:
    """Let go of the local variables that an error's traceback keeps: plans and contexts too."""
    known: set[int] = set()
    while error is not None and id(error) not in known:  # one may be its own cause
        known.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__

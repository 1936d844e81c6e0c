"""CUDA's runtime as far as this package uses it, on a device that is not there.

Knows what each function answers about the device; memory and streams are their own files.
"""

from typing import Any

from .device import HARMLESS, answering, require
from .memory_calls import MemoryCalls
from .names import (
    WORDS,
    Device,
    Properties,
    cudaDeviceAttr,
    cudaError_t,
    cudaMemcpyKind,
    cudaStreamCaptureMode,
)
from .stream_calls import StreamCalls


class FakeCuda(MemoryCalls, StreamCalls):
    """Stands in for `cuda.bindings.runtime`; `options` are the fields of Device.

    Copies, runs and graphs are done when somebody synchronises, so that whoever reads too early
    finds poison.
    """

    cudaError_t = cudaError_t
    cudaMemcpyKind = cudaMemcpyKind
    cudaDeviceAttr = cudaDeviceAttr
    cudaStreamCaptureMode = cudaStreamCaptureMode

    def __init__(self, **options: Any) -> None:
        super().__init__(Device(**options))

    @answering(1)
    def cudaGetDeviceCount(self) -> int:
        """Answer how many devices there are."""
        return self.device.devices

    @answering()
    def cudaSetDevice(self, device: int) -> None:
        """Choose a device for this thread."""
        require(0 <= device < self.device.devices, cudaError_t.cudaErrorInvalidDevice)

    @answering(1)
    def cudaGetDeviceProperties(self, device: int) -> Properties:
        """Answer what a device is."""
        require(0 <= device < self.device.devices, cudaError_t.cudaErrorInvalidDevice)
        _, _, name, capability, processors, _, _, memory, _ = self.device
        return Properties(name.encode(), *capability, processors, memory)

    @answering(1)
    def cudaDeviceGetAttribute(self, attribute: Any, device: int) -> int:
        """Answer one of two questions."""
        require(0 <= device < self.device.devices, cudaError_t.cudaErrorInvalidDevice)
        facts = {
            cudaDeviceAttr.cudaDevAttrIntegrated: self.device.is_integrated,
            cudaDeviceAttr.cudaDevAttrCanMapHostMemory: self.device.can_map,
        }
        return int(facts[attribute])

    @answering(1, always=True)
    def cudaDriverGetVersion(self) -> int:
        """Answer which CUDA the driver is for; 0 without one."""
        return self.device.driver

    @answering(1, always=True)
    def cudaRuntimeGetVersion(self) -> int:
        """Answer which CUDA this is."""
        return self.device.runtime

    @answering(unsafe=True)
    def cudaDeviceSynchronize(self) -> None:
        """Do all that is queued anywhere."""
        self.log.append('DEVICE_SYNC')
        for stream in list(self._streams.values()):
            self.run(stream)

    @answering(always=True)
    def cudaDeviceReset(self) -> None:
        """Begin anew, with nothing on the device."""
        require(not (self._is_gone or self.absence), self.error)
        lost = [label for label in self._guests.values() if label not in HARMLESS]
        if lost:
            self.violations.append(f'reset with live TensorRT objects: {", ".join(lost)}')
        for block in self.memory.live:
            self.memory.drop(block)
        for held in (self._streams, self._graphs, self._executables):
            held.clear()
        self._sticky = self._last = cudaError_t.cudaSuccess
        self.log.append('RESET')

    def cudaGetLastError(self) -> tuple[Any, ...]:
        """Answer with the last error, and forget it unless it stays."""
        last, self._last = self.error or self._last, cudaError_t.cudaSuccess
        return (last,)

    def cudaGetErrorString(self, error: Any) -> tuple[Any, ...]:
        """Answer what an error means, in bytes as the real one."""
        known = cudaError_t(error)
        return cudaError_t.cudaSuccess, WORDS.get(known, known.name).encode()

"""CUDA's enumerations as far as they are used, and what a device is.

Knows the real names and numbers; does nothing.
"""
# ruff: noqa: N801

from enum import IntEnum
from typing import NamedTuple


class cudaError_t(IntEnum):
    """The codes that calls answer with."""

    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorInitializationError = 3
    cudaErrorInvalidMemcpyDirection = 21
    cudaErrorInsufficientDriver = 35
    cudaErrorDevicesUnavailable = 46
    cudaErrorNoDevice = 100
    cudaErrorInvalidDevice = 101
    cudaErrorECCUncorrectable = 214
    cudaErrorInvalidResourceHandle = 400
    cudaErrorIllegalState = 401
    cudaErrorNotReady = 600
    cudaErrorIllegalAddress = 700
    cudaErrorLaunchTimeout = 702
    cudaErrorContextIsDestroyed = 709
    cudaErrorMisalignedAddress = 716
    cudaErrorLaunchFailure = 719
    cudaErrorNotSupported = 801
    cudaErrorStreamCaptureUnsupported = 900
    cudaErrorStreamCaptureInvalidated = 901
    cudaErrorStreamCaptureWrongThread = 908
    cudaErrorUnknown = 999


STICKY = frozenset(
    {
        cudaError_t.cudaErrorNoDevice,
        cudaError_t.cudaErrorECCUncorrectable,
        cudaError_t.cudaErrorIllegalAddress,
        cudaError_t.cudaErrorLaunchTimeout,
        cudaError_t.cudaErrorContextIsDestroyed,
        cudaError_t.cudaErrorMisalignedAddress,
        cudaError_t.cudaErrorLaunchFailure,
        cudaError_t.cudaErrorUnknown,
    }
)
"""Errors after which every call answers the same, until the device is reset."""

WORDS = {
    cudaError_t.cudaSuccess: 'no error',
    cudaError_t.cudaErrorInvalidValue: 'invalid argument',
    cudaError_t.cudaErrorMemoryAllocation: 'out of memory',
    cudaError_t.cudaErrorInsufficientDriver: 'CUDA driver version is insufficient for CUDA '
    'runtime version',
    cudaError_t.cudaErrorNoDevice: 'no CUDA-capable device is detected',
    cudaError_t.cudaErrorIllegalAddress: 'an illegal memory access was encountered',
    cudaError_t.cudaErrorLaunchFailure: 'unspecified launch failure',
    cudaError_t.cudaErrorStreamCaptureUnsupported: 'operation not permitted when stream is '
    'capturing',
    cudaError_t.cudaErrorStreamCaptureInvalidated: 'operation failed due to a previous error '
    'during capture',
    cudaError_t.cudaErrorUnknown: 'unknown error',
}


class cudaMemcpyKind(IntEnum):
    """From where to where a copy goes."""

    cudaMemcpyHostToHost = 0
    cudaMemcpyHostToDevice = 1
    cudaMemcpyDeviceToHost = 2
    cudaMemcpyDeviceToDevice = 3


class cudaDeviceAttr(IntEnum):
    """What can be asked of a device."""

    cudaDevAttrIntegrated = 18
    cudaDevAttrCanMapHostMemory = 19


class cudaStreamCaptureMode(IntEnum):
    """Whose unsafe calls a capture forbids: everybody's, its own thread's, nobody's."""

    cudaStreamCaptureModeGlobal = 0
    cudaStreamCaptureModeThreadLocal = 1
    cudaStreamCaptureModeRelaxed = 2


class Device(NamedTuple):
    """What a device is; versions as CUDA writes 12.6: 12060. Without a driver: 0."""

    is_integrated: bool = False
    can_map: bool = True
    name: str = 'Fake Orin'
    capability: tuple[int, int] = (8, 7)
    multiprocessors: int = 16
    driver: int = 12060
    runtime: int = 12060
    memory: int = 8 << 30  # bytes
    devices: int = 1


class Properties(NamedTuple):
    """What cudaGetDeviceProperties answers, under CUDA's names."""

    name: bytes
    major: int
    minor: int
    multiProcessorCount: int
    totalGlobalMem: int

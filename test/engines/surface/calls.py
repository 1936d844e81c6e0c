"""Runs the package's own use of CUDA over a real `cuda.bindings.runtime` that finds no GPU.

Each call reaches the real function, with the arguments that the package passes; then the answer of
a GPU is put in for the error, so that the package goes on to the next. Knows no version of CUDA.
"""

import ctypes
from importlib import import_module
import json

from unet_perception.engines.cuda import CopiedBuffer, Cuda, CudaError, MappedBuffer, Stream

runtime = import_module('cuda.bindings.runtime')
MEMORY = ctypes.create_string_buffer(64)
ADDRESS = ctypes.addressof(MEMORY)
ANSWERS = {
    'cudaDeviceGetAttribute': [1],
    'cudaDriverGetVersion': [12060],
    'cudaGetDeviceCount': [1],
    'cudaGetDeviceProperties': [runtime.cudaDeviceProp()],
    'cudaGetErrorString': [b''],
    'cudaGraphInstantiate': [runtime.cudaGraphExec_t(0)],
    'cudaHostAlloc': [ADDRESS],
    'cudaHostGetDevicePointer': [ADDRESS],
    'cudaMalloc': [ADDRESS],
    'cudaMemGetInfo': [1, 2],
    'cudaRuntimeGetVersion': [12060],
    'cudaStreamCreateWithFlags': [runtime.cudaStream_t(0)],
    'cudaStreamEndCapture': [runtime.cudaGraph_t(0)],
}
"""What follows the 0 of a GPU's answer; nothing for the others."""


class Recorder:
    """The real runtime as if it had a GPU; `calls` says what it was given and what it said."""

    def __init__(self):
        self.calls = {}

    def __getattr__(self, name):
        real = getattr(runtime, name)
        return real if isinstance(real, type) else lambda *given: self.answer(real, given)

    def answer(self, real, given):
        error, *values = real(*given)
        name = real.__name__
        self.calls[name] = {
            'given': [type(argument).__name__ for argument in given],
            'error': int(error),
            'values': len(values),
            'expected': len(ANSWERS.get(name, [])),
            'refusals': [refusal(real, given, place) for place in range(len(given))],
        }
        return (0, *ANSWERS.get(name, []))


def refusal(real, given, place):
    """Return the exception's name when one argument is of a kind that nothing takes."""
    try:
        return str(real(*given[:place], object(), *given[place + 1 :]))
    except Exception as error:
        return type(error).__name__


def use(cuda):
    """Do what the engine does, once each."""
    cuda.gpu()
    cuda.runtime.cudaGetErrorString(runtime.cudaError_t.cudaErrorNoDevice)
    stream = Stream(cuda)
    for kind in (CopiedBuffer, MappedBuffer):
        buffer = kind(cuda, (4, 16), 'uint8')
        buffer.upload(stream.handle)
        buffer.download(stream.handle)
        buffer.free()
    graph = stream.captured(lambda: None)
    graph.launch(stream)
    stream.wait()
    graph.free()
    stream.free()
    cuda.notice_loss()
    cuda.reset()


def complaint():
    """Return what the package says of the real runtime's first error."""
    try:
        return str(Cuda(runtime).gpu())
    except CudaError as error:
        return str(error)


def main():
    """Print what was called and what is said without a GPU, as JSON."""
    told = complaint()
    assert int(runtime.cudaGetDeviceCount()[0]) != 0, 'a GPU would be used'
    recorder = Recorder()
    use(Cuda(recorder))
    print(json.dumps([told, recorder.calls]))

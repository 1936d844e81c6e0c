"""Whether TensorRT takes a file: parsed and built by the real builder, where one is installed.

Knows which builder needs no GPU; runs nothing, keeps nothing.
"""

from functools import cache
from typing import NamedTuple

from ..engines.gpu import has_gpu
from ..engines.trt_build import Source, built_plan
from ..engines.trt_library import Library, load_tensorrt
from ..errors import EngineError


class Plan(NamedTuple):
    """What a builder made of a file, and which builder."""

    builder: str
    size: int


def tensorrt_version() -> str | None:
    """Return name and version of the builder that can be used here; None without any."""
    library = _library()
    return library.version if library else None


def trial_plan(content: bytes, file: str, io: str) -> Plan | None:
    """Parse and build the bytes of ONNX file `file`, each tensor of the type that it has there.

    None without a builder. EngineError, with the reason, if the file can't be parsed or built, or
    has not type `io` on both ends.
    """
    library = _library()
    if library is None:
        return None
    try:
        return Plan(library.version, len(built_plan(library, Source(content, file, io))))
    except EngineError as exc:
        raise EngineError(f'{exc}; leave that precision out') from exc


@cache
def _library() -> Library | None:
    """Return TensorRT for RTX, which builds without a GPU, or TensorRT where there is one."""
    try:
        return Library(load_tensorrt(('tensorrt_rtx', *(('tensorrt',) if has_gpu() else ()))))
    except EngineError:
        return None

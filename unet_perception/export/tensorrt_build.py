"""Whether TensorRT takes a file: parsed and built by the real builder, where one is installed.

Knows the builders of TensorRT for RTX, which needs no GPU to build, and of TensorRT, which does;
runs nothing.
"""

from functools import cache
from typing import Any, NamedTuple

from ..errors import EngineError


class Plan(NamedTuple):
    """What a builder made of a file, and which builder."""

    builder: str
    size: int


def tensorrt_version() -> str | None:
    """Return name and version of the builder that is installed; None without any."""
    trt = _library()
    return f'{trt.__name__} {trt.__version__}' if trt else None


def built_plan(content: bytes, file: str, io: str) -> Plan | None:
    """Parse and build the bytes of ONNX file `file`, each tensor of the type that it has there.

    None without a builder, or the GPU that TensorRT needs. EngineError, with the reason, if the
    file can't be parsed or built, or has not type `io` on both ends.
    """
    trt = _library()
    if trt is None:
        return None
    log = _log()
    log.errors.clear()
    try:
        builder = trt.Builder(log)
    except TypeError:  # it is a null pointer, for want of a GPU
        return None
    strongly_typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(strongly_typed)
    parser = trt.OnnxParser(network, log)
    if not parser.parse(content):
        errors = (parser.get_error(k) for k in range(parser.num_errors))
        told = [f'{e.node_operator()} {e.node_name()} {e.desc()}' for e in errors]
        raise _refusal('parse', file, told)
    _check_ends(network, file, io)
    plan = builder.build_serialized_network(network, builder.create_builder_config())
    if plan is None:
        raise _refusal('build', file, log.errors)
    return Plan(f'{trt.__name__} {trt.__version__}', plan.nbytes)


def _check_ends(network: Any, file: str, io: str) -> None:
    """EngineError unless all that goes in and comes out is of type `io`."""
    ends = [network.get_input(k) for k in range(network.num_inputs)]
    ends += [network.get_output(k) for k in range(network.num_outputs)]
    types = {end.name: _library().nptype(end.dtype).__name__ for end in ends}
    if set(types.values()) != {io}:
        told = ', '.join(f'{name!r} {kind}' for name, kind in types.items()) or 'none'
        raise EngineError(f'{file!r} must have {io} inputs and outputs; it has {told}')


def _refusal(what: str, file: str, reasons: list[str]) -> EngineError:
    told = '; '.join(' '.join(reason.split()) for reason in reasons) or 'it does not say why'
    return EngineError(
        f"{tensorrt_version()} can't {what} {file!r}: {told}; leave that precision out"
    )


def _library() -> Any:
    """Return the module of a builder; None if there is none that loads."""
    try:
        import tensorrt_rtx as trt
    except (ImportError, OSError):
        try:
            import tensorrt as trt
        except (ImportError, OSError):
            return None
    return trt


@cache
def _log() -> Any:
    """Return the logger, which keeps errors; TensorRT takes one for the life of a process."""
    base: Any = _library().ILogger

    class Log(base):  # type: ignore[misc]  # the library has no types
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []

        def log(self, severity: Any, text: str) -> None:
            if int(severity) <= int(base.ERROR):
                self.errors.append(text)

    return Log()

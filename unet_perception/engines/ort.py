"""ONNX Runtime on the CPU.

Knows the onnxruntime library; runs the file as it is, over buffers that never move.
"""

import os
from time import perf_counter_ns
from typing import Any

# ONNX Runtime reports its use over the network unless it is told not to before its import.
os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')

import onnxruntime

from ..core.engine import EngineOptions, EngineOutput, EngineSpec, EngineTimes
from ..core.frame import U8
from ..core.manifest import Artifact
from ..errors import EngineError
from .base import EngineBase, Tensor, check_tensors, spec_of


def open_engine(
    content: bytes,
    artifact: Artifact,
    classes: int,
    options: EngineOptions,
    *,
    optimize: bool = True,
) -> 'OrtEngine':
    """Load an ONNX file's bytes into a CPU session; unless `optimize`, no operators are fused."""
    spec = spec_of('onnxruntime', 'CPU', artifact, classes)
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session_options.log_severity_level = 3
    if not optimize:
        session_options.graph_optimization_level = (
            onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        )
    try:
        session = onnxruntime.InferenceSession(
            content, session_options, providers=['CPUExecutionProvider']
        )
        check_tensors(spec, _tensors(session.get_inputs()), _tensors(session.get_outputs()))
        return OrtEngine(spec, session)
    except EngineError:
        raise
    except Exception as exc:  # its exceptions share no base but Exception
        raise EngineError(f"ONNX Runtime can't open {artifact.file.file!r}: {exc}") from exc


class OrtEngine(EngineBase):
    """A session bound to one input and one output buffer."""

    def __init__(self, spec: EngineSpec, session: Any) -> None:
        super().__init__(spec)
        self._session: Any = session
        self._binding: Any = session.io_binding()
        for bind, ports, array in (
            (self._binding.bind_input, session.get_inputs(), self._image),
            (self._binding.bind_output, session.get_outputs(), self._answer),
        ):
            bind(ports[0].name, 'cpu', 0, array.dtype, array.shape, array.ctypes.data)

    def infer(self, image: U8) -> EngineOutput:
        """Run the network on RGB bytes (1, H, W, 3); EngineError if it fails or is closed."""
        if self._session is None:
            raise EngineError('the ONNX Runtime engine is closed')
        self._image[:] = image
        start = perf_counter_ns()
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as exc:  # its exceptions share no base but Exception
            raise EngineError(f'ONNX Runtime failed to run: {exc}') from exc
        return EngineOutput(self._answered(), EngineTimes(perf_counter_ns() - start))

    def close(self) -> None:
        """Free binding and session."""
        self._binding = self._session = None


def _tensors(ports: list[Any]) -> list[Tensor]:
    kinds = (port.type[len('tensor(') : -1] for port in ports)
    names = ('float32' if kind == 'float' else kind for kind in kinds)
    return [Tensor(name, tuple(port.shape)) for name, port in zip(names, ports, strict=True)]

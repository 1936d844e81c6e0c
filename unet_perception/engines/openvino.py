"""OpenVINO on the CPU: the default where there is no GPU.

Knows the openvino library; precision is the file's, so the runtime may not lower it by itself.
"""

import sys
from time import perf_counter_ns
from typing import Any

# OpenVINO reports its use over the network when it is imported; without the module that would do
# so it falls back to a stub of its own.
sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]

import openvino as ov

from ..core.engine import EngineOptions, EngineOutput, EngineSpec, EngineTimes
from ..core.frame import U8
from ..core.manifest import Artifact
from ..core.paths import private_cache_folder
from ..errors import EngineError
from .base import EngineBase, Tensor, check_tensors, spec_of


def open_engine(
    content: bytes, artifact: Artifact, classes: int, options: EngineOptions
) -> 'OpenVinoEngine':
    """Compile an ONNX file's bytes, or take the compiled model from the cache."""
    spec = spec_of('openvino', 'CPU', artifact, classes)
    try:
        core = ov.Core()
        network = core.read_model(content)
        compiled = _compiled(core, network, options.threads)
        check_tensors(spec, _tensors(compiled.inputs), _tensors(compiled.outputs))
        return OpenVinoEngine(spec, compiled)
    except EngineError:
        raise
    except Exception as exc:  # hostile files end in more than RuntimeError
        raise EngineError(
            f"OpenVINO can't open {artifact.file.file!r}: {_first_line(exc)}"
        ) from exc


class OpenVinoEngine(EngineBase):
    """A compiled model with one infer request over buffers that never move."""

    def __init__(self, spec: EngineSpec, compiled: ov.CompiledModel) -> None:
        super().__init__(spec)
        self._request: Any = compiled.create_infer_request()
        self._request.set_input_tensor(ov.Tensor(self._image, shared_memory=True))
        self._request.set_output_tensor(ov.Tensor(self._answer, shared_memory=True))

    def infer(self, image: U8) -> EngineOutput:
        """Run the network on RGB bytes (1, H, W, 3); EngineError if it fails or is closed."""
        if self._request is None:
            raise EngineError('the OpenVINO engine is closed')
        self._image[:] = image
        start = perf_counter_ns()
        try:
            self._request.infer(share_outputs=True)  # else it returns a copy of them
        except RuntimeError as exc:
            raise EngineError(f'OpenVINO failed to run: {_first_line(exc)}') from exc
        return EngineOutput(self._answered(), EngineTimes(perf_counter_ns() - start))

    def close(self) -> None:
        """Free the infer request and with it the compiled model."""
        self._request = None


def _compiled(core: ov.Core, network: ov.Model, threads: int) -> ov.CompiledModel:
    """Compile for latency at the file's own precision; a broken cache is done without."""
    options: dict[str, Any] = {
        'PERFORMANCE_HINT': 'LATENCY',
        'INFERENCE_PRECISION_HINT': 'f32',
        **({'INFERENCE_NUM_THREADS': threads} if threads else {}),
    }
    cache = private_cache_folder('openvino')
    if cache is not None:
        try:
            return core.compile_model(network, 'CPU', {**options, 'CACHE_DIR': str(cache)})
        except RuntimeError:
            pass  # an unreadable cache entry must not keep a good model from running
    return core.compile_model(network, 'CPU', options)


def _tensors(ports: list[Any]) -> list[Tensor]:
    return [
        Tensor(p.element_type.to_dtype().name, tuple(int(n) for n in p.partial_shape.to_shape()))
        for p in ports
    ]


def _first_line(exc: Exception) -> str:
    """Return the line of OpenVINO's message that says what happened."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    informative = [line for line in lines if not line.startswith(('Exception from', 'Check '))]
    return (informative or lines or ['no message'])[0]

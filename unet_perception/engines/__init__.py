"""Inference backends: a table, a choice, and one module for each backend's library.

Knows which backends exist and whether they can be used here; each module knows its own library.
"""

import importlib
import importlib.util
from typing import NamedTuple

from ..core.engine import Engine
from ..core.manifest import Artifact, Model, OperatingPoint
from ..errors import EngineError


class Entry(NamedTuple):
    """One backend: our module, the library it needs, and how to get that."""

    module: str
    requires: str
    cure: str


ENGINES = {  # best first; `auto` takes the first whose library is installed
    'openvino': Entry('openvino', 'openvino', 'pip install openvino'),
    'onnxruntime': Entry('ort', 'onnxruntime', 'pip install onnxruntime'),
}


class Choice(NamedTuple):
    """A backend and why it was taken."""

    backend: str
    reason: str


def available_engines() -> list[str]:
    """List the backends whose library is installed, best first."""
    return [name for name, entry in ENGINES.items() if importlib.util.find_spec(entry.requires)]


def choose_backend(wish: str) -> Choice:
    """Settle `wish` (a backend's name or auto) on an installed backend, or raise EngineError."""
    available = available_engines()
    if wish == 'auto':
        if not available:
            cures = ' or '.join(entry.cure for entry in ENGINES.values())
            raise EngineError(f'no inference backend is installed; try {cures}')
        others = [name for name in ENGINES if name not in available]
        missing = f', not installed: {", ".join(others)}' if others else ''
        return Choice(available[0], f'auto: best of {", ".join(available)}{missing}')
    if wish not in ENGINES:
        raise EngineError(f'backend {wish!r} is unknown; there are auto, {", ".join(ENGINES)}')
    if wish not in available:
        raise EngineError(f'backend {wish!r} is not installed; {ENGINES[wish].cure}')
    return Choice(wish, 'asked for by name')


def open_engine(backend: str, model: Model, artifact: Artifact, threads: int = 0) -> Engine:
    """Open `artifact` of `model`, its hash checked, on an installed backend.

    `threads` is the number of CPU threads, 0 for one per core. ModelError if the file is not the
    manifest's; EngineError if the backend refuses it or its inputs and outputs are not ours.
    """
    content = model.read(artifact.file)
    entry = ENGINES[backend]
    try:
        module = importlib.import_module(f'.{entry.module}', __name__)
    except ImportError as exc:  # installed, but not whole or not for this machine
        raise EngineError(f'backend {backend!r} does not load: {exc}; {entry.cure}') from exc
    classes = len(model.manifest.classes)
    return module.open_engine(content, artifact, classes, threads)  # type: ignore[no-any-return]


def default_artifact(model: Model) -> tuple[Artifact, OperatingPoint]:
    """Return what is served unless something else is asked for: fp32, the first size."""
    point = model.manifest.operating_points[0]
    return model.manifest.artifact('fp32', point), point

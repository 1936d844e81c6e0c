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


ENGINES = {  # best first; `auto` takes the first whose library is installed and loads
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


def problem_of(backend: str) -> str:
    """Return why an installed backend's library does not load here; empty if it does."""
    try:
        importlib.import_module(f'.{ENGINES[backend].module}', __name__)
    except Exception as exc:  # not whole, or not for this machine: it fails in ways of its own
        return str(exc) or type(exc).__name__
    return ''


def choose_backend(wish: str) -> Choice:
    """Settle `wish` (a backend's name or auto) on an installed backend, or raise EngineError.

    auto passes over a backend whose library does not load, and its reason says so.
    """
    available = available_engines()
    if wish == 'auto':
        return _best_of(available)
    if wish not in ENGINES:
        raise EngineError(f'backend {wish!r} is unknown; there are auto, {", ".join(ENGINES)}')
    if wish not in available:
        raise EngineError(f'backend {wish!r} is not installed; {ENGINES[wish].cure}')
    return Choice(wish, 'asked for by name')


def _best_of(available: list[str]) -> Choice:
    """Return the first of these backends that loads, and why it is not a better one."""
    cures = ' or '.join(entry.cure for entry in ENGINES.values())
    if not available:
        raise EngineError(f'no inference backend is installed; try {cures}')
    passed_over: list[str] = []
    for name in available:
        problem = problem_of(name)
        if not problem:
            others = [each for each in ENGINES if each not in available]
            missing = f', not installed: {", ".join(others)}' if others else ''
            best = f'auto: best of {", ".join(available)}{missing}'
            return Choice(name, '; '.join([best, *passed_over]))
        passed_over.append(f'{name} does not load: {problem}')
    raise EngineError(f'no inference backend loads: {"; ".join(passed_over)}; try {cures}')


def open_engine(backend: str, model: Model, artifact: Artifact, threads: int = 0) -> Engine:
    """Open `artifact` of `model`, its hash checked, on an installed backend.

    `threads` is the number of CPU threads, 0 for one per core. ModelError if the file is not the
    manifest's; EngineError if the backend refuses it or its inputs and outputs are not ours.
    """
    content = model.read(artifact.file)
    entry = ENGINES[backend]
    if problem := problem_of(backend):
        raise EngineError(f'backend {backend!r} does not load: {problem}; {entry.cure}')
    module = importlib.import_module(f'.{entry.module}', __name__)
    classes = len(model.manifest.classes)
    return module.open_engine(content, artifact, classes, threads)  # type: ignore[no-any-return]


def default_artifact(model: Model) -> tuple[Artifact, OperatingPoint]:
    """Return what is served unless something else is asked for: fp32, the best size."""
    point = model.manifest.best_first[0]
    return model.manifest.artifact('fp32', point), point

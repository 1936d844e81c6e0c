"""Inference backends: a table, a choice, and one module for each backend's library.

Knows which backends exist and whether they can be used here; each module knows its own library.
"""

from collections.abc import Callable
from functools import partial
import importlib
import importlib.util
from typing import NamedTuple

from ..core.engine import DEFAULT_OPTIONS, Engine, EngineOptions
from ..core.manifest import Artifact, Model, OperatingPoint
from ..errors import EngineError
from .gpu import what_tensorrt_lacks


class Entry(NamedTuple):
    """One backend: our module, what it lacks on this machine, and the precision it is best at."""

    module: str
    lacks: Callable[[], str]
    """Says what is missing, with its cure; empty if nothing is."""
    cure: str
    """What helps if nothing is missing and it can't be used all the same."""
    precision: str


def _not_installed(library: str) -> str:
    is_here = importlib.util.find_spec(library) is not None
    return '' if is_here else f'{library} is not installed (pip install {library})'


ENGINES = {  # best first; `auto` takes the first that lacks nothing and loads
    'tensorrt': Entry('tensorrt', what_tensorrt_lacks, 'see docs/jetson.md', 'fp16'),
    'openvino': Entry(
        'openvino', partial(_not_installed, 'openvino'), 'pip install openvino', 'fp32'
    ),
    'onnxruntime': Entry(
        'ort', partial(_not_installed, 'onnxruntime'), 'pip install onnxruntime', 'fp32'
    ),
}


class Choice(NamedTuple):
    """A backend and why it was taken."""

    backend: str
    reason: str


def available_engines() -> list[str]:
    """List the backends that lack nothing on this machine, best first."""
    return [name for name, entry in ENGINES.items() if not entry.lacks()]


def problem_of(backend: str) -> str:
    """Return why an available backend can't be used all the same; empty if it can."""
    try:
        module = importlib.import_module(f'.{ENGINES[backend].module}', __name__)
        return str(module.problem()) if hasattr(module, 'problem') else ''
    except Exception as exc:  # not whole, or not for this machine: it fails in ways of its own
        return str(exc) or type(exc).__name__


def choose_backend(wish: str) -> Choice:
    """Settle `wish` (a backend's name or auto) on a backend that is available, or EngineError.

    auto passes over a backend that lacks something or does not load, and its reason says so.
    """
    if wish == 'auto':
        return _best()
    if wish not in ENGINES:
        raise EngineError(f'backend {wish!r} is unknown; there are auto, {", ".join(ENGINES)}')
    if lacks := ENGINES[wish].lacks():
        raise EngineError(f'backend {wish!r} is not available: {lacks}')
    return Choice(wish, 'asked for by name')


def _best() -> Choice:
    """Return the first backend that loads, and why it is not a better one."""
    passed_over: list[str] = []
    for name, entry in ENGINES.items():
        problem = entry.lacks() or _told_problem_of(name)
        if not problem:
            return Choice(name, '; '.join(['auto: the best that is available', *passed_over]))
        passed_over.append(f'{name}: {problem}')
    raise EngineError(f'no inference backend is available: {"; ".join(passed_over)}')


def _told_problem_of(name: str) -> str:
    problem = problem_of(name)
    return problem and f'it does not load: {problem}; {ENGINES[name].cure}'


def choose_precision(wish: str, backend: str, model: Model) -> str:
    """Settle `wish` (a precision or auto) on one; auto: the backend's best that the model has."""
    if wish != 'auto':
        return wish
    best = ENGINES[backend].precision
    return best if any(a.precision == best for a in model.manifest.artifacts) else 'fp32'


def open_engine(
    backend: str, model: Model, artifact: Artifact, options: EngineOptions = DEFAULT_OPTIONS
) -> Engine:
    """Open `artifact` of `model`, its hash checked, on an available backend.

    ModelError if the file is not the manifest's; EngineError if the backend refuses it or its
    inputs and outputs are not ours.
    """
    content = model.read(artifact.file)
    entry = ENGINES[backend]
    if problem := entry.lacks() or _told_problem_of(backend):
        raise EngineError(f'backend {backend!r} is not available: {problem}')
    module = importlib.import_module(f'.{entry.module}', __name__)
    classes = len(model.manifest.classes)
    return module.open_engine(content, artifact, classes, options)  # type: ignore[no-any-return]


def default_artifact(model: Model, precision: str = 'fp32') -> tuple[Artifact, OperatingPoint]:
    """Return the file of a precision at the best size, and that size."""
    point = model.manifest.best_first[0]
    return model.manifest.artifact(precision, point), point

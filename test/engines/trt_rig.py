"""A machine of stand-ins for the engine's tests, over our modules or a patched copy of them.

Knows how to make one, see its calls and judge an answer; no claim.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
import signal
import sys
from tempfile import mkdtemp
import threading
from types import ModuleType
from typing import Any, NamedTuple

from helpers import noise
import numpy as np
import pytest
from small_model import artifact_of, small_model

from bench.fake_gpu import FakeCuda, FakeTensorRT
from unet_perception.core.engine import EngineOptions
from unet_perception.core.frame import U8
from unet_perception.engines import ort
from unet_perception.errors import EngineError, EngineLostError

PACKAGE = 'unet_perception.engines'
FOLDER = Path(ort.__file__).parent
MODULES = ('cuda', 'device', 'trt_library', 'trt_build', 'plan_cache', 'trt', 'tensorrt')
"""Each after those that it imports from."""

Error = FakeCuda.cudaError_t
REFUSED, NO_MEMORY = Error.cudaErrorInvalidValue, Error.cudaErrorMemoryAllocation
LOST = Error.cudaErrorLaunchFailure
"""An error that stays."""
CLASSES, HEIGHT, WIDTH = 3, 16, 32
TIMEOUT_S = 20.0
CPU_S = 4.0


def code_with(sources: Mapping[str, str]) -> dict[str, ModuleType]:
    """Execute our modules anew, some of them from other sources; nobody else sees them."""
    modules = {name: ModuleType(f'{PACKAGE}.{name}') for name in MODULES}
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            module.__package__ = PACKAGE
            patch.setitem(sys.modules, module.__name__, module)
            source = sources[name] if name in sources else source_of(name)
            exec(_compiled(name, source), vars(module))
    return modules


def source_of(name: str) -> str:
    """Return the source of one of our modules."""
    return (FOLDER / f'{name}.py').read_text()


@cache
def _compiled(name: str, source: str) -> Any:
    return compile(source, f'{name}.py (perhaps patched)', 'exec')


class Setting(NamedTuple):
    """The code to be tested, the kind of GPU and of model, and a folder for plans."""

    code: Mapping[str, ModuleType]
    folder: Path
    is_integrated: bool = False
    io: str = 'uint8'

    @property
    def memory(self) -> str:
        return 'mapped' if self.is_integrated else 'copied'

    def rig(self, **options: Any) -> 'Rig':
        return Rig(self, **options)

    def fresh(self) -> 'Setting':
        """Return the same with no plans."""
        return self._replace(folder=Path(mkdtemp(dir=self.folder)))


class Rig:
    """A machine with a GPU, and a model for it; `options` are the fields of the GPU."""

    def __init__(
        self,
        setting: Setting,
        content: bytes = b'',
        version: str = '10.3.0',
        **options: Any,
    ) -> None:
        code = setting.code
        self.content = content or small_model(setting.io)
        self.artifact = artifact_of(self.content, io=setting.io)
        self.cuda = FakeCuda(**{'is_integrated': setting.is_integrated, **options})
        self.trt = FakeTensorRT(self.cuda, version=version)
        self.cache = code['plan_cache'].PlanCache(setting.folder)
        self.machine = code['tensorrt'].Machine(
            code['trt_library'].Library(self.trt), code['device'].Device(self.cuda), self.cache
        )

    def open(self, classes: int = CLASSES, **options: Any) -> Any:
        settled = EngineOptions(**{'may_build': True, **options})
        return self.machine.open_engine(self.content, self.artifact, classes, settled)

    def is_right(self, engine: Any, seed: int) -> bool:
        """Tell whether an engine answers to an image as ONNX Runtime does, byte by byte."""
        found = engine.infer(image(seed)).probabilities
        return bool(np.array_equal(found, expected(self.content, self.artifact.io, seed)))

    def assert_settled(self) -> None:
        """Assert that all was given back and nothing was done that hardware would not forgive."""
        assert (self.cuda.live, self.cuda.violations) == ([], [])


def image(seed: int) -> U8:
    return noise(1, HEIGHT, WIDTH, 3, seed=seed)


@cache
def expected(content: bytes, io: str, seed: int) -> U8:
    """Return ONNX Runtime's answer, nothing fused."""
    artifact = artifact_of(content, io=io)
    with ort.open_engine(content, artifact, CLASSES, EngineOptions(1), optimize=False) as engine:
        return engine.infer(image(seed)).probabilities.copy()


def refusal(act: Callable[[], object], kind: type[Exception] = EngineError) -> str:
    """Return what an error says that must come, and must be of this kind and no loss besides."""
    error = _error_of(act)
    assert isinstance(error, kind), repr(error)
    assert isinstance(error, EngineLostError) == (kind is EngineLostError), repr(error)
    return str(error)


def _error_of(act: Callable[[], object]) -> Exception:
    try:
        act()
    except Exception as exc:
        return exc
    raise AssertionError('nothing was refused')


def recorded(cuda: FakeCuda) -> list[str]:
    """Return a list that the name of each CUDA call is added to from now on."""
    calls: list[str] = []

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls.append(name)
            return function(*arguments)

        call.__name__, call.__wrapped__ = name, function  # type: ignore[attr-defined]
        return call

    for name in dir(cuda):
        if name.startswith('cuda') and hasattr(getattr(cuda, name), '__wrapped__'):
            setattr(cuda, name, noting(name, getattr(cuda, name)))
    return calls


def in_a_thread(act: Callable[[], Any]) -> Callable[[], Any]:
    """Begin in another thread; return what waits for the result, or raises what was raised."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append((act(), None))
        except BaseException as exc:
            results.append((None, exc))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(TIMEOUT_S)
        ((value, error),) = results
        if error is not None:
            raise error
        return value

    return result


def edited(content: bytes, edit: Callable[[Any], object]) -> bytes:
    """Return an ONNX file after an edit."""
    model = pytest.importorskip('onnx').load_from_string(content)
    edit(model)
    return bytes(model.SerializeToString())


Check = Callable[[Setting], None]


def put(check: Check, setting: Setting) -> None:
    """Put one check to the code, and fail if it does not come to an end."""

    def too_long(*_: object) -> None:
        raise Endless(f'{check.__name__} took {CPU_S} s')

    before = signal.signal(signal.SIGVTALRM, too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S, 0.1)  # again: clear_frames swallows some
    try:
        check(setting)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


class Endless(BaseException):
    """No Exception: nobody is to pass over it."""

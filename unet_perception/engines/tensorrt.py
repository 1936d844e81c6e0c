"""The backend `tensorrt`: this machine's GPU, TensorRT and plans, joined.

Knows the order in which a plan is looked for, built, loaded and run; the steps are next door.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
import hashlib
import importlib
import platform
from time import monotonic
from typing import NamedTuple

from ..core.engine import EngineOptions, EngineSpec
from ..core.manifest import Artifact
from ..core.paths import private_cache_folder
from ..errors import EngineError, ModelError, NotBuiltError
from .base import spec_of
from .cuda import OUT_OF_MEMORY
from .device import Device
from .gpu import driver_version
from .interrupts import InterruptsKept
from .plan_cache import PlanCache, PlanKey, StoredPlan
from .trt import TrtEngine
from .trt_api import ICudaEngine
from .trt_build import CODE, Source, built_plan
from .trt_library import Library, load_tensorrt


def open_engine(
    content: bytes, artifact: Artifact, classes: int, options: EngineOptions
) -> TrtEngine:
    """Open an ONNX file's bytes on this machine's GPU, by a plan from the cache or a new one."""
    return machine().open_engine(content, artifact, classes, options)


def problem() -> str:
    """Return why TensorRT can't be used on this machine; empty if it can."""
    try:
        machine()
    except EngineError as exc:
        return str(exc)
    return ''


@cache
def machine() -> 'Machine':
    """Return this machine; EngineError, with the cure, if it has none to use."""
    library = Library(load_tensorrt())
    try:
        runtime = importlib.import_module('cuda.bindings.runtime')
    except Exception as exc:  # a library of another CUDA fails in ways of its own
        raise EngineError(f'cuda-bindings does not load ({exc})') from exc
    device = Device(runtime)
    folder = private_cache_folder('tensorrt')
    if folder is None:
        raise EngineError(
            "plans are executable, and the cache folder is not this user's alone: "
            'chmod 700 ~/.cache/unet_perception/tensorrt, or set XDG_CACHE_HOME to one that is'
        )
    return Machine(library, device, PlanCache(folder))


class _Loaded(NamedTuple):
    """A plan that TensorRT has taken, and where it comes from."""

    plan: ICudaEngine
    origin: str


class Machine:
    """A GPU, TensorRT for it, and the plans that were built for both."""

    def __init__(self, library: Library, device: Device, cache: PlanCache) -> None:
        self._library, self._device, self.cache = library, device, cache

    def open_engine(
        self, content: bytes, artifact: Artifact, classes: int, options: EngineOptions
    ) -> TrtEngine:
        """Return an engine that has run; EngineError or ModelError with the reason if it can't."""
        spec = spec_of('tensorrt', self._device.gpu.name, artifact, classes)
        try:
            return self._opened(spec, content, artifact, options)
        except EngineError as exc:
            if loss := self._device.loss_behind(exc):
                raise loss from exc
            raise

    def _opened(
        self, spec: EngineSpec, content: bytes, artifact: Artifact, options: EngineOptions
    ) -> TrtEngine:
        loaded = self._loaded(content, artifact, options)
        facts = {**self.facts(), 'plan': loaded.origin}
        return TrtEngine(spec, self._library, self._device, loaded.plan, facts)

    def facts(self) -> Mapping[str, str]:
        """Describe GPU and versions for diagnostics."""
        gpu = self._device.gpu
        return {
            'library': self._library.version,
            'cuda': f'cuda-bindings for {gpu.runtime}, driver for {gpu.driver}',
            'gpu': f'{gpu.name}, compute capability {gpu.capability}, {gpu.multiprocessors} SM',
        }

    def key_of(self, content: bytes, artifact: Artifact, options: EngineOptions) -> PlanKey:
        """Return what tells the plan of this file, here and now, from all others."""
        gpu = self._device.gpu
        return PlanKey(
            file=artifact.file.file,
            onnx_sha256=hashlib.sha256(content).hexdigest(),
            tensorrt=self._library.version,
            gpu=gpu.name,
            capability=gpu.capability,
            multiprocessors=gpu.multiprocessors,
            cuda=gpu.runtime,
            driver=f'{gpu.driver} {driver_version()}'.strip(),
            machine=platform.machine(),
            workspace_mb=options.workspace_mb,
            code=CODE,
        )

    def _loaded(self, content: bytes, artifact: Artifact, options: EngineOptions) -> _Loaded:
        """Load the plan that there is or a new one; one that fails to load is replaced."""
        self._device.use()
        key = self.key_of(content, artifact, options)
        with self.cache.locked(key, options.on_progress):
            found = self.cache.get(key)
            plan = self._taken(found, content, artifact, options.may_build) if found else None
            if plan is not None:
                return _Loaded(plan, f'found: {key.name}')
            if not options.may_build:
                workspace = f' --workspace {key.workspace_mb}' if key.workspace_mb else ''
                raise NotBuiltError(
                    f'there is no TensorRT plan of {artifact.file.file!r} for this GPU yet: run '
                    f'unet_perception build-engine{workspace}, or set the parameter '
                    f'allow_engine_build'
                )
            self.cache.remove(key)
            return self._built(key, content, artifact, options)

    def _taken(
        self,
        found: tuple[bytes, StoredPlan],
        content: bytes,
        artifact: Artifact,
        may_build: bool,
    ) -> ICudaEngine | None:
        """Load a plan that was found; None if it is to be built anew, EngineError if not."""
        if found[1].precision != artifact.precision:
            _proved_precision(content, artifact)  # ModelError, unless the sidecar is damaged
            return None
        plan = self._load(found[0])
        if plan is None:
            refusal = self._library.refusal(f'load the plan of {artifact.file.file!r}')
            is_at_fault = OUT_OF_MEMORY not in str(refusal) and not self._device.cuda.notice_loss()
            if not (is_at_fault and may_build):
                raise refusal
        return plan

    def _built(
        self, key: PlanKey, content: bytes, artifact: Artifact, options: EngineOptions
    ) -> _Loaded:
        """Build, keep and load a plan."""
        precision = _proved_precision(content, artifact)
        began = monotonic()
        source = Source(content, artifact.file.file, artifact.io)
        built = built_plan(self._library, source, options.workspace_mb, options.on_progress)
        seconds = monotonic() - began
        origin = f'built in {seconds:.0f} s: {key.name}'
        try:
            self.cache.put(key, built, precision, seconds)
        except OSError as exc:  # minutes of work: it serves, though it will be done again
            origin = f'built in {seconds:.0f} s, but not kept: {exc.strerror}'
        plan = self._load(built)
        if plan is None:
            self.cache.remove(key)
            raise self._library.refusal(f'load the plan that it has built of {source.file!r}')
        with suppress(Exception):  # for people alone: nothing depends on it
            self.cache.put_layers(key, self._layers_of(plan))
        return _Loaded(plan, origin)

    def _load(self, plan: bytes) -> ICudaEngine | None:
        self._library.log.taken()
        runtime = self._library.made(self._library.trt.Runtime)
        with InterruptsKept():
            return runtime.deserialize_cuda_engine(plan)

    def _layers_of(self, plan: ICudaEngine) -> str:
        form = self._library.trt.LayerInformationFormat.JSON
        return plan.create_engine_inspector().get_engine_information(form)


def _proved_precision(content: bytes, artifact: Artifact) -> str:
    """Return what the file's tensors show; ModelError if it is not the manifest's precision."""
    try:
        from .precision import precision_of_bytes
    except ModuleNotFoundError as exc:
        raise EngineError('a plan is built with the onnx package: pip install onnx') from exc
    precision = precision_of_bytes(content, artifact.file.file)
    _check_precision(precision, artifact)
    return precision


def _check_precision(found: str, artifact: Artifact) -> None:
    if found != artifact.precision:
        raise ModelError(
            f'{artifact.file.file!r}: its tensors are {found}, the manifest says '
            f'{artifact.precision}; export the model again'
        )

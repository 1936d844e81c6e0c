"""From an ONNX file to a TensorRT plan for the GPU of this machine.

Knows parser and builder, and which options a plan is built with; not where plans are kept, nor how
they are run. The network is strongly typed: precision is the file's, there is no flag for it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..core.progress import OnProgress, no_progress
from ..errors import EngineError
from .interrupts import InterruptsKept
from .trt_api import INetworkDefinition, OnnxParser
from .trt_library import Library

CODE = 1
"""Counts what this file does to a plan: a change makes plans in caches be built anew."""
MIB = 1 << 20
STEPS = 1000
"""Parts that a build's progress is told in."""


class Source(NamedTuple):
    """An ONNX file's bytes, its name for messages, and the type at both of its ends."""

    content: bytes
    file: str
    io: str


def built_plan(
    library: Library,
    source: Source,
    workspace_mb: int = 0,
    on_progress: OnProgress = no_progress,
) -> bytes:
    """Parse and build; minutes on an embedded GPU.

    `workspace_mb` is the most memory that an operator may take, 0 for all there is.
    EngineError, with TensorRT's words, if the file can't be parsed or built, or has another type
    on its ends. Ctrl-C ends a build at its next step.
    """
    library.log.taken()
    with InterruptsKept() as kept:
        return _built(library, source, workspace_mb, on_progress, kept)


def _built(
    library: Library,
    source: Source,
    workspace_mb: int,
    on_progress: OnProgress,
    kept: InterruptsKept,
) -> bytes:
    trt = library.trt
    builder = library.made(trt.Builder)
    strongly_typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = library.must(builder.create_network(strongly_typed), 'begin a network')
    parser = library.made(trt.OnnxParser, network)
    if not parser.parse(source.content):
        raise library.refusal(f'parse {source.file!r}', _told_by(parser))
    _check_ends(library, network, source)
    config = library.must(builder.create_builder_config(), 'configure a build')
    config.clear_flag(trt.BuilderFlag.TF32)  # fp32 is fp32; who wants it faster has an fp16 file
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if workspace_mb:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace_mb * MIB)
    what = f'building {source.file}'
    monitor = _monitor(trt.IProgressMonitor, what, on_progress, kept)
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if kept.interruption is not None:
        return b''  # it is raised instead
    memory: Any = library.must(plan, f'build {source.file!r}')
    content = bytes(memory)
    on_progress(what, STEPS, STEPS)  # TensorRT does not tell of the last step
    return content


def _told_by(parser: OnnxParser) -> list[str]:
    errors = (parser.get_error(k) for k in range(parser.num_errors))
    return [f'{error.node_operator()} {error.node_name()} {error.desc()}' for error in errors]


def _check_ends(library: Library, network: INetworkDefinition, source: Source) -> None:
    """EngineError unless all that goes in and comes out is of the source's type."""
    ends = [network.get_input(k) for k in range(network.num_inputs)]
    ends += [network.get_output(k) for k in range(network.num_outputs)]
    types = {end.name: library.type_name(end.dtype) for end in ends}
    if set(types.values()) != {source.io}:
        told = ', '.join(f'{name!r} {kind}' for name, kind in types.items()) or 'none'
        raise EngineError(
            f'{source.file!r} must have {source.io} inputs and outputs; it has {told}'
        )


def _monitor(base: Any, what: str, on_progress: OnProgress, kept: InterruptsKept) -> Any:
    """Return what TensorRT tells its progress to; an exception met there ends the build."""

    class Monitor(base):  # type: ignore[misc]  # the library has no types
        def __init__(self) -> None:
            super().__init__()
            self._phases = Phases()

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            self._guarded(lambda: self._phases.start(name, parent, steps))

        def phase_finish(self, name: str) -> None:
            self._guarded(lambda: self._phases.finish(name))

        def step_complete(self, name: str, step: int) -> bool:
            self._guarded(lambda: self._show(name, step))
            return kept.interruption is None

        def _show(self, name: str, step: int) -> None:
            on_progress(what, round(STEPS * self._phases.step(name, step)), STEPS)

        def _guarded(self, act: Callable[[], object]) -> None:
            try:
                act()
            except BaseException as exc:  # it must not pass through TensorRT's own code
                kept.interruption = kept.interruption or exc

    return Monitor()


class Phases:
    """How far a build is, of phases in phases, as TensorRT tells of them: 0 to 1, never back."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}
        self._done: dict[str, float] = {}
        self._parents: dict[str, str | None] = {}
        self._furthest = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """Begin a phase of `steps` steps, inside a step of `parent`, if it has one."""
        self._steps[name], self._parents[name], self._done[name] = max(steps, 1), parent, 0.0

    def finish(self, name: str) -> None:
        """End a phase."""
        for known in (self._steps, self._parents, self._done):
            known.pop(name, None)

    def step(self, name: str, step: int) -> float:
        """Note that a step, counted from 0, is done; return the share of all that is."""
        self._done[name] = step + 1
        share, phase = 0.0, name
        while phase in self._steps:
            share = min((self._done[phase] + share) / self._steps[phase], 1.0)
            parent = self._parents[phase]
            if parent is None:
                self._furthest = max(self._furthest, share)
                break
            phase = parent
        return self._furthest

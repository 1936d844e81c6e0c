"""TensorRT's builder: from an ONNX file to a plan, phase by phase.

Knows the steps and what the real ones refuse; nothing of running.
"""

from typing import Any, NamedTuple

from .plan import HostMemory, plan_of
from .trt_library import Library, Tensor, session_of, tensors_of
from .trt_names import (
    BuilderFlag,
    IProgressMonitor,
    MemoryPoolType,
    NetworkDefinitionCreationFlag,
    ProfilingVerbosity,
    Severity,
    TensorIOMode,
)

STRONGLY_TYPED = 1 << int(NetworkDefinitionCreationFlag.STRONGLY_TYPED)
PHASE = 'Building Engine'
PARTS = {'Graph Optimization': 2, 'Tactic Timing': 4, 'Serialization': 1}
"""Phases within PHASE and the steps of each."""


class Network:
    """What a parser fills."""

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.content = b''
        self.tensors: tuple[Tensor, ...] = ()

    @property
    def num_inputs(self) -> int:
        """How many go in."""
        return len(self._of(TensorIOMode.INPUT))

    @property
    def num_outputs(self) -> int:
        """How many come out."""
        return len(self._of(TensorIOMode.OUTPUT))

    def get_input(self, index: int) -> Tensor:
        """Return one that goes in."""
        return self._of(TensorIOMode.INPUT)[index]

    def get_output(self, index: int) -> Tensor:
        """Return one that comes out."""
        return self._of(TensorIOMode.OUTPUT)[index]

    def _of(self, mode: TensorIOMode) -> list[Tensor]:
        return [tensor for tensor in self.tensors if tensor.mode is mode]


class ParserError(NamedTuple):
    """What a parser did not like."""

    text: str

    def desc(self) -> str:
        """Say it."""
        return self.text

    def node_name(self) -> str:
        """Return no name: ONNX Runtime tells it in its text."""
        return ''

    def node_operator(self) -> str:
        """Return no operator."""
        return ''


class Parser:
    """Takes what ONNX Runtime takes."""

    def __init__(self, library: Library, network: Network) -> None:
        self._library, self._network = library, network
        self._errors: list[ParserError] = []

    @property
    def num_errors(self) -> int:
        """How many there are."""
        return len(self._errors)

    def get_error(self, index: int) -> ParserError:
        """Return an error."""
        return self._errors[index]

    def parse(self, content: bytes) -> bool:
        """Fill the network; False, with errors, if it can't be."""
        fault = self._library.fault('parse')
        try:
            tensors = tensors_of(session_of(bytes(content)))
        except Exception as exc:  # its exceptions share no base but Exception
            fault = fault or self._library.error(f'Failed to parse the ONNX model: {exc}')
        if fault:
            self._errors.append(ParserError(fault))
            return False
        self._network.content, self._network.tensors = bytes(content), tensors
        return True


class BuilderConfig:
    """How to build; attributes that the real one has not can't be set."""

    __slots__ = (
        'builder_optimization_level',
        'flags',
        'memory_pool_limits',
        'profiling_verbosity',
        'progress_monitor',
    )

    def __init__(self) -> None:
        self.builder_optimization_level = 3
        self.profiling_verbosity = ProfilingVerbosity.LAYER_NAMES_ONLY
        self.progress_monitor: IProgressMonitor | None = None
        self.flags = {BuilderFlag.TF32}
        self.memory_pool_limits: dict[MemoryPoolType, int] = {}

    def set_memory_pool_limit(self, pool: MemoryPoolType, size: int) -> None:
        """Limit a pool to so many bytes."""
        self.memory_pool_limits[MemoryPoolType(pool)] = int(size)

    def clear_flag(self, flag: BuilderFlag) -> None:
        """Take a flag away."""
        self.flags.discard(BuilderFlag(flag))


class Builder:
    """Builds plans for its library's GPU."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def create_network(self, flags: int = 0) -> Network:
        """Return an empty network."""
        return Network(int(flags))

    def create_builder_config(self) -> BuilderConfig:
        """Return a configuration with TensorRT's defaults."""
        return BuilderConfig()

    def build_serialized_network(
        self, network: Network, config: BuilderConfig
    ) -> HostMemory | None:
        """Build; None, with an error in the log, if it fails."""
        refusal = self._refusal(network)
        if refusal:
            self._library.error(refusal)
        if refusal or self._library.fault('build'):
            return None
        if config.progress_monitor and not _reported(config.progress_monitor):
            self._library.log(Severity.WARNING, 'The build was stopped by the progress monitor')
            return None
        return plan_of(network.content, self._library.header)

    def _refusal(self, network: Network) -> str:
        """Say why a network can't be built, if so."""
        reasons = {
            'API Usage Error (Network must have at least one output)': not network.tensors,
            'API Usage Error (Network is not strongly typed)': not network.flags & STRONGLY_TYPED,
            'Network has dynamic inputs, but no optimization profile has been defined': any(
                -1 in tensor.shape for tensor in network.tensors
            ),
            f'Cuda Runtime ({self._library.cuda.error.name})': bool(self._library.cuda.error),
        }
        return next((reason for reason, holds in reasons.items() if holds), '')


def _reported(monitor: Any) -> bool:
    """Report all phases to a monitor; False if it stops the build."""
    monitor.phase_start(PHASE, None, len(PARTS))
    goes_on = all(
        _is_through(monitor, name, steps) and _stepped(monitor, PHASE, step)
        for step, (name, steps) in enumerate(PARTS.items())
    )
    monitor.phase_finish(PHASE)
    return goes_on


def _stepped(monitor: Any, name: str, step: int) -> bool:
    """Report a step; what is raised is lost and taken for no, as by the bindings."""
    try:
        return bool(monitor.step_complete(name, step))
    except (Exception, KeyboardInterrupt):
        return False


def _is_through(monitor: Any, name: str, steps: int) -> bool:
    monitor.phase_start(name, PHASE, steps)
    goes_on = all(_stepped(monitor, name, step) for step in range(steps))
    monitor.phase_finish(name)
    return goes_on

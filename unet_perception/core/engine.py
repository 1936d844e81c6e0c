"""What an inference backend is to the rest of the package.

Knows shapes and times; not which backend, nor what the classes mean.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Protocol

from .frame import U8
from .progress import OnProgress, no_progress


class EngineSpec(NamedTuple):
    """What an open engine serves, and with what."""

    backend: str
    device: str
    precision: str
    height: int
    width: int
    classes: int
    io: str = 'uint8'
    """Type of what goes into the file and comes out: uint8, or float32 of the same values."""


class EngineOptions(NamedTuple):
    """How an engine is opened; what a backend has no use for, it passes over."""

    threads: int = 0
    """CPU threads, 0 for one per core."""
    may_build: bool = False
    """Compile for this machine what was not compiled for it yet, which may take minutes."""
    workspace_mb: int = 0
    """The most memory that an operator may take on a GPU; 0 for no limit but the GPU's."""
    on_progress: OnProgress = no_progress


DEFAULT_OPTIONS = EngineOptions()


class EngineTimes(NamedTuple):
    """Where an inference's time went, ns."""

    run_ns: int


class EngineOutput(NamedTuple):
    """Probabilities as bytes (x255, rounded), (1, C, H, W).

    Valid until the next `infer` or `close`.
    """

    probabilities: U8
    times: EngineTimes


class Engine(Protocol):
    """An open model; owned by one thread at a time."""

    @property
    def spec(self) -> EngineSpec:
        """What this engine serves."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What diagnostics tell of it besides, by key."""

    def infer(self, image: U8) -> EngineOutput:
        """Run the network on RGB bytes (1, H, W, 3).

        EngineError if it fails, of which EngineLostError means that it never will again.
        """

    def close(self) -> None:
        """Free everything; may be called again."""

    def __enter__(self) -> 'Engine':
        """Return the engine itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the engine."""

"""Engines that survive the loss of their device once.

Knows when an engine must be opened anew and when that is given up; not how engines are opened.
"""

from collections.abc import Callable, Mapping
from types import TracebackType

from ..errors import EngineError, EngineLostError, UnetPerceptionError
from .engine import Engine, EngineOutput, EngineSpec
from .frame import U8


class Losses:
    """What the engines that share a device know of its losses: one is survived."""

    def __init__(self) -> None:
        self._spares = 1
        self.problem = ''
        """Why no engine is opened again; empty while one may be."""

    def note(self, loss: EngineLostError) -> None:
        """Count a loss, unless another engine has told of it."""
        if loss.is_known:
            return
        if not self._spares:
            self.give_up(f'{loss}; it was lost before, so no engine is opened again')
        self._spares = 0

    def give_up(self, why: str) -> None:
        """Let every engine fail from now on."""
        self.problem = f'{why}: {CURE}'


class ReopenedEngine:
    """Stands for what `open_engine` returns, and calls it once more if that engine is lost.

    The frame in which it is lost fails either way. Lost again, or not to be opened, every frame of
    all engines with the same `losses` fails from then on, and says what to do.
    """

    def __init__(self, open_engine: Callable[[], Engine], losses: Losses) -> None:
        self._open, self._losses = open_engine, losses
        self._engine = open_engine()

    @property
    def spec(self) -> EngineSpec:
        """What this engine serves."""
        return self._engine.spec

    @property
    def facts(self) -> Mapping[str, str]:
        """What diagnostics tell of it besides."""
        return self._engine.facts

    def infer(self, image: U8) -> EngineOutput:
        """Run the network on RGB bytes (1, H, W, 3); EngineError if it fails."""
        if self._losses.problem:
            raise EngineError(self._losses.problem)
        try:
            return self._engine.infer(image)
        except EngineLostError as exc:
            told = self._recovered(exc)
            if self._losses.problem or not exc.is_known:
                raise EngineError(told) from exc
        return self._engine.infer(image)  # it was lost before this frame, not with it

    def close(self) -> None:
        """Close the engine that is open; may be called again."""
        self._engine.close()

    def __enter__(self) -> 'ReopenedEngine':
        """Return the engine itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the engine."""
        self.close()

    def _recovered(self, loss: EngineLostError) -> str:
        """Open another engine if it may be; return what has become of this one."""
        self._engine.close()
        self._losses.note(loss)
        if not self._losses.problem:
            try:
                self._engine = self._open()
            except UnetPerceptionError as exc:
                self._losses.give_up(f'{loss}; the engine could not be opened again ({exc})')
        told = f'{loss}; the engine was opened again, and the next frames are served'
        return self._losses.problem or told


CURE = 'clean the node up and configure it, and if that does not help, start it again'

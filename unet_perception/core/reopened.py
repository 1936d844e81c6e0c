"""An engine that survives the loss of its device once.

Knows when an engine must be opened anew and when that is given up; not how engines are opened.
"""

from collections.abc import Callable, Mapping
from types import TracebackType

from ..errors import EngineError, EngineLostError, UnetPerceptionError
from .engine import Engine, EngineOutput, EngineSpec
from .frame import U8


class ReopenedEngine:
    """Stands for what `open_engine` returns, and calls it once more if that engine is lost.

    The frame in hand fails either way. Lost again, or not to be opened, every frame fails from
    then on, and says what to do.
    """

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        self._open = open_engine
        self._engine = open_engine()
        self._spares, self._problem = 1, ''

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
        if self._problem:
            raise EngineError(self._problem)
        try:
            return self._engine.infer(image)
        except EngineLostError as exc:
            raise EngineError(self._recovered(str(exc))) from exc

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

    def _recovered(self, loss: str) -> str:
        """Open another engine if it may be; return what has become of this one."""
        self._engine.close()
        if not self._spares:
            self._problem = f'{loss}; it was lost before, so it is not opened again: {CURE}'
            return self._problem
        self._spares -= 1
        try:
            self._engine = self._open()
        except UnetPerceptionError as exc:
            self._problem = f'{loss}; it could not be opened again ({exc}): {CURE}'
            return self._problem
        return f'{loss}; it was opened again, and the next frames are served'


CURE = 'clean the node up and configure it, and if that does not help, start it again'

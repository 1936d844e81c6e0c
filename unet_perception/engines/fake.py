"""An engine that follows a script: for tests of everything around an engine.

Knows what it was told to answer; no network, no library.
"""

from collections.abc import Iterable
import time

from ..core.engine import EngineOutput, EngineSpec, EngineTimes
from ..core.frame import U8
from ..errors import EngineError
from .base import EngineBase


class FakeEngine(EngineBase):
    """Answers each `infer` with the given probabilities after the script's next delay.

    `script` yields what each call does: a delay in seconds, or an exception to raise; when it
    runs out, calls take no time. `images` keeps a copy of every input.
    """

    def __init__(
        self,
        probabilities: U8,
        script: Iterable[float | Exception] = (),
        precision: str = 'fp32',
    ) -> None:
        classes, height, width = probabilities.shape
        super().__init__(EngineSpec('fake', 'none', precision, height, width, classes))
        self._probabilities[0] = probabilities
        self._script = iter(script)
        self.images: list[U8] = []
        self.is_closed = False

    def infer(self, image: U8) -> EngineOutput:
        """Do what the script says next."""
        if self.is_closed:
            raise EngineError('the fake engine is closed')
        self.images.append(image.copy())
        step = next(self._script, 0.0)
        if isinstance(step, Exception):
            raise step
        time.sleep(step)
        return EngineOutput(self._probabilities, EngineTimes(int(step * 1e9)))

    def close(self) -> None:
        """Refuse further calls."""
        self.is_closed = True

"""What every backend shares: the check of a model's inputs and outputs, and closing.

Knows names, types and shapes; no backend's library.
"""

from types import TracebackType
from typing import NamedTuple, TypeVar

import numpy as np

from ..core.engine import EngineSpec
from ..core.frame import U8
from ..errors import EngineError

E = TypeVar('E', bound='EngineBase')


class Tensor(NamedTuple):
    """One input or output as a backend reports it."""

    dtype: str
    shape: tuple[int, ...]


def check_tensors(spec: EngineSpec, inputs: list[Tensor], outputs: list[Tensor]) -> None:
    """EngineError unless there is one uint8 image in and one uint8 probability map out."""
    expected_in = [Tensor('uint8', (1, spec.height, spec.width, 3))]
    expected_out = [Tensor('uint8', (1, spec.classes, spec.height, spec.width))]
    for what, found, expected in (
        ('inputs', inputs, expected_in),
        ('outputs', outputs, expected_out),
    ):
        if found != expected:
            raise EngineError(
                f'the model has {what} {[tuple(t) for t in found]}, but the manifest says '
                f'{[tuple(t) for t in expected]}; export the model again'
            )


class EngineBase:
    """Buffers, spec and context manager; a backend adds `infer` and frees itself in `close`."""

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self._image: U8 = np.zeros((1, spec.height, spec.width, 3), np.uint8)
        self._probabilities: U8 = np.zeros((1, spec.classes, spec.height, spec.width), np.uint8)

    def close(self) -> None:
        """Free everything; may be called again."""

    def __enter__(self: E) -> E:
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

"""What every backend shares: the check of a model's inputs and outputs, and closing.

Knows names, types and shapes; no backend's library.
"""

from collections.abc import Mapping
import math
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.engine import EngineSpec
from ..core.frame import U8
from ..core.manifest import Artifact
from ..errors import EngineError

IO = NDArray[Any]
E = TypeVar('E', bound='EngineBase')


class Tensor(NamedTuple):
    """One input or output as a backend reports it."""

    dtype: str
    shape: tuple[int, ...]


def spec_of(backend: str, device: str, artifact: Artifact, classes: int) -> EngineSpec:
    """Return what an engine serves that has opened `artifact`."""
    sizes = (artifact.height, artifact.width, classes)
    return EngineSpec(backend, device, artifact.precision, *sizes, artifact.io)


def image_shape(spec: EngineSpec) -> tuple[int, int, int, int]:
    """Return the shape of what goes in."""
    return 1, spec.height, spec.width, 3


def probabilities_shape(spec: EngineSpec) -> tuple[int, int, int, int]:
    """Return the shape of what comes out."""
    return 1, spec.classes, spec.height, spec.width


def check_tensors(spec: EngineSpec, inputs: list[Tensor], outputs: list[Tensor]) -> None:
    """EngineError unless one image goes in and one probability map comes out, of type `io`."""
    expected_in = [Tensor(spec.io, image_shape(spec))]
    expected_out = [Tensor(spec.io, probabilities_shape(spec))]
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

    def __init__(
        self, spec: EngineSpec, image: IO | None = None, answer: IO | None = None
    ) -> None:
        """Work in the arrays given, of the shapes and type that `spec` has, or in new ones."""
        self.spec = spec
        self._image: IO = np.zeros(image_shape(spec), spec.io) if image is None else image
        shape = probabilities_shape(spec)
        self._answer: IO = np.zeros(shape, spec.io) if answer is None else answer
        is_bytes = self._answer.dtype == np.uint8
        self._probabilities: U8 = self._answer if is_bytes else np.zeros(shape, np.uint8)

    @property
    def facts(self) -> Mapping[str, str]:
        """Return nothing: the spec tells it all."""
        return {}

    def _answered(self) -> U8:
        """Return the answer as bytes; floats hold their values already, rounded by the file.

        EngineError for floats that are no numbers.
        """
        if self._probabilities is not self._answer:
            if not math.isfinite(self._answer.reshape(-1).sum()):
                raise EngineError('the model answered with what is no number; export it again')
            np.clip(self._answer, 0.0, 255.0, out=self._answer)
            np.copyto(self._probabilities, self._answer, casting='unsafe')
        return self._probabilities

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

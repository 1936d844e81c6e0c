"""The precisions of a network: how each is made of what torch exported.

Knows ONNX graphs; not images, manifests or what runs the file. How floats become halves or bytes
is told in `fp16` and `int8`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
import onnx

from ..errors import RequestError
from .fp16 import halved
from .int8 import quantised

F32 = NDArray[np.float32]
Conversion = Callable[[onnx.ModelProto, Sequence[F32]], onnx.ModelProto]
PRECISIONS: dict[str, Conversion | None] = {
    'fp32': None,
    'fp16': lambda network, _: halved(network),
    'int8': quantised,
}
"""How a simplified network becomes one of each precision; None: it stays as it was exported."""


def convert(core: onnx.ModelProto, precision: str, calibration: Sequence[F32]) -> onnx.ModelProto:
    """Return the network `core` (normalised floats to logits) in a precision; floats on both ends.

    `calibration` are inputs (1, 3, H, W) such as the network will see, which int8 takes its ranges
    from. The same arguments give the same bytes on the same machine. RequestError for a precision
    that there is none of, or int8 without calibration.
    """
    if precision not in PRECISIONS:
        raise RequestError(
            f'precision {precision!r} is unknown; there are {", ".join(PRECISIONS)}'
        )
    conversion = PRECISIONS[precision]
    if conversion is None:
        return core
    converted = conversion(_simplified(core), calibration)
    del converted.opset_import[:], converted.metadata_props[:]  # the tools' own marks
    converted.opset_import.extend(core.opset_import)
    onnx.checker.check_model(converted, full_check=True)
    return converted


def _simplified(core: onnx.ModelProto) -> onnx.ModelProto:
    """Return `core` with all folded that is constant, which leaves the converters less to mistake.

    Without it the fp16 converter casts the factors of every Resize to half and back.
    """
    from ..engines import ort  # noqa: F401  it comes first: it forbids the runtime to phone home

    return _folded(core)


def _folded(core: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as scratch:
        source, target = Path(scratch) / 'core.onnx', Path(scratch) / 'simplified.onnx'
        onnx.save(core, source)  # of a model in memory it takes the weights away
        quant_pre_process(source, target, skip_symbolic_shape=True)
        return onnx.load(target)

"""The precisions of a network: how each is made of what torch exported, and what a file shows.

Knows ONNX tensors and nodes; not images, manifests or what runs the file. How floats become halves
or bytes is told in `fp16` and `int8`.
"""

from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
import onnx
from onnx import TensorProto

from ..errors import ModelError, RequestError
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


def precision_of(model: onnx.ModelProto) -> str:
    """Return the precision that a file's tensors show, whatever it is called.

    int8 where some are bytes and dequantised, whatever the others are; else that of most floats,
    since pre- and post-processing are fp32 in every file.
    """
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    dequantised = {n.input[0] for n in model.graph.node if n.op_type == 'DequantizeLinear'}
    if any(kinds.get(name) == TensorProto.INT8 for name in dequantised):
        return 'int8'
    halves, floats = (_elements(model, kind) for kind in (TensorProto.FLOAT16, TensorProto.FLOAT))
    return 'fp16' if halves > floats else 'fp32'


def precision_of_bytes(content: bytes, file: str) -> str:
    """Return `precision_of` the bytes of `file`; ModelError if they are no ONNX model."""
    try:
        return precision_of(onnx.load_from_string(content))
    except Exception as exc:  # protobuf's, which onnx does not name
        raise ModelError(f'{file!r} is not an ONNX model: {exc}; restore it') from exc


def _elements(model: onnx.ModelProto, kind: int) -> int:
    """Count the numbers of one type that the file holds."""
    return sum(prod(t.dims) for t in model.graph.initializer if t.data_type == kind)


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

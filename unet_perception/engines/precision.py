"""Which precision an ONNX file has, by what is in it.

Knows tensors and nodes; not what a file is called, nor what runs it. Under a strongly typed build
TensorRT computes in the types that are written here, so this is what a plan's precision is too.
"""

from math import prod

import onnx
from onnx import TensorProto

from ..errors import ModelError


def precision_of(model: onnx.ModelProto) -> str:
    """Return the precision that a file's tensors show, whatever it is called.

    int8 where some are bytes and dequantised, whatever the others are; else that of most floats,
    since pre- and post-processing are fp32 in every file. It tells what is stored: a file that
    casts its weights to something else before it uses them is none that the exporter writes.
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

"""Pre- and post-processing put into the graph, so that every backend runs the same file.

Knows ONNX operators; not the network between them, whatever its precision.

    uint8 (1, H, W, 3) RGB → Cast → normalise → Transpose → network → / temperature → softmax
    → x255 + 0.5 → Cast → uint8 (1, C, H, W)

For a runtime that refuses uint8 at its ends, float32 of the same values: no Cast before, and Floor
in the place of the Cast behind.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..core.geometry import Size

IMAGE, PROBABILITIES = 'image', 'probabilities'


class _Ends(NamedTuple):
    """What comes before everything else, the name of the floats it yields, and what comes last."""

    before: list[onnx.NodeProto]
    floats: str
    last: onnx.NodeProto


def _byte_ends() -> _Ends:
    first = helper.make_node('Cast', [IMAGE], ['pre_float'], to=TensorProto.FLOAT)
    last = helper.make_node('Cast', ['post_rounded'], [PROBABILITIES], to=TensorProto.UINT8)
    return _Ends([first], 'pre_float', last)


def _float_ends() -> _Ends:
    return _Ends([], IMAGE, helper.make_node('Floor', ['post_rounded'], [PROBABILITIES]))


ENDS = {'uint8': _byte_ends, 'float32': _float_ends}
"""What a file may take and give."""


def wrap(
    core: onnx.ModelProto,
    mean: Sequence[float],
    std: Sequence[float],
    temperature: float,
    io: str = 'uint8',
) -> onnx.ModelProto:
    """Return `core` (normalised NCHW floats to logits) with bytes, or their values, on both ends.

    Cast comes first: TensorRT accepts uint8 as an input, but no other operator on it. Casting a
    float to uint8 truncates, hence the 0.5. Temperature as in Guo et al. 2017, section 4.2.
    """
    wrapped = onnx.ModelProto()
    wrapped.CopyFrom(core)
    graph = wrapped.graph
    network_in, logits = graph.input[0], graph.output[0]
    size = Size(*(d.dim_value for d in network_in.type.tensor_type.shape.dim[2:]))
    classes = logits.type.tensor_type.shape.dim[1].dim_value
    scale = 1.0 / np.asarray(std, np.float32)
    constants = {
        'pre_scale': scale.reshape(1, 1, 1, 3),
        'pre_bias': (-np.asarray(mean, np.float32) * scale).reshape(1, 1, 1, 3),
        'post_temperature': np.float32(temperature),
        'post_255': np.float32(255.0),
        'post_half': np.float32(0.5),
    }
    cast, first, last = ENDS[io]()
    before = [
        *cast,
        helper.make_node('Mul', [first, 'pre_scale'], ['pre_scaled']),
        helper.make_node('Add', ['pre_scaled', 'pre_bias'], ['pre_normalised']),
        helper.make_node('Transpose', ['pre_normalised'], [network_in.name], perm=[0, 3, 1, 2]),
    ]
    after = [
        helper.make_node('Div', [logits.name, 'post_temperature'], ['post_logits']),
        helper.make_node('Softmax', ['post_logits'], ['post_softmax'], axis=1),
        helper.make_node('Mul', ['post_softmax', 'post_255'], ['post_scaled']),
        helper.make_node('Add', ['post_scaled', 'post_half'], ['post_rounded']),
        last,
    ]
    network = list(graph.node)
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend([*before, *network, *after])
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value, np.float32), name)
        for name, value in constants.items()
    )
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(io))
    graph.input.append(helper.make_tensor_value_info(IMAGE, kind, [1, *size, 3]))
    graph.output.append(helper.make_tensor_value_info(PROBABILITIES, kind, [1, classes, *size]))
    onnx.checker.check_model(wrapped, full_check=True)
    return wrapped

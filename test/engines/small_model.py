"""A tiny network in the form that the exporter writes, and what a manifest says of it."""

import hashlib
from typing import Any

import numpy as np
import pytest

from unet_perception.core.manifest import Artifact, ModelFile


def small_model(
    io: str = 'uint8', classes: int = 3, height: int = 16, width: int = 32, seed: int = 0
) -> bytes:
    """Return an ONNX file: one convolution of random weights, softmax, probabilities to 255."""
    onnx = pytest.importorskip('onnx')
    helper, types = onnx.helper, onnx.TensorProto
    element = {'uint8': types.UINT8, 'float32': types.FLOAT}[io]
    rng = np.random.default_rng(seed)
    weights = {
        'weight': rng.normal(0, 0.01, (classes, 3, 3, 3)),
        'bias': rng.normal(0, 1, classes),
        'most': np.array(255.0),
        'half': np.array(0.5),
    }

    def node(operator: str, inputs: list[str], output: str, **attributes: Any) -> Any:
        return helper.make_node(operator, inputs, [output], name=f'/{output}', **attributes)

    nodes = [
        node('Cast', ['image'], 'float', to=types.FLOAT),
        node('Transpose', ['float'], 'planes', perm=[0, 3, 1, 2]),
        node('Conv', ['planes', 'weight', 'bias'], 'logits', pads=[1, 1, 1, 1]),
        node('Softmax', ['logits'], 'shares', axis=1),
        node('Mul', ['shares', 'most'], 'scaled'),
        node('Add', ['scaled', 'half'], 'shifted'),
        node('Floor', ['shifted'], 'rounded'),
        node('Cast', ['rounded'], 'probabilities', to=element),
    ]
    graph = helper.make_graph(
        nodes,
        'small',
        [helper.make_tensor_value_info('image', element, [1, height, width, 3])],
        [helper.make_tensor_value_info('probabilities', element, [1, classes, height, width])],
        [onnx.numpy_helper.from_array(np.asarray(w, np.float32), k) for k, w in weights.items()],
    )
    opset = [helper.make_opsetid('', 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def artifact_of(
    content: bytes,
    *,
    io: str = 'uint8',
    precision: str = 'fp32',
    height: int = 16,
    width: int = 32,
    file: str = 'small.onnx',
) -> Artifact:
    """Return what a manifest says of an ONNX file's bytes."""
    checked = ModelFile(file, hashlib.sha256(content).hexdigest(), len(content))
    return Artifact(checked, precision, height, width, io)

"""Bytes on both ends of a graph: layout, normalisation, temperature, rounding."""

from collections.abc import Sequence
from importlib import import_module

import numpy as np
import pytest

pytest.importorskip('onnx', reason='onnx is not installed: pip install onnx')

import onnx
from onnx import TensorProto, helper, numpy_helper

from unet_perception.core.engine import Engine, EngineOptions
from unet_perception.core.frame import U8
from unet_perception.core.manifest import Artifact, ModelFile
from unet_perception.core.scores import F64
from unet_perception.engines import ENGINES, available_engines
from unet_perception.errors import EngineError
from unet_perception.export.wrap import wrap

HEIGHT, WIDTH, CLASSES = 8, 16, 3
MEAN, STD = (120.0, 110.0, 100.0), (60.0, 50.0, 40.0)
WEIGHTS = np.array([[2.0, 0.5, -1.0], [-1.0, 1.5, 0.25], [0.0, -2.0, 1.0]], np.float32)


def mixing_core() -> onnx.ModelProto:
    """Return a network that mixes the colour channels: logits = WEIGHTS x colour."""
    node = helper.make_node('Conv', ['normalised', 'weights'], ['logits'])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])
        for name in ('normalised', 'logits')
    ]
    weights = numpy_helper.from_array(WEIGHTS.reshape(CLASSES, 3, 1, 1), 'weights')
    graph = helper.make_graph([node], 'mixing', ends[:1], ends[1:], [weights])
    opset = [helper.make_opsetid('', 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def expected(image: U8, temperature: float) -> F64:
    """Compute the probabilities (C, H, W), 0 to 255, as the definition says."""
    normalised = (image.astype(np.float64) - MEAN) / STD
    powers = np.exp(np.einsum('ck,hwk->chw', WEIGHTS, normalised) / temperature)
    return 255.0 * powers / powers.sum(0)


def engine_of(model: onnx.ModelProto, backend: str) -> Engine:
    artifact = Artifact(ModelFile('model.onnx', '', 0), 'fp32', HEIGHT, WIDTH)
    module = import_module(f'unet_perception.engines.{ENGINES[backend].module}')
    return module.open_engine(model.SerializeToString(), artifact, CLASSES, EngineOptions(1))


def shape_of(value: onnx.ValueInfoProto) -> Sequence[int]:
    return [d.dim_value for d in value.type.tensor_type.shape.dim]


@pytest.fixture
def noise() -> U8:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.mark.parametrize('temperature', [0.5, 1.0, 2.0])
@pytest.mark.parametrize('backend', available_engines())
def test_probabilities_are_the_softmax_of_logits_over_temperature(
    noise: U8, backend: str, temperature: float
) -> None:
    with engine_of(wrap(mixing_core(), MEAN, STD, temperature), backend) as engine:
        answer = engine.infer(noise[None]).probabilities[0].astype(float)
    assert np.abs(answer - expected(noise, temperature)).max() <= 0.51, 'rounded, not cut off'


def test_the_temperatures_under_test_make_a_difference(noise: U8) -> None:
    sharp, plain, flat = (expected(noise, t).max(0).mean() for t in (0.5, 1.0, 2.0))
    assert sharp > plain + 10 > flat + 20


def test_bytes_go_in_and_out() -> None:
    graph = wrap(mixing_core(), MEAN, STD, 1.0).graph
    (image,), (probabilities,) = graph.input, graph.output
    assert (image.name, probabilities.name) == ('image', 'probabilities')
    assert shape_of(image) == [1, HEIGHT, WIDTH, 3]
    assert shape_of(probabilities) == [1, CLASSES, HEIGHT, WIDTH]
    kinds = {end.type.tensor_type.elem_type for end in (image, probabilities)}
    assert kinds == {TensorProto.UINT8}


def test_nothing_but_a_cast_touches_the_bytes() -> None:
    nodes = wrap(mixing_core(), MEAN, STD, 1.0).graph.node
    assert [node.op_type for node in nodes if 'image' in node.input] == ['Cast']
    assert [node.op_type for node in nodes if 'probabilities' in node.output] == ['Cast']
    assert nodes[0].op_type == 'Cast'


def test_the_network_itself_is_left_alone() -> None:
    core = mixing_core()
    before = core.SerializeToString()
    wrapped = wrap(core, MEAN, STD, 1.0)
    assert core.SerializeToString() == before
    assert [n for n in wrapped.graph.node if n.op_type == 'Conv'] == list(core.graph.node)
    assert wrapped.opset_import[0].version == 17


@pytest.mark.parametrize('backend', available_engines())
def test_floats_on_both_ends_hold_the_values_of_the_bytes(noise: U8, backend: str) -> None:
    graphs = {io: wrap(mixing_core(), MEAN, STD, 1.5, io) for io in ('uint8', 'float32')}
    kinds = [{node.op_type for node in graph.graph.node} for graph in graphs.values()]
    assert 'Cast' in kinds[0] - kinds[1]
    assert 'Floor' in kinds[1] - kinds[0]
    module = import_module(f'unet_perception.engines.{ENGINES[backend].module}')
    answers = []
    for io, graph in graphs.items():
        artifact = Artifact(ModelFile('model.onnx', '', 0), 'fp32', HEIGHT, WIDTH, io)
        with module.open_engine(
            graph.SerializeToString(), artifact, CLASSES, EngineOptions(1)
        ) as engine:
            assert engine.spec.io == io
            answers.append(engine.infer(noise[None]).probabilities.copy())
    assert answers[0].dtype == answers[1].dtype == np.uint8
    assert np.array_equal(*answers)


@pytest.mark.parametrize('backend', available_engines())
def test_floats_that_are_no_numbers_are_an_error(noise: U8, backend: str) -> None:
    graph = wrap(mixing_core(), MEAN, STD, float('nan'), 'float32')
    module = import_module(f'unet_perception.engines.{ENGINES[backend].module}')
    artifact = Artifact(ModelFile('model.onnx', '', 0), 'fp32', HEIGHT, WIDTH, 'float32')
    with (
        module.open_engine(
            graph.SerializeToString(), artifact, CLASSES, EngineOptions(1)
        ) as engine,
        pytest.raises(EngineError, match='no number'),
    ):
        engine.infer(noise[None])

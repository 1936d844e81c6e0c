"""The network as an ONNX file: the same answers as torch, on every engine."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from itertools import product

import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import onnx
import torch

from unet_perception.core.engine import EngineOptions
from unet_perception.core.frame import U8
from unet_perception.core.geometry import Size
from unet_perception.core.manifest import Artifact, ModelFile
from unet_perception.core.scores import F64
from unet_perception.engines import ENGINES, available_engines
from unet_perception.errors import RequestError
from unet_perception.export.onnx_from_checkpoint import OPSET, onnx_from_network
from unet_perception.export.tensorrt_build import trial_plan
from unet_perception.export.wrap import wrap
from unet_perception.training.family import VARIANTS, UNetConfig
from unet_perception.training.unet import UNet
from unet_perception.training.validation import MEAN, STD, normalised

torch.set_num_threads(1)
SIZE, CLASSES = Size(64, 96), 3
SMALL = UNetConfig(CLASSES, (8, 12, 32))  # two heads for the transformer
EACH = [replace(SMALL, variant=v, norm=n) for v, n in product(VARIANTS, ('batch', 'group'))]
READ_BY_TENSORRT_10 = {
    'Add', 'AveragePool', 'BatchNormalization', 'Cast', 'Concat', 'Constant', 'Conv', 'Div',
    'Erf', 'GlobalAveragePool', 'Identity', 'InstanceNormalization', 'LayerNormalization',
    'MatMul', 'MaxPool', 'Mul', 'Relu', 'Reshape', 'Resize', 'Shape', 'Sigmoid', 'Softmax',
    'Transpose',
}  # fmt: skip
"""Of onnx-tensorrt's docs/operators.md, what a network of ours may need."""


def name_of(config: UNetConfig) -> str:
    return f'{config.variant}-{config.norm}'


def lively(config: UNetConfig) -> UNet:
    """Return a network whose answers use the whole range of probabilities."""
    torch.manual_seed(0)
    network = UNet(config)
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(4, 3, *SIZE))  # moves the batch statistics
        logits = network.eval()(torch.randn(4, 3, *SIZE))
        stretch = 8.0 / logits.std((0, 2, 3))
        network.head.classify.weight.mul_(stretch[:, None, None, None])
        network.head.classify.bias.sub_(logits.mean((0, 2, 3))).mul_(stretch)
    return network


@pytest.fixture(scope='module')
def network() -> UNet:
    return lively(SMALL)


@pytest.fixture(scope='module')
def images() -> list[U8]:
    rng = np.random.default_rng(0)
    coarse = [rng.integers(0, 256, (8, 12, 3), np.uint8) for _ in range(3)]
    noise = rng.integers(0, 256, (*SIZE, 3), np.uint8)
    return [noise, *(image.repeat(8, 0).repeat(8, 1) for image in coarse)]


def by_onnxruntime(content: bytes, image: F64) -> F64:
    onnxruntime = import_module('unet_perception.engines.ort').onnxruntime
    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
    return session.run(None, {'normalised': image})[0]


def by_openvino(content: bytes, image: F64) -> F64:
    ov = import_module('unet_perception.engines.openvino').ov
    core = ov.Core()
    options = {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': 1}
    return core.compile_model(core.read_model(content), 'CPU', options)(image)[0]


RUNTIMES: dict[str, Callable[[bytes, F64], F64]] = {
    'onnxruntime': by_onnxruntime,
    'openvino': by_openvino,
}


@pytest.mark.parametrize('config', EACH, ids=name_of)
def test_every_member_of_the_family_answers_as_in_torch(config: UNetConfig) -> None:
    network = lively(config)
    for size in (SIZE, Size(32, 128)):
        model = onnx_from_network(network, size)
        onnx.checker.check_model(model, full_check=True)
        assert {node.op_type for node in model.graph.node} <= READ_BY_TENSORRT_10
        assert {node.domain for node in model.graph.node} == {''}
        image = torch.randn(1, 3, *size)
        with torch.inference_mode():
            expected = network(image).numpy()
        assert expected.std() > 2, 'the image must ask something'
        for runtime in RUNTIMES.keys() & set(available_engines()):
            answer = RUNTIMES[runtime](model.SerializeToString(), image.numpy())
            assert np.abs(answer - expected).max() < 1e-3, runtime


@pytest.mark.parametrize('config', EACH, ids=name_of)
def test_enlarging_is_what_torch_and_tensorrt_both_can(config: UNetConfig) -> None:
    graph = onnx_from_network(UNet(config), SIZE).graph
    enlarging = [node for node in graph.node if node.op_type == 'Resize']
    asked = [{a.name: onnx.helper.get_attribute_value(a) for a in n.attribute} for n in enlarging]
    assert {a['mode'] for a in asked} == {b'linear'}
    assert {a['coordinate_transformation_mode'] for a in asked} == {b'half_pixel'}
    assert enlarging


def test_batch_norm_costs_nothing_once_exported() -> None:
    for variant in VARIANTS:
        graph = onnx_from_network(UNet(replace(SMALL, variant=variant)), SIZE).graph
        left = sum(node.op_type == 'BatchNormalization' for node in graph.node)
        assert left == (variant == 'multiscale'), 'its last norm follows a sum'


@pytest.mark.parametrize('config', EACH, ids=name_of)
def test_tensorrt_reads_and_builds_every_member(config: UNetConfig) -> None:
    """TensorRT for RTX parses and builds without a GPU; running needs one."""
    pytest.importorskip('tensorrt_rtx', reason='TensorRT for RTX is not installed')
    content = wrap(onnx_from_network(UNet(config), SIZE), MEAN, STD, 1.0).SerializeToString()
    plan = trial_plan(content, 'model.onnx', 'uint8')
    assert plan is not None
    assert plan.size > 1000


@pytest.mark.parametrize('backend', available_engines())
@pytest.mark.parametrize('temperature', [1.0, 2.0])
def test_every_engine_answers_as_torch(
    network: UNet, images: list[U8], backend: str, temperature: float
) -> None:
    content = wrap(onnx_from_network(network, SIZE), MEAN, STD, temperature).SerializeToString()
    module = import_module(f'unet_perception.engines.{ENGINES[backend].module}')
    artifact = Artifact(ModelFile('model.onnx', '', 0), 'fp32', *SIZE)
    with (
        module.open_engine(content, artifact, CLASSES, EngineOptions(1)) as engine,
        torch.inference_mode(),
    ):
        for image in images:
            logits = network(normalised(torch.from_numpy(image)[None])) / temperature
            expected = (logits.softmax(1) * 255).round().numpy()
            answer = engine.infer(image[None]).probabilities.astype(float)
            assert np.abs(answer - expected).max() <= 1
            assert expected.min() < 30 < 200 < expected.max(), 'the images must ask something'


def test_the_file_is_one_that_every_parser_reads(network: UNet) -> None:
    model = wrap(onnx_from_network(network, SIZE), MEAN, STD, 1.0)
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [('', OPSET)]
    assert OPSET == 17
    assert model.graph.node[0].op_type == 'Cast'
    assert list(model.graph.node[0].input) == ['image']


@pytest.mark.parametrize('config', EACH, ids=name_of)
def test_exporting_again_yields_the_same_bytes(config: UNetConfig) -> None:
    network = UNet(config)
    first, again = (onnx_from_network(network, SIZE).SerializeToString() for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ('size', 'good'), [((60, 96), '64x96'), ((64, 99), '64x104'), ((3, 5), '8x8')]
)
def test_a_size_that_does_not_fit_is_refused_with_one_that_does(
    network: UNet, size: tuple[int, int], good: str
) -> None:
    with pytest.raises(RequestError, match=f'{size[0]}x{size[1]}.*not divisible by 8; try {good}'):
        onnx_from_network(network, Size(*size))
    assert onnx_from_network(network, Size(*map(int, good.split('x'))))

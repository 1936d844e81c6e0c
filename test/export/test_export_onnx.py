"""The network as an ONNX file: the same answers as torch, on every engine."""

from importlib import import_module

import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import onnx
import torch

from unet_perception.core.frame import U8
from unet_perception.core.geometry import Size
from unet_perception.core.manifest import Artifact, ModelFile
from unet_perception.engines import ENGINES, available_engines
from unet_perception.errors import RequestError
from unet_perception.export.onnx_from_checkpoint import OPSET, onnx_from_network
from unet_perception.export.wrap import wrap
from unet_perception.training.family import UNetConfig
from unet_perception.training.trainer import MEAN, STD, normalised
from unet_perception.training.unet import UNet

torch.set_num_threads(1)
SIZE, CLASSES = Size(64, 96), 3


@pytest.fixture(scope='module')
def network() -> UNet:
    """Return a network whose answers use the whole range of probabilities."""
    torch.manual_seed(0)
    network = UNet(UNetConfig(CLASSES, (8, 12, 16)))
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(4, 3, *SIZE))  # moves the batch statistics
        logits = network.eval()(torch.randn(4, 3, *SIZE))
        stretch = 8.0 / logits.std((0, 2, 3))
        network.head.weight.mul_(stretch[:, None, None, None])
        network.head.bias.sub_(logits.mean((0, 2, 3))).mul_(stretch)
    return network


@pytest.fixture(scope='module')
def images() -> list[U8]:
    rng = np.random.default_rng(0)
    coarse = [rng.integers(0, 256, (8, 12, 3), np.uint8) for _ in range(3)]
    noise = rng.integers(0, 256, (*SIZE, 3), np.uint8)
    return [noise, *(image.repeat(8, 0).repeat(8, 1) for image in coarse)]


@pytest.mark.parametrize('backend', available_engines())
@pytest.mark.parametrize('temperature', [1.0, 2.0])
def test_every_engine_answers_as_torch(
    network: UNet, images: list[U8], backend: str, temperature: float
) -> None:
    content = wrap(onnx_from_network(network, SIZE), MEAN, STD, temperature).SerializeToString()
    module = import_module(f'unet_perception.engines.{ENGINES[backend].module}')
    artifact = Artifact(ModelFile('model.onnx', '', 0), 'fp32', *SIZE)
    with module.open_engine(content, artifact, CLASSES, 1) as engine, torch.inference_mode():
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


def test_exporting_again_yields_the_same_bytes(network: UNet) -> None:
    first, again = (onnx_from_network(network, SIZE).SerializeToString() for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ('size', 'good'), [((60, 96), '64x96'), ((64, 99), '64x96'), ((3, 5), '8x8')]
)
def test_a_size_that_does_not_fit_is_refused_with_one_that_does(
    network: UNet, size: tuple[int, int], good: str
) -> None:
    with pytest.raises(RequestError, match=f'{size[0]}x{size[1]}.*not divisible by 8; try {good}'):
        onnx_from_network(network, Size(*size))
    assert onnx_from_network(network, Size(*map(int, good.split('x'))))

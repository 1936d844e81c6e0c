"""Half and byte networks: what is in the file, and that it answers as fp32 does."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import onnx
from onnx import TensorProto, numpy_helper
import torch
from torch.nn import functional

from unet_perception.core.engine import EngineOptions
from unet_perception.core.geometry import Size
from unet_perception.core.manifest import Artifact, ModelFile
from unet_perception.core.scores import Confusion
from unet_perception.engines import ENGINES, available_engines
from unet_perception.engines.precision import precision_of
from unet_perception.errors import RequestError
from unet_perception.export.onnx_from_checkpoint import onnx_from_network
from unet_perception.export.precision import PRECISIONS, convert
from unet_perception.export.wrap import wrap
from unet_perception.training.family import VARIANTS, UNetConfig
from unet_perception.training.unet import UNet
from unet_perception.training.validation import MEAN, STD

torch.set_num_threads(1)
SIZE, CLASSES = Size(64, 96), 2
WIDE = UNetConfig(CLASSES, (16, 32, 64))
EACH = [replace(WIDE, variant=v, norm=n) for v, n in product(VARIANTS, ('batch', 'group'))]
F32 = NDArray[np.float32]


def discs(count: int, seed: int) -> tuple[F32, NDArray[np.int64]]:
    """Draw bright discs on noise, normalised (count, 3, H, W), and their ids (count, H, W)."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, *SIZE), np.uint8)
    for mask in masks:
        centre = rng.integers((16, 16), (80, 48)).tolist()
        cv2.circle(mask, centre, int(rng.integers(8, 24)), (1,), -1)
    noise = rng.normal(0.0, 0.7, (count, 3, *SIZE))
    images = noise + masks[:, None] * rng.uniform(0.4, 1.2, (count, 3, 1, 1))
    return images.astype(np.float32), masks.astype(np.int64)


def trained(config: UNetConfig) -> UNet:
    """Return a network that finds discs."""
    torch.manual_seed(0)
    network = UNet(config)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for step in range(40):
        images, masks = map(torch.from_numpy, discs(4, step))
        optimizer.zero_grad()
        functional.cross_entropy(network(images), masks).backward()
        optimizer.step()
    return network.eval()


@pytest.fixture(scope='module', params=['standard', 'mobile'])
def core(request: pytest.FixtureRequest) -> onnx.ModelProto:
    return onnx_from_network(trained(replace(WIDE, variant=request.param)), SIZE)


@pytest.fixture(scope='module')
def images() -> list[F32]:
    return [image[None] for image in discs(8, 1000)[0]]


@pytest.fixture(scope='module')
def converted(core: onnx.ModelProto, images: list[F32]) -> dict[str, onnx.ModelProto]:
    return {precision: convert(core, precision, images) for precision in PRECISIONS}


def logits(model: onnx.ModelProto, images: list[F32]) -> F32:
    """Compute every operator as it is written; (N, C, H, W)."""
    ort = import_module('unet_perception.engines.ort').onnxruntime
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=['CPUExecutionProvider']
    )
    return np.concatenate([session.run(None, {'normalised': image})[0] for image in images])


def iou(reference: np.ndarray, mask: np.ndarray) -> list[float]:
    confusion = Confusion(CLASSES)
    confusion.add(reference.astype(np.uint8), mask.astype(np.uint8))
    return confusion.iou().tolist()


def tensors(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    return {tensor.name: tensor for tensor in model.graph.initializer}


def convolutions(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == 'Conv']


def makers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    return {name: node for node in model.graph.node for name in node.output}


def is_depthwise(node: onnx.NodeProto) -> bool:
    return any(a.name == 'group' and a.i > 1 for a in node.attribute)


@pytest.mark.parametrize('precision', PRECISIONS)
def test_floats_go_in_and_out_whatever_the_precision(
    core: onnx.ModelProto, converted: dict[str, onnx.ModelProto], precision: str
) -> None:
    graph = converted[precision].graph
    assert list(graph.input) == list(core.graph.input)
    assert [v.name for v in graph.output] == ['logits']
    assert graph.output[0].type == core.graph.output[0].type
    assert list(converted[precision].opset_import) == list(core.opset_import)


def test_fp32_stays_as_it_was_exported_and_nothing_changes_it(
    core: onnx.ModelProto, images: list[F32]
) -> None:
    before = core.SerializeToString()
    for precision in ('fp16', 'int8', 'fp32'):
        result = convert(core, precision, images)
        assert core.SerializeToString() == before
        assert (result.SerializeToString() == before) == (precision == 'fp32')


def test_fp16_has_half_weights_and_casts_on_its_ends_alone(
    converted: dict[str, onnx.ModelProto],
) -> None:
    graph = converted['fp16'].graph
    factors = {name for node in graph.node if node.op_type == 'Resize' for name in node.input[1:]}
    floats = {t.name for t in graph.initializer if t.data_type == TensorProto.FLOAT}
    assert floats <= factors
    casts = [node for node in graph.node if node.op_type == 'Cast']
    assert [list(node.input) for node in casts[:1]] == [['normalised']]
    assert [list(node.output) for node in casts[1:]] == [['logits']]


def test_int8_weights_are_bytes_with_a_scale_for_each_output_channel(
    converted: dict[str, onnx.ModelProto],
) -> None:
    model = converted['int8']
    known, made = tensors(model), makers(model)
    *inner, head = convolutions(model)
    spared = [node for node in inner if is_depthwise(node)] + [head]
    for node in convolutions(model):
        image, weight = (made.get(name) for name in node.input[:2])
        if node in spared:
            assert known[node.input[1]].data_type == TensorProto.FLOAT
            continue
        assert image is not None
        assert image.op_type == 'DequantizeLinear'
        assert numpy_helper.to_array(known[image.input[1]]).shape == (), 'one scale a tensor'
        assert weight is not None
        stored, scales = (numpy_helper.to_array(known[name]) for name in weight.input[:2])
        assert (stored.dtype, scales.shape) == (np.int8, stored.shape[:1])
        assert np.abs(stored.astype(int)).max() == 127
    assert 0 < len(spared) < len(convolutions(model))


def test_int8_has_zero_points_of_zero_and_float_biases(
    converted: dict[str, onnx.ModelProto],
) -> None:
    model = converted['int8']
    known = tensors(model)
    quantising = [n for n in model.graph.node if n.op_type.endswith('antizeLinear')]
    zeros = [known[node.input[2]] for node in quantising]
    assert {zero.data_type for zero in zeros} == {TensorProto.INT8}
    assert not any(numpy_helper.to_array(zero).any() for zero in zeros)
    assert {known[n.input[2]].data_type for n in convolutions(model)} == {TensorProto.FLOAT}
    assert TensorProto.INT32 not in {tensor.data_type for tensor in known.values()}


def test_int8_s_logits_are_right_on_average(
    converted: dict[str, onnx.ModelProto], images: list[F32]
) -> None:
    expected = logits(converted['fp32'], images)
    error = logits(converted['int8'], images) - expected
    assert np.abs(error.mean((0, 2, 3))).max() < 1e-3 * expected.std()
    assert np.abs(error).mean() > 1e-3 * expected.std(), 'or nothing was quantised'


def test_fewer_bits_make_smaller_files(converted: dict[str, onnx.ModelProto]) -> None:
    fp32, fp16, int8 = (converted[name].ByteSize() for name in ('fp32', 'fp16', 'int8'))
    assert fp16 < 0.65 * fp32
    is_mobile = any(map(is_depthwise, convolutions(converted['fp32'])))
    assert int8 < (0.8 if is_mobile else 0.35) * fp32, 'depthwise weights are fp32'


@pytest.mark.parametrize(('precision', 'least'), [('fp16', 0.99), ('int8', 0.95)])
def test_masks_agree_with_those_of_fp32_on_other_images(
    converted: dict[str, onnx.ModelProto], precision: str, least: float
) -> None:
    pixels, truth = discs(8, 2000)
    others = [image[None] for image in pixels]
    reference = logits(converted['fp32'], others).argmax(1)
    assert min(iou(truth, reference)) > 0.7, 'the network must have learned something'
    assert min(iou(reference, logits(converted[precision], others).argmax(1))) > least


@pytest.mark.parametrize('backend', available_engines())
@pytest.mark.parametrize('precision', PRECISIONS)
def test_every_engine_makes_of_a_file_what_is_written_in_it(
    converted: dict[str, onnx.ModelProto], backend: str, precision: str
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3), np.uint8)
    images[:, 16:48, 24:64] //= 4
    wrapped = wrap(converted[precision], MEAN, STD, 1.0).SerializeToString()
    artifact = Artifact(ModelFile('model.onnx', '', 0), precision, *SIZE)
    module = import_module(f'unet_perception.engines.{ENGINES[backend].module}')
    seen = [((image - np.float32(MEAN)) / STD).transpose(2, 0, 1)[None] for image in images]
    expected = logits(converted[precision], [each.astype(np.float32) for each in seen]).argmax(1)
    with module.open_engine(wrapped, artifact, CLASSES, EngineOptions(1)) as engine:
        masks = np.stack([engine.infer(i[None]).probabilities[0].argmax(0) for i in images])
    assert (masks == expected).mean() > 0.97


@pytest.mark.parametrize('config', EACH, ids=lambda c: f'{c.variant}-{c.norm}')
def test_every_member_of_the_family_has_all_precisions(
    config: UNetConfig, images: list[F32]
) -> None:
    torch.manual_seed(0)
    core = onnx_from_network(UNet(config), SIZE)
    some = images[:2]
    reference = logits(core, some)
    for precision, most in (('fp16', 0.01), ('int8', 0.5)):
        model = convert(core, precision, some)
        onnx.checker.check_model(model, full_check=True)
        assert {node.domain for node in model.graph.node} == {''}
        error = np.abs(logits(model, some) - reference).mean()
        assert 0.0 < error < most * reference.std(), precision


def test_a_file_shows_its_precision_with_its_ends_on(
    converted: dict[str, onnx.ModelProto],
) -> None:
    shown = {name: precision_of(wrap(core, MEAN, STD, 1.0)) for name, core in converted.items()}
    assert shown == {name: name for name in PRECISIONS}


def test_the_same_input_gives_the_same_bytes_and_other_images_other_ranges(
    core: onnx.ModelProto, converted: dict[str, onnx.ModelProto], images: list[F32]
) -> None:
    others = [2.0 * image for image in images]
    for precision, model in converted.items():
        content = model.SerializeToString()
        assert convert(core, precision, images).SerializeToString() == content
        differs = convert(core, precision, others).SerializeToString() != content
        assert differs == (precision == 'int8')


@pytest.mark.parametrize(
    ('ask', 'complaint'),
    [
        (lambda core, images: convert(core, 'int4', images), "'int4' is unknown; there are fp32"),
        (lambda core, _: convert(core, 'int8', []), 'int8 .* give at least one'),
    ],
    ids=['unknown', 'no images'],
)
def test_what_cannot_be_made_is_refused_with_a_sentence(
    core: onnx.ModelProto, images: list[F32], ask: Callable[..., object], complaint: str
) -> None:
    with pytest.raises(RequestError, match=complaint):
        ask(core, images)

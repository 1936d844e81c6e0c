"""TensorRT's own builder takes our files, and says what is wrong with others; it needs no GPU."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from helpers import run_python
import onnx
import torch

from unet_perception.core.geometry import Size
from unet_perception.errors import EngineError
from unet_perception.export.onnx_from_checkpoint import onnx_from_network
from unet_perception.export.precision import PRECISIONS, convert
from unet_perception.export.tensorrt_build import tensorrt_version, trial_plan
from unet_perception.export.wrap import wrap
from unet_perception.training.family import VARIANTS, UNetConfig
from unet_perception.training.unet import UNet
from unet_perception.training.validation import MEAN, STD

torch.set_num_threads(1)
SIZE = Size(32, 64)
SMALL = UNetConfig(2, (8, 12, 32))
EACH = [replace(SMALL, variant=v, norm=n) for v, n in product(VARIANTS, ('batch', 'group'))]
IS_INSTALLED = tensorrt_version() is not None
needs_builder = pytest.mark.skipif(not IS_INSTALLED, reason='TensorRT for RTX is not installed')


def core_of(config: UNetConfig) -> onnx.ModelProto:
    torch.manual_seed(0)
    return onnx_from_network(UNet(config).eval(), SIZE)


def images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(1, 3, *SIZE)).astype(np.float32) for _ in range(2)]


def wrapped(core: onnx.ModelProto, io: str = 'uint8') -> bytes:
    return wrap(core, MEAN, STD, 1.0, io).SerializeToString()


@needs_builder
@pytest.mark.parametrize('config', EACH, ids=lambda c: f'{c.variant}-{c.norm}')
def test_every_member_of_the_family_is_built_in_every_precision(config: UNetConfig) -> None:
    core = core_of(config)
    for precision in PRECISIONS:
        plan = trial_plan(
            wrapped(convert(core, precision, images())), f'{precision}.onnx', 'uint8'
        )
        assert plan is not None
        assert plan.builder == tensorrt_version()
        assert plan.size > 10_000


@needs_builder
def test_half_weights_make_a_smaller_plan() -> None:
    core = core_of(replace(SMALL, variant='standard', widths=(16, 64, 128)))
    plans = [
        trial_plan(wrapped(convert(core, p, [])), 'model.onnx', 'uint8') for p in ('fp32', 'fp16')
    ]
    fp32, fp16 = (plan.size for plan in plans if plan)
    assert fp16 < 0.8 * fp32


@needs_builder
def test_floats_on_the_ends_are_built_where_they_are_asked_for() -> None:
    content = wrapped(core_of(SMALL), 'float32')
    assert trial_plan(content, 'model.onnx', 'float32') is not None
    with pytest.raises(EngineError, match=r"'model.onnx' must have uint8 .*'image' float32"):
        trial_plan(content, 'model.onnx', 'uint8')


def of_one_operator(operator: str) -> bytes:
    """Return a graph of bytes in, one operator, bytes out."""
    return onnx.parser.parse_model(f"""
        <ir_version: 8, opset_import: ["" : 17]>
        graph (uint8[1, 4, 4, 3] image) => (uint8[1, 3, 4, 4] probabilities) {{
            probabilities = {operator} (image)
        }}
    """).SerializeToString()


@needs_builder
@pytest.mark.parametrize(
    ('content', 'complaint'),
    [
        (
            of_one_operator('Transpose <perm = [0, 3, 1, 2]>'),
            'Transpose .*has type UInt8 but must have',
        ),
        (of_one_operator('Frobnicate'), 'Frobnicate .*not found'),
        (b'no model at all', 'Failed to parse'),
        (b'', 'must have uint8 inputs and outputs; it has none'),
    ],
    ids=['bytes without Cast', 'unknown operator', 'garbage', 'empty'],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(content: bytes, complaint: str) -> None:
    with pytest.raises(EngineError, match=complaint) as caught:
        trial_plan(content, 'broken.onnx', 'uint8')
    assert "'broken.onnx'" in str(caught.value)
    assert '\n' not in str(caught.value)


def test_without_a_builder_there_is_no_plan_and_no_version() -> None:
    result = run_python(
        'import sys\n'
        'sys.modules.update(dict.fromkeys(("tensorrt_rtx", "tensorrt")))\n'
        'from unet_perception.export.tensorrt_build import trial_plan, tensorrt_version\n'
        'print(trial_plan(b"", "model.onnx", "uint8"), tensorrt_version())\n'
    )
    assert (result.returncode, result.stdout.split()) == (0, ['None', 'None']), result.stderr

"""The TensorRT engine on stand-ins for CUDA and TensorRT, on each kind of GPU and of model."""

from collections.abc import Iterator
import importlib
from pathlib import Path
import sys
from typing import Any

import pytest

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.register_assert_rewrite(
    'trt_rig', 'trt_run_checks', 'trt_refusal_checks', 'trt_plan_checks'
)

from small_model import artifact_of, small_model  # noqa: E402
from trt_checks import ENGINE_CHECKS, PLAN_CHECKS  # noqa: E402
from trt_rig import (  # noqa: E402
    MODULES,
    Check,
    Setting,
    expected,
    image,
    put,
)

from bench.fake_gpu import FakeCuda, FakeTensorRT  # noqa: E402
from unet_perception.core.engine import EngineOptions  # noqa: E402
from unet_perception.engines import ENGINES, problem_of, tensorrt  # noqa: E402
from unet_perception.errors import EngineError  # noqa: E402

CODE = {name: importlib.import_module(f'unet_perception.engines.{name}') for name in MODULES}
KINDS = [(is_integrated, io) for is_integrated in (False, True) for io in ('uint8', 'float32')]
CUDA = 'cuda.bindings.runtime'


def name_of(check: Check) -> str:
    return check.__name__


@pytest.mark.parametrize(
    'kind', KINDS, ids=lambda kind: f'{"mapped" if kind[0] else "copied"}-{kind[1]}'
)
@pytest.mark.parametrize('check', ENGINE_CHECKS, ids=name_of)
def test_of_an_engine(check: Check, kind: tuple[bool, str], tmp_path: Path) -> None:
    put(check, Setting(CODE, tmp_path, *kind))


@pytest.mark.parametrize('check', PLAN_CHECKS, ids=name_of)
def test_of_plans(check: Check, tmp_path: Path) -> None:
    put(check, Setting(CODE, tmp_path))


def test_each_image_has_an_answer_of_its_own() -> None:
    answers = {expected(small_model(), 'uint8', seed).tobytes() for seed in (1, 2, 3, 4)}
    assert len(answers) == 4


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Put stand-ins for both libraries where they are imported from; all can be changed."""
    put_in(monkeypatch, FakeCuda())
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    tensorrt.machine.cache_clear()
    yield monkeypatch
    tensorrt.machine.cache_clear()


def put_in(patch: pytest.MonkeyPatch, cuda: FakeCuda) -> None:
    patch.setitem(sys.modules, CUDA, cuda)  # type: ignore[arg-type]
    patch.setitem(sys.modules, 'tensorrt', FakeTensorRT(cuda))  # type: ignore[arg-type]
    patch.setitem(sys.modules, 'tensorrt_rtx', None)  # type: ignore[arg-type]


@pytest.mark.usefixtures('machine')
def test_the_backend_serves_by_what_is_installed(tmp_path: Path) -> None:
    content = small_model()
    assert tensorrt.problem() == ''
    with tensorrt.open_engine(
        content, artifact_of(content), 3, EngineOptions(may_build=True)
    ) as engine:
        answer = engine.infer(image(1)).probabilities
        assert (answer == expected(content, 'uint8', 1)).all()
        assert engine.spec.backend == 'tensorrt'
        assert engine.spec.device == 'Fake Orin'
        assert {'library', 'cuda', 'gpu', 'plan', 'memory', 'cuda_graph'} == set(engine.facts)
    assert list((tmp_path / 'unet_perception' / 'tensorrt').glob('*.plan'))


def test_tensorrt_for_rtx_will_do(machine: pytest.MonkeyPatch) -> None:
    rtx = FakeTensorRT(FakeCuda(), name='tensorrt_rtx', version='1.7.1')
    machine.setitem(sys.modules, 'tensorrt', None)  # type: ignore[arg-type]
    machine.setitem(sys.modules, 'tensorrt_rtx', rtx)  # type: ignore[arg-type]
    assert tensorrt.problem() == ''
    assert tensorrt.machine().facts()['library'] == 'tensorrt_rtx 1.7.1'


def without(module: str) -> Any:
    return lambda patch, folder: patch.setitem(sys.modules, module, None)


def on(**options: Any) -> Any:
    return lambda patch, folder: put_in(patch, FakeCuda(**options))


def others_may_write(patch: pytest.MonkeyPatch, folder: Path) -> None:
    cache = folder / 'unet_perception' / 'tensorrt'
    cache.mkdir(parents=True)
    cache.chmod(0o777)


PROBLEMS = {
    'no TensorRT': (without('tensorrt'), 'TensorRT does not load (tensorrt: '),
    'no cuda-bindings': (without(CUDA), 'cuda-bindings does not load ('),
    'an old driver': (on(driver=11040), 'install the NVIDIA driver for this CUDA'),
    'no driver': (on(driver=0), 'cudaErrorInsufficientDriver'),
    'no GPU': (on(devices=0), 'docker run --runtime nvidia'),
    'a folder that others write': (others_may_write, 'chmod 700'),
}


@pytest.mark.parametrize('name', PROBLEMS)
def test_what_is_wrong_with_a_machine_is_told(
    name: str, machine: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoil, words = PROBLEMS[name]
    spoil(machine, tmp_path)
    assert words in tensorrt.problem()
    assert problem_of('tensorrt') == tensorrt.problem()
    assert ENGINES['tensorrt'].cure
    with pytest.raises(EngineError):
        tensorrt.machine()


def test_a_machine_that_was_mended_is_asked_again(machine: pytest.MonkeyPatch) -> None:
    put_in(machine, FakeCuda(devices=0))
    assert tensorrt.problem()
    put_in(machine, FakeCuda())
    assert tensorrt.problem() == ''

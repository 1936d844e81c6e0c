"""A backend is chosen for a reason, or refused with its cure."""

from pathlib import Path

from helpers import LANE, edit_manifest, model_copy
import pytest

from unet_perception import engines
from unet_perception.core.manifest import model_from_folder
from unet_perception.engines import (
    ENGINES,
    Choice,
    available_engines,
    choose_backend,
    choose_precision,
)
from unet_perception.engines.gpu import GPU_FILES, has_gpu, what_tensorrt_lacks
from unet_perception.errors import EngineError


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> object:
    """Pretend that only the given backends lack nothing, and which of them do not load."""

    def pretend(*backends: str, broken: tuple[str, ...] = ()) -> None:
        for name, entry in ENGINES.items():
            lacks = '' if name in backends else f'{name} is not there (get {name})'
            monkeypatch.setitem(ENGINES, name, entry._replace(lacks=lambda told=lacks: told))
        problems = dict.fromkeys(broken, 'lib.so is missing')
        monkeypatch.setattr(engines, 'problem_of', lambda name: problems.get(name, ''))

    return pretend


def test_auto_takes_the_best_and_says_why(offer) -> None:
    offer('tensorrt', 'openvino', 'onnxruntime')
    assert choose_backend('auto') == Choice('tensorrt', 'auto: the best that is available')
    assert available_engines() == ['tensorrt', 'openvino', 'onnxruntime']


def test_auto_takes_what_there_is_and_says_what_is_missing(offer) -> None:
    offer('onnxruntime')
    choice = choose_backend('auto')
    assert choice.backend == 'onnxruntime'
    assert choice.reason == (
        'auto: the best that is available; tensorrt: tensorrt is not there (get tensorrt); '
        'openvino: openvino is not there (get openvino)'
    )
    assert available_engines() == ['onnxruntime']


def test_auto_passes_over_what_does_not_load_and_says_so(offer) -> None:
    offer('openvino', 'onnxruntime', broken=('openvino',))
    choice = choose_backend('auto')
    assert choice.backend == 'onnxruntime'
    assert choice.reason.endswith(
        '; openvino: it does not load: lib.so is missing; pip install openvino'
    )


def test_with_nothing_that_can_be_used_auto_names_every_cause_and_cure(offer) -> None:
    offer('openvino', 'onnxruntime', broken=('openvino', 'onnxruntime'))
    with pytest.raises(EngineError, match='no inference backend is available: ') as caught:
        choose_backend('auto')
    text = str(caught.value)
    assert 'get tensorrt' in text
    assert all(ENGINES[name].cure in text for name in ('openvino', 'onnxruntime'))


@pytest.mark.parametrize('name', ENGINES)
def test_a_backend_by_name_is_taken_or_missed_with_its_cure(offer, name: str) -> None:
    offer(name)
    assert choose_backend(name) == Choice(name, 'asked for by name')
    offer()
    with pytest.raises(EngineError, match=rf"'{name}' is not available: .*\(get {name}\)"):
        choose_backend(name)


@pytest.mark.parametrize('name', ['', 'tensorflow', 'OpenVINO', 'ort'])
def test_an_unknown_backend_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(EngineError, match=f'{name!r} is unknown; there are auto, tensorrt, openv'):
        choose_backend(name)


class TestTensorRt:
    def test_a_machine_without_gpu_is_told_what_it_lacks(self, tmp_path: Path) -> None:
        assert not has_gpu(tmp_path)
        assert 'no NVIDIA GPU' in what_tensorrt_lacks(tmp_path)

    @pytest.mark.parametrize('pattern', GPU_FILES)
    def test_each_sign_of_a_gpu_is_seen(self, pattern: str, tmp_path: Path) -> None:
        file = tmp_path / pattern.replace('[0-9]*', '1')
        file.parent.mkdir(parents=True)
        file.touch()
        assert has_gpu(tmp_path)
        assert 'no NVIDIA GPU' not in what_tensorrt_lacks(tmp_path)

    def test_libraries_that_are_missing_are_named_with_their_cures(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr('unet_perception.engines.gpu.find_spec', lambda name: None)
        text = what_tensorrt_lacks(tmp_path)
        assert 'sudo apt install python3-libnvinfer' in text
        assert "pip install 'cuda-bindings>=12.9.1,<13'" in text


def test_precision_is_the_best_of_the_backend_that_the_model_has(tmp_path: Path) -> None:
    model = model_from_folder(LANE)
    assert choose_precision('auto', 'tensorrt', model) == 'fp16'
    assert choose_precision('auto', 'openvino', model) == 'fp32'
    assert choose_precision('int8', 'openvino', model) == 'int8'
    folder = model_copy(tmp_path)
    edit_manifest(
        folder,
        lambda document: document.update(
            artifacts=[a for a in document['artifacts'] if a['precision'] == 'fp32']
        ),
    )
    assert choose_precision('auto', 'tensorrt', model_from_folder(folder)) == 'fp32'

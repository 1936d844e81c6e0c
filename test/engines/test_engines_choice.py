"""A backend is chosen for a reason, or refused with its cure."""

import importlib.util

import pytest

from unet_perception import engines
from unet_perception.engines import ENGINES, Choice, available_engines, choose_backend
from unet_perception.errors import EngineError


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> object:
    """Pretend that only the given libraries are installed, and which of them do not load."""

    def pretend(*libraries: str, broken: tuple[str, ...] = ()) -> None:
        problems = dict.fromkeys(broken, 'lib.so is missing')
        monkeypatch.setattr(engines, 'problem_of', lambda name: problems.get(name, ''))
        monkeypatch.setattr(
            importlib.util, 'find_spec', lambda name: name if name in libraries else None
        )

    return pretend


def test_auto_takes_the_best_and_says_why(install) -> None:
    install('openvino', 'onnxruntime')
    assert choose_backend('auto') == Choice('openvino', 'auto: best of openvino, onnxruntime')


def test_auto_takes_what_there_is_and_says_what_is_missing(install) -> None:
    install('onnxruntime')
    expected = 'auto: best of onnxruntime, not installed: openvino'
    assert choose_backend('auto') == Choice('onnxruntime', expected)
    assert available_engines() == ['onnxruntime']


def test_auto_passes_over_what_does_not_load_and_says_so(install) -> None:
    install('openvino', 'onnxruntime', broken=('openvino',))
    choice = choose_backend('auto')
    assert choice.backend == 'onnxruntime'
    assert choice.reason.endswith('; openvino does not load: lib.so is missing')


def test_with_nothing_that_loads_auto_names_every_cause_and_cure(install) -> None:
    install('openvino', 'onnxruntime', broken=('openvino', 'onnxruntime'))
    with pytest.raises(EngineError, match='no inference backend loads: openvino does') as caught:
        choose_backend('auto')
    assert all(entry.cure in str(caught.value) for entry in ENGINES.values())


def test_with_nothing_installed_auto_names_every_cure(install) -> None:
    install()
    with pytest.raises(EngineError, match='no inference backend is installed') as caught:
        choose_backend('auto')
    assert all(entry.cure in str(caught.value) for entry in ENGINES.values())


@pytest.mark.parametrize('name', ENGINES)
def test_a_backend_by_name_is_taken_or_missed_with_its_cure(install, name: str) -> None:
    install(ENGINES[name].requires)
    assert choose_backend(name) == Choice(name, 'asked for by name')
    install()
    with pytest.raises(EngineError, match=f"'{name}' is not installed; {ENGINES[name].cure}"):
        choose_backend(name)


@pytest.mark.parametrize('name', ['', 'tensorflow', 'OpenVINO', 'ort'])
def test_an_unknown_backend_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(EngineError, match=f'{name!r} is unknown; there are auto, openvino, onnx'):
        choose_backend(name)

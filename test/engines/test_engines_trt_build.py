"""Plans are built by NVIDIA's own builder, which needs no GPU; it tells how far it is."""

from collections.abc import Iterator
import os
import signal
from threading import Timer
from time import monotonic

import pytest
from small_model import small_model

from unet_perception.core.manifest import model_from_folder
from unet_perception.core.paths import model_folder
from unet_perception.engines.trt_build import STEPS, Phases, Source, built_plan
from unet_perception.engines.trt_library import Library, load_tensorrt
from unet_perception.errors import EngineError


@pytest.fixture(scope='module')
def library() -> Library:
    pytest.importorskip('tensorrt_rtx', reason='TensorRT for RTX is not installed')
    return Library(load_tensorrt(('tensorrt_rtx',)))


@pytest.fixture(scope='module')
def source() -> Source:
    model = model_from_folder(model_folder('lane'))
    artifact = model.manifest.artifact('fp16', model.manifest.best_first[-1])
    return Source(model.read(artifact.file), artifact.file.file, artifact.io)


def test_progress_never_goes_back_and_comes_to_the_end(library: Library, source: Source) -> None:
    told: list[tuple[str, int, int]] = []
    plan = built_plan(library, source, on_progress=lambda *seen: told.append(seen))
    assert len(plan) > 100_000
    done = [each[1] for each in told]
    assert done == sorted(done)
    assert done[0] < STEPS / 2
    assert done[-1] == STEPS
    assert {each[0] for each in told} == {f'building {source.file}'}
    assert {each[2] for each in told} == {STEPS}


@pytest.mark.parametrize('after', [1, 100])
def test_ctrl_c_ends_a_build_and_the_next_one_is_as_ever(
    library: Library, source: Source, after: int
) -> None:
    calls: list[int] = []

    def interrupt(what: str, done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built_plan(library, source, on_progress=interrupt)
    assert len(calls) < after + 20, 'the build did not go on to its end'
    assert len(built_plan(library, source)) > 100_000


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let Ctrl-C be heard, which a process that was started in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def build_often(library: Library, source: Source) -> None:
    """Build until something ends it: on a busy machine a signal may come after the first."""
    for _ in range(20):
        built_plan(library, source)


@pytest.mark.parametrize('share', [0.05, 0.2, 0.4, 0.6, 0.8])
def test_a_real_signal_ends_a_build_wherever_it_comes(
    library: Library, source: Source, share: float, interruptible: None
) -> None:
    """TensorRT calls Python for each message, and swallows what is raised there."""
    began = monotonic()
    built_plan(library, source)
    timer = Timer(share * (monotonic() - began), os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        build_often(library, source)
    timer.join()
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_same_file_gives_the_same_plan_and_a_workspace_is_taken(library: Library) -> None:
    source = Source(small_model(), 'small.onnx', 'uint8')
    plan = built_plan(library, source)
    assert built_plan(library, source) == plan
    assert built_plan(library, source, workspace_mb=64)


def test_messages_of_an_earlier_failure_are_not_told_again(library: Library) -> None:
    with pytest.raises(EngineError, match=r"can't parse 'a\.onnx'"):
        built_plan(library, Source(b'no model', 'a.onnx', 'uint8'))
    with pytest.raises(EngineError, match=r"'b\.onnx' must have float32 inputs") as caught:
        built_plan(library, Source(small_model(), 'b.onnx', 'float32'))
    assert 'a.onnx' not in str(caught.value)


class TestPhases:
    def test_a_phase_alone_is_counted_in_its_steps(self) -> None:
        phases = Phases()
        phases.start('build', None, 4)
        assert [phases.step('build', k) for k in range(4)] == [0.25, 0.5, 0.75, 1.0]

    def test_a_phase_inside_fills_one_step_of_its_parent(self) -> None:
        phases = Phases()
        phases.start('build', None, 2)
        phases.start('tune', 'build', 4)
        assert [phases.step('tune', k) for k in range(4)] == [0.125, 0.25, 0.375, 0.5]
        phases.finish('tune')
        assert phases.step('build', 0) == 0.5

    def test_it_never_goes_back_nor_beyond_the_end(self) -> None:
        phases = Phases()
        phases.start('build', None, 1)
        phases.start('again', 'build', 2)
        assert phases.step('again', 1) == 1.0
        phases.finish('again')
        phases.start('again', 'build', 5)
        assert phases.step('again', 0) == 1.0
        assert phases.step('build', 3) == 1.0

    def test_a_phase_that_was_never_begun_changes_nothing(self) -> None:
        phases = Phases()
        assert phases.step('unknown', 3) == 0.0
        phases.start('inside', 'unknown', 2)
        assert phases.step('inside', 0) == 0.0

    def test_a_phase_of_no_steps_is_no_division_by_zero(self) -> None:
        phases = Phases()
        phases.start('build', None, 0)
        assert phases.step('build', 0) == 1.0

"""The node on TensorRT: served, refused, and through every fault, on a GPU that is a fake."""

from collections.abc import Callable
from pathlib import Path
import re
from time import sleep
from typing import Any

import numpy as np
import pytest

pytest.importorskip('onnx', reason='onnx is not installed: pip install onnx')

from helpers import LANE, edit_manifest, model_copy
import rclpy.lifecycle

from bench.fake_gpu import FakeCuda, FakeTensorRT
from rig import Rig, image_message, wait_until
from unet_perception import engines
from unet_perception.core.engine import Engine, EngineOptions
from unet_perception.core.footage import frames_from_path
from unet_perception.core.frame import U8, frame_from_pixels
from unet_perception.core.manifest import Artifact, Model, model_from_folder
from unet_perception.core.paths import sample_footage
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.engines import ENGINES
from unet_perception.engines.device import Device
from unet_perception.engines.plan_cache import PlanCache
from unet_perception.engines.tensorrt import Machine
from unet_perception.engines.trt_library import Library
from unet_perception.export.reference_engine import reference_engine

SUCCESS = rclpy.lifecycle.TransitionCallbackReturn.SUCCESS
FAILURE = rclpy.lifecycle.TransitionCallbackReturn.FAILURE
OK, ERROR = 0, 2
POINT = '128x256'


class Robot:
    """A machine with a GPU, and a node's parameters for it."""

    def __init__(self, folder: Path, **device: Any) -> None:
        self.cuda = FakeCuda(**device)
        self.trt = FakeTensorRT(self.cuda)
        self.machine = Machine(Library(self.trt), Device(self.cuda), PlanCache(folder))

    def open_engine(
        self, backend: str, model: Model, artifact: Artifact, options: EngineOptions
    ) -> Engine:
        """Open as `engines.open_engine` does."""
        assert backend == 'tensorrt'
        content, classes = model.read(artifact.file), len(model.manifest.classes)
        return self.machine.open_engine(content, artifact, classes, options)

    def fail(self, function: str, code: int, **how: Any) -> None:
        """Let a call of CUDA answer with an error."""
        self.cuda.fail(function, self.cuda.cudaError_t(code), **how)

    def rig(self, **parameters: Any) -> Rig:
        """Return a node on this machine."""
        wanted = {'backend': 'tensorrt', 'operating_point': POINT, **parameters}
        return Rig(self.open_engine, **wanted)


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let TensorRT lack nothing here."""
    monkeypatch.setitem(ENGINES, 'tensorrt', ENGINES['tensorrt']._replace(lacks=lambda: ''))
    monkeypatch.setattr(engines, 'problem_of', lambda name: '')


@pytest.fixture
def robot(offered: None, tmp_path: Path) -> Robot:
    return Robot(tmp_path)


@pytest.fixture(scope='module')
def highway() -> U8:
    return next(frames_from_path(sample_footage('lane')))


def publish_until(rig: Rig, bgr: U8, counter: str, more: int = 1) -> bool:
    """Publish images until so many more have ended in a counter."""
    before = rig.counters().get(counter, 0)

    def seen() -> bool:
        rig.images.publish(image_message(bgr))
        sleep(0.05)
        return rig.counters().get(counter, 0) >= before + more

    return wait_until(seen)


def values_of(rig: Rig, name: str) -> dict[str, str]:
    assert wait_until(lambda: rig.status_of(name) is not None)
    return {pair.key: pair.value for pair in rig.status_of(name).values}


@pytest.mark.parametrize('integrated', [False, True], ids=['discrete', 'integrated'])
def test_the_mask_is_that_of_the_half_precision_file(
    offered: None, tmp_path: Path, highway: U8, integrated: bool
) -> None:
    robot = Robot(tmp_path, is_integrated=integrated)
    with robot.rig().start() as rig:
        rig.images.publish(image_message(highway))
        assert wait_until(lambda: rig.received['mask'])
        mask = np.frombuffer(bytes(rig.received['mask'][0].data), np.uint8)
        assert wait_until(lambda: rig.level_of('engine') == OK)
        values = values_of(rig, 'engine')
    model = model_from_folder(LANE)
    point = next(p for p in model.manifest.operating_points if p.name == POINT)
    artifact = model.manifest.artifact('fp16', point)
    with reference_engine(model.read(artifact.file), artifact, 3) as engine:
        pipeline = SegmentationPipeline(engine, model.manifest.resize)
        expected = pipeline.run(frame_from_pixels(highway, 'bgr8')).mask
        assert np.array_equal(mask, expected.ravel())
    assert (values['backend'], values['precision']) == ('tensorrt', 'fp16')
    assert values['memory'] == ('mapped' if integrated else 'copied')
    assert values['cuda_graph'] == 'yes'
    assert values['gpu'] == 'Fake Orin, compute capability 8.7, 16 SM'
    assert values['plan'].startswith('built in ')
    assert (robot.cuda.live, robot.cuda.violations) == ([], [])


@pytest.fixture
def plan_of() -> Callable[[Rig], str]:
    return lambda rig: values_of(rig, 'engine').get('plan', '')


def test_a_second_start_finds_the_plan(robot: Robot, plan_of: Callable[[Rig], str]) -> None:
    with robot.rig(precision='int8').start() as rig:
        assert wait_until(lambda: plan_of(rig).startswith('built in '))
        assert values_of(rig, 'engine')['precision'] == 'int8'
    with robot.rig(precision='int8').start() as rig:
        assert wait_until(lambda: plan_of(rig).startswith('found: '))
    assert len(robot.machine.cache.plans()) == 1


class TestHere:
    """On this machine, which has no GPU."""

    @pytest.fixture(autouse=True)
    def _without_gpu(self) -> None:
        if engines.gpu.has_gpu():
            pytest.skip('there is a GPU here')

    def test_tensorrt_is_refused_at_configure_with_what_is_missing(self) -> None:
        with Rig(backend='tensorrt') as rig:
            assert rig.node.trigger_configure() is FAILURE
            assert wait_until(lambda: rig.level_of('engine') == ERROR)
            message = rig.message_of('engine')
        assert "backend 'tensorrt' is not available: there is no NVIDIA GPU here" in message

    def test_auto_falls_to_the_cpu_and_says_why(self) -> None:
        pytest.importorskip('openvino')
        with Rig(backend='auto', operating_point=POINT).start() as rig:
            assert wait_until(lambda: rig.level_of('engine') == OK)
            values = values_of(rig, 'engine')
        assert values['backend'] == 'openvino'
        assert '; tensorrt: there is no NVIDIA GPU here' in values['reason']
        assert values['precision'] == 'fp32'


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        (lambda r: r.trt.fail('parse', 'unsupported operator'), "can't parse .*unsupported oper"),
        (lambda r: r.trt.fail('build', 'out of memory'), "can't build .*out of memory; free mem"),
        (
            lambda r: r.trt.fail('deserialize', 'no'),
            "can't load the plan that it has bui",
        ),
        (lambda r: r.trt.fail('context', 'OutOfMemory'), "can't take memory to run in: OutOfMem"),
        (lambda r: r.fail('cudaHostAlloc', 2), 'cudaErrorMemoryAllocation .*; free memory'),
        (lambda r: r.fail('cudaMalloc', 2, after=1), 'cudaErrorMemoryAllocation'),
        (lambda r: r.fail('cudaSetDevice', 35), 'cudaErrorInsufficientDriver .*; install th'),
        (lambda r: r.fail('cudaStreamSynchronize', 700), 'IllegalAddress .*; the GPU was re'),
    ],
    ids=[
        *('parse', 'build memory', 'load', 'context memory', 'host memory', 'device memory'),
        *('driver', 'sticky'),
    ],
)
def test_a_fault_at_configure_is_told_and_the_next_try_succeeds(
    robot: Robot, highway: U8, fault: Callable[[Robot], None], words: str
) -> None:
    fault(robot)
    with robot.rig() as rig:
        assert rig.node.trigger_configure() is FAILURE
        assert (robot.cuda.live, robot.cuda.violations) == ([], [])
        assert wait_until(lambda: rig.level_of('engine') == ERROR)
        assert re.search(words, rig.message_of('engine'))
        rig.start()
        assert publish_until(rig, highway, 'published')


def test_without_leave_to_build_configure_names_the_command(robot: Robot) -> None:
    with robot.rig(allow_engine_build=False) as rig:
        assert rig.node.trigger_configure() is FAILURE
        assert wait_until(lambda: 'unet_perception build-engine' in rig.message_of('engine'))


def test_a_run_that_fails_costs_its_frame(robot: Robot, highway: U8) -> None:
    with robot.rig().start() as rig:
        assert publish_until(rig, highway, 'published')
        robot.fail('cudaGraphLaunch', 400)
        assert publish_until(rig, highway, 'failed')
        assert publish_until(rig, highway, 'published')
        assert rig.counters()['failed'] == 1
        assert wait_until(lambda: rig.level_of('engine') == ERROR)
        assert 'cudaErrorInvalidResourceHandle' in rig.message_of('engine')
    assert (robot.cuda.live, robot.cuda.violations) == ([], [])


@pytest.mark.parametrize('code', [700, 719, 999], ids=['address', 'launch', 'unknown'])
def test_a_sticky_error_is_survived_once_by_all_operating_points(
    robot: Robot, highway: U8, code: int
) -> None:
    with robot.rig(operating_point='auto').start() as rig:
        assert publish_until(rig, highway, 'published')
        robot.fail('cudaStreamSynchronize', code)
        assert publish_until(rig, highway, 'failed')
        assert publish_until(rig, highway, 'published', 3)
        assert rig.counters()['failed'] == 1
        robot.fail('cudaStreamSynchronize', code)
        assert publish_until(rig, highway, 'failed', 3)
        words = 'clean the node up and configure it'
        assert wait_until(lambda: words in rig.message_of('engine'))
        assert rig.level_of('engine') == ERROR
        assert rig.node.trigger_deactivate() is SUCCESS
        assert rig.node.trigger_cleanup() is SUCCESS
        rig.start()
        assert publish_until(rig, highway, 'published')
    assert (robot.cuda.live, robot.cuda.violations) == ([], [])


def test_a_gpu_that_is_gone_fails_every_frame_and_the_node_lives(
    robot: Robot, highway: U8
) -> None:
    with robot.rig().start() as rig:
        assert publish_until(rig, highway, 'published')
        robot.fail('cudaStreamSynchronize', 100, gone=True)
        assert publish_until(rig, highway, 'failed', 3)
        assert wait_until(lambda: rig.level_of('engine') == ERROR)
        assert wait_until(lambda: 'the GPU does not come back' in rig.message_of('engine'))
        health = rig.health()
        assert wait_until(lambda: sum(rig.health().counters.values()) == rig.health().received)
        assert health.counters['published'] >= 1
        assert rig.node.trigger_deactivate() is SUCCESS
        assert rig.node.trigger_cleanup() is SUCCESS
        assert rig.node.trigger_configure() is FAILURE
        assert wait_until(lambda: rig.message_of('engine').startswith('cudaDeviceReset: '))


def test_a_plan_that_was_tampered_with_is_built_again(robot: Robot, highway: U8) -> None:
    with robot.rig().start():
        pass
    (plan,) = robot.machine.cache.folder.glob('*.plan')
    content = bytearray(plan.read_bytes())
    content[len(content) // 2] ^= 1
    plan.write_bytes(content)
    with robot.rig().start() as rig:
        assert wait_until(lambda: values_of(rig, 'engine').get('plan', '').startswith('built in'))
        assert publish_until(rig, highway, 'published')


def test_a_file_of_another_precision_than_the_manifest_says_is_refused(
    robot: Robot, tmp_path: Path
) -> None:
    folder = model_copy(tmp_path / 'model')

    def swap(document: dict[str, Any]) -> None:
        for entry in document['artifacts']:
            swaps = {'fp32': 'fp16', 'fp16': 'fp32'}
            entry['precision'] = swaps.get(entry['precision'], entry['precision'])

    edit_manifest(folder, swap)
    with robot.rig(model=str(folder)) as rig:
        assert rig.node.trigger_configure() is FAILURE
        assert wait_until(
            lambda: 'its tensors are fp32, the manifest says fp16' in rig.message_of('engine')
        )


def test_a_build_is_seen_in_diagnostics_as_it_goes_on(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    with robot.rig() as rig:

        def look() -> bool:
            seen.extend(status.message for status in rig.node.look() if status.name == 'engine')
            return False

        monkeypatch.setattr('unet_perception.ros.node.is_told_to_stop', look)
        rig.start()
        assert wait_until(lambda: rig.level_of('engine') == OK)
    assert seen[0] == 'BUILDING: the engine is being opened, warmed up and checked'
    shares = [int(text.split()[-2]) for text in seen[1:]]
    assert shares == sorted(shares)
    assert shares[-1] > 50
    assert seen[-1].startswith('BUILDING: building model.fp16.128x256.onnx, ')


def test_a_process_that_is_told_to_stop_does_not_wait_for_a_build(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with robot.rig() as rig:
        with monkeypatch.context() as patch:
            patch.setattr('unet_perception.ros.node.is_told_to_stop', lambda: True)
            assert rig.node.trigger_configure() is FAILURE
            words = 'told to stop while building model.fp16.128x256.onnx'
            assert wait_until(lambda: rig.message_of('engine') == words)
        assert robot.machine.cache.plans() == []
        rig.start()


def test_other_operating_points_are_told_of_where_they_differ(robot: Robot) -> None:
    robot.fail('cudaStreamBeginCapture', 1, after=1)
    with robot.rig(operating_point='auto').start() as rig:
        values = values_of(rig, 'engine')
        assert wait_until(lambda: 'plan' in values_of(rig, 'engine'))
        values = values_of(rig, 'engine')
    assert values['cuda_graph'] == 'yes'
    assert values['cuda_graph_192x384'].startswith('no: cudaStreamBeginCapture')
    assert 'cuda_graph_128x256' not in values
    assert values['plan_128x256'].startswith('built in')
    assert 'gpu_128x256' not in values

"""The GPU acceptance runs from end to end on a stand-in, and can fail; its figures are figures."""

from collections.abc import Callable
import json
from pathlib import Path
import sys
from types import SimpleNamespace
from typing import Any

from helpers import LANE, noise
import numpy as np
import pytest

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.importorskip('matplotlib')

from bench import aims, gpu_acceptance, gpu_node, trt_overhead
from bench.fake_gpu import FakeCuda
from bench.fake_gpu.trt_library import session_of
from bench.gpu_cases import cases, served_case, with_ends
from bench.gpu_latency import times_told, trtexec
from bench.gpu_page import acceptance_page
from bench.gpu_rig import Rig, no_capture
from bench.gpu_soak import temperatures
from unet_perception.core import golden
from unet_perception.core.manifest import model_from_folder
from unet_perception.engines import gpu, tensorrt
from unet_perception.engines.plan_cache import PlanCache
from unet_perception.errors import EngineError

MODEL = model_from_folder(LANE)
COARSEST = MODEL.manifest.best_first[-1]
PERFORMANCE = """
[11/25/2026-10:00:00] [I] === Performance summary ===
[11/25/2026-10:00:00] [I] Throughput: 812.3 qps
[11/25/2026-10:00:00] [I] Latency: min = 1.10 ms, max = 2.40 ms, mean = 1.30 ms, \
median = 1.25 ms, percentile(90%) = 1.40 ms, percentile(95%) = 1.50 ms, percentile(99%) = 2.00 ms
[11/25/2026-10:00:00] [I] Enqueue Time: min = 0.01 ms, max = 0.09 ms, mean = 0.02 ms, \
median = 0.02 ms, percentile(90%) = 0.03 ms, percentile(95%) = 0.04 ms, percentile(99%) = 0.05 ms
[11/25/2026-10:00:00] [I] H2D Latency: min = 0.1 ms, max = 0.2 ms, mean = 0.1 ms, \
median = 0.1 ms, percentile(90%) = 0.1 ms, percentile(95%) = 0.1 ms, percentile(99%) = 0.15 ms
[11/25/2026-10:00:00] [I] GPU Compute Time: min = 1.00 ms, max = 1.60 ms, mean = 1.05 ms, \
median = 1.03125 ms, percentile(90%) = 1.1 ms, percentile(95%) = 1.2 ms, percentile(99%) = 1.5 ms
"""
TOLD = {'latency': {'p50': 1.25, 'p99': 2.0}, 'gpu_compute': {'p50': 1.03125, 'p99': 1.5}}
REFUSED = '[11/25/2026-10:00:00] [E] Error[1]: the plan is of another version'


@pytest.fixture
def without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_acceptance, 'is_ros_here', lambda: False)


def dry(out: Path, model: str = 'grasp') -> tuple[int, dict[str, Any], str]:
    code = gpu_acceptance.main([model, '--dry', '--out', str(out)])
    files = (out / f'gpu_acceptance.{kind}' for kind in ('json', 'html'))
    result, page = (file.read_text() for file in files)
    return code, json.loads(result), page


def test_a_dry_run_passes_and_tells_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands, served = [], gpu_node.served

    def noted(command: list[str], scratch: Path, camera: Any) -> Any:
        commands.append((command, camera.arguments(1.0)))
        return served(command, scratch, camera)

    monkeypatch.setattr(gpu_node, 'served', noted)
    code, result, page = dry(tmp_path, 'lane')
    assert (code, result['problems']) == (0, [])
    assert result['passed']
    assert result['is_finished']
    assert {'schema', 'is_dry', 'began', 'machine'} <= set(result)
    assert 'DRY RUN' in page
    assert 'DRY RUN' in capsys.readouterr().out
    kinds = {(row['precision'], row['io']) for row in result['artifacts']}
    assert kinds == {(p, io) for p in ('fp32', 'fp16', 'int8') for io in ('uint8', 'float32')}
    for row in result['artifacts']:
        assert row['facts']['cuda_graph'] == 'yes'
        assert min(row['golden_iou']) >= row['least_iou']
        assert row.get('difference', 0) <= 1
        assert row['plan_mb'] > 0
        for way in ('with_graph', 'without_graph'):
            assert row[way]['infer_ms']['max'] >= row[way]['run_ms']['max'] > 0
    assert result['soak']['runs'] > 0
    assert all(tenth['is_same'] for tenth in result['soak']['tenths'])
    assert result['reload']['found_plan'].startswith('found')
    assert result['reload']['spoilt_plan'].startswith('built')
    if gpu_node.is_ros_here():
        ((command, camera),) = commands
        assert {'backend:=auto', f'model:={LANE}', 'operating_point:=128x256'} <= set(command)
        assert camera == ['960', '544', '30.0', '90', '1.0']
        assert [row['camera'] for row in result['node']] == ['960x544']
        assert result['node'][0]['masks'] > 1
    else:
        assert result['node'] == gpu_node.NO_ROS


@pytest.mark.usefixtures('without_node')
def test_a_wrong_answer_fails_the_run_and_no_other_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infer = tensorrt.TrtEngine.infer

    def shifted(self: Any, image: Any) -> Any:
        output = infer(self, image)
        if (self.spec.io, self.spec.precision) == ('float32', 'fp32'):
            output.probabilities[...] ^= 2
        return output

    monkeypatch.setattr(tensorrt.TrtEngine, 'infer', shifted)
    monkeypatch.setitem(golden.LEAST_IOU, 'int8', 1.01)
    code, result, page = dry(tmp_path)
    assert (code, result['passed'], result['is_finished']) == (1, False, True)
    other_ends, file, twin = result['problems']
    assert 'differs by 2 of 255' in other_ends
    assert all('int8' in each and 'golden' in each and '1.01' in each for each in (file, twin))
    rows = [row for row in result['artifacts'] if row['precision'] == 'int8']
    assert all('golden_iou' not in row and 'with_graph' in row for row in rows)
    assert (result['soak']['failures'], result['node']) == ([], gpu_node.NO_ROS)
    assert 'failed: 3 problems' in page


@pytest.mark.usefixtures('without_node')
def test_plans_that_are_not_kept_and_graphs_that_are_not_captured_fail_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(PlanCache, 'put', full)
    monkeypatch.setattr(FakeCuda, 'cudaStreamBeginCapture', lambda *_: (801,))
    code, result, _ = dry(tmp_path)
    problems = '\n'.join(result['problems'])
    assert code == 1
    assert problems.count('CUDA graph no') == 6
    assert problems.count('its plan was not kept') == 6
    assert 'reload: ' in problems


@pytest.mark.usefixtures('without_node')
def test_what_breaks_off_is_written_and_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu_acceptance, 'soak', interrupted)
    code, result, page = dry(tmp_path)
    assert (code, result['is_finished'], result['passed']) == (1, False, False)
    assert result['problems'] == ['interrupted']
    assert len(result['artifacts']) == 6
    assert 'interrupted' in page


@pytest.mark.parametrize(
    'arguments', [['lane'], ['nonsense', '--dry']], ids=['no GPU', 'no model']
)
def test_without_a_gpu_or_a_model_there_is_a_sentence_and_no_report(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(gpu, 'has_gpu', lambda *_: False)
    assert gpu_acceptance.main([*arguments, '--out', str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert gpu.what_tensorrt_lacks() in told if arguments == ['lane'] else 'nonsense' in told
    assert len(told.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_images_without_a_mask_are_a_problem_if_they_are_many() -> None:
    row = {'model': 'lane', 'camera': '640x480', 'counted': 100, 'misses': 1}
    for misses, problems in ((1, 0), (2, 1)):
        findings = gpu_acceptance.Findings()
        gpu_node.judge_node({**row, 'misses': misses}, findings)
        assert len(findings.problems) == problems


def test_other_ends_leave_the_answer_as_it_was_and_can_be_changed_back() -> None:
    image = noise(1, COARSEST.height, COARSEST.width, 3)
    for shipped, twin in cases(MODEL, [COARSEST]):
        back = with_ends(twin.content, 'uint8')
        (expected,), (same,), (floats,) = (
            session_of(content).run(None, {'image': image.astype(kind)})
            for content, kind in (
                (shipped.content, 'uint8'),
                (back, 'uint8'),
                (twin.content, 'float32'),
            )
        )
        assert floats.dtype == np.float32
        assert np.array_equal(floats, expected)
        assert np.array_equal(same, expected)


def test_the_file_that_is_soaked_is_the_one_that_the_node_serves() -> None:
    assert served_case(MODEL, COARSEST).artifact.precision == 'fp16'


def test_only_captures_are_refused_to_a_runtime_without_graphs() -> None:
    cuda = FakeCuda()
    runtime = no_capture(cuda)
    error, stream = runtime.cudaStreamCreateWithFlags(1)
    assert error == 0
    (refused,) = runtime.cudaStreamBeginCapture(stream, 1)
    assert (refused.name, cuda.cudaStreamDestroy(stream)) == ('cudaErrorNotSupported', (0,))


def test_memory_of_the_gpu_is_what_cuda_says_is_not_free() -> None:
    runtime = SimpleNamespace(cudaMemGetInfo=lambda: (0, 3_000_000, 8_000_000))
    rig = Rig(runtime, *[None] * 3, is_dry=False)
    assert rig.memory()['gpu_used_mb'] == 5.0
    assert rig.memory()['rss_mb'] > 10
    runtime.cudaMemGetInfo = lambda: (999, None, None)
    with pytest.raises(EngineError, match='999'):
        rig.memory()


def test_trtexecs_medians_and_99th_percentiles_are_read() -> None:
    assert times_told(PERFORMANCE) == TOLD


@pytest.mark.parametrize('output', ['', REFUSED, PERFORMANCE.replace('GPU Compute', 'Other')])
def test_output_of_trtexec_without_times_is_refused_with_its_errors(output: str) -> None:
    with pytest.raises(ValueError, match='another version' if output == REFUSED else 'no error'):
        times_told(output)


@pytest.mark.parametrize(
    ('says', 'expected'), [(PERFORMANCE, TOLD), (REFUSED, 'not measured')], ids=['times', 'error']
)
def test_trtexec_is_given_the_plan_and_may_fail(says: str, expected: Any, tmp_path: Path) -> None:
    tool = tmp_path / 'trtexec'
    code = f'import sys; assert "--loadEngine=a.plan" in sys.argv, sys.argv; print({says!r})'
    tool.write_text(f'#!{sys.executable}\n{code}\n')
    tool.chmod(0o755)
    told = trtexec(str(tool), Path('a.plan'), 10)
    assert told == expected or expected in told
    assert 'not measured' in trtexec(str(tmp_path / 'none'), Path('a.plan'), 10)


def test_thermal_zones_are_read_and_silent_ones_left_out(tmp_path: Path) -> None:
    for number, files in enumerate(({'type': 'cpu\n', 'temp': '41500\n'}, {'type': 'gpu\n'})):
        zone = tmp_path / f'sys/class/thermal/thermal_zone{number}'
        zone.mkdir(parents=True)
        for name, content in files.items():
            (zone / name).write_text(content)
    assert temperatures(tmp_path) == {'0 cpu': 41.5}
    assert temperatures(tmp_path / 'nowhere') == {}


@pytest.fixture(scope='module')
def overhead() -> dict[str, Any]:
    return trt_overhead.measure(runs=30, traced_runs=30)


def test_our_own_time_is_told_beside_the_floor(overhead: dict[str, Any]) -> None:
    assert overhead['floor_p50_us'] > 0
    assert overhead['p50_us'] == max(overhead[way]['p50_us'] for way in trt_overhead.WAYS)
    for way in trt_overhead.WAYS:
        figures = overhead[way]
        assert figures['p99_us'] >= figures['p50_us'] > 0
        assert figures['ratio'] == figures['p50_us'] / overhead['floor_p50_us']
        assert figures['arrays_over_4kb'] == 0


def test_every_aim_of_our_own_time_has_its_figure(overhead: dict[str, Any]) -> None:
    table = aims.table({'trt_overhead': overhead})
    assert table.count('trt_overhead') == 4
    assert table.splitlines()[-1].endswith('yes')


@pytest.mark.parametrize(('size', 'seen'), [(8_000, 5), (1_000, 0)])
def test_arrays_over_4_kb_are_seen_though_they_are_gone_at_once(size: int, seen: int) -> None:
    act: Callable[[], Any] = lambda: np.empty(size, np.uint8).size  # noqa: E731
    assert trt_overhead.large_allocations(act, 5) == seen


def test_a_page_of_next_to_nothing_can_be_drawn() -> None:
    empty: dict[str, Any] = {key: {} for key in ('machine', 'soak', 'reload')}
    empty.update(artifacts=[], node=[], problems=['a < b'], passed=False, is_dry=False, began='')
    assert 'a &lt; b' in acceptance_page(empty)

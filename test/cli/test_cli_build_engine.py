"""`build-engine`: plans are built, proved and told of; on a GPU that is a fake."""

import json
from pathlib import Path
import re

import pytest

pytest.importorskip('onnx', reason='onnx is not installed: pip install onnx')

from helpers import LANE, edit_manifest, model_copy

from bench.fake_gpu import FakeCuda, FakeTensorRT
from unet_perception import engines
from unet_perception.cli.main import main
from unet_perception.engines import ENGINES, tensorrt
from unet_perception.engines.device import Device
from unet_perception.engines.plan_cache import PlanCache
from unet_perception.engines.tensorrt import Machine
from unet_perception.engines.trt_library import Library

SIZES = ('256x512', '192x384', '128x256')


@pytest.fixture
def trt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTensorRT:
    """Return the TensorRT of a machine with a GPU, which `build-engine` finds."""
    cuda = FakeCuda()
    trt = FakeTensorRT(cuda)
    here = Machine(Library(trt), Device(cuda), PlanCache(tmp_path))
    monkeypatch.setitem(ENGINES, 'tensorrt', ENGINES['tensorrt']._replace(lacks=lambda: ''))
    monkeypatch.setattr(tensorrt, 'machine', lambda: here)
    return trt


def test_by_default_it_builds_what_the_node_serves(
    trt: FakeTensorRT, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['build-engine', 'lane']) == 0
    out = capsys.readouterr().out
    for size in SIZES:
        assert f'model.fp16.{size}.onnx: built in 0 s: model.fp16.{size}-' in out
    assert out.count('golden IoU 0.99') == 3
    assert out.count('CUDA graph yes') == 3
    assert len(PlanCache(tmp_path).plans()) == 3
    assert trt.cuda.live == []
    assert main(['build-engine', 'lane']) == 0
    assert capsys.readouterr().out.count('found: ') == 3


def test_precision_size_and_workspace_choose_and_json_tells(
    trt: FakeTensorRT, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['--precision', 'all', '--size', '128x256', '--workspace', '64', '--json']
    assert main(['build-engine', str(LANE), *words]) == 0
    plans = json.loads(capsys.readouterr().out)['plans']
    assert [p['file'].split('.')[1] for p in plans] == ['fp32', 'fp16', 'int8']
    assert all(min(p['golden_iou']) > 0.93 for p in plans)
    assert {p.key.workspace_mb for p in PlanCache(tmp_path).plans()} == {64}
    assert {p.precision for p in PlanCache(tmp_path).plans()} == {'fp32', 'fp16', 'int8'}


@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        (['cake'], "model 'cake' is neither a folder nor a shipped model"),
        (['lane', '--size', '100x100'], "--size must be all or one of 256x512, .*not '100x100'"),
        (['lane', '--workspace', '-1'], '--workspace must be 0 or more MB, not -1'),
    ],
)
def test_a_wrong_request_is_refused_in_one_sentence(
    trt: FakeTensorRT, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    assert main(['build-engine', *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ''
    assert re.search(complaint, captured.err)
    assert captured.err.count('\n') == 1


def test_a_precision_that_the_model_lacks_is_refused(
    trt: FakeTensorRT, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = model_copy(tmp_path / 'copy')
    edit_manifest(
        folder,
        lambda d: d.update(artifacts=[a for a in d['artifacts'] if a['precision'] != 'int8']),
    )
    assert main(['build-engine', str(folder), '--precision', 'int8']) == 2
    assert "model 'lane' has no int8 file for 256x512" in capsys.readouterr().err


def test_what_tensorrt_says_is_shown(
    trt: FakeTensorRT, capsys: pytest.CaptureFixture[str]
) -> None:
    trt.fail('build', 'No implementation satisfies the formats of Conv_7')
    assert main(['build-engine', 'lane', '--precision', 'all', '--json']) == 1
    captured = capsys.readouterr()
    assert captured.err == ''
    problems = [plan['problem'] for plan in json.loads(captured.out)['plans']]
    assert [bool(problem) for problem in problems] == [True, *[False] * 8], 'the others are built'
    trt.fail('build', 'No implementation satisfies the formats of Conv_7')
    assert main(['build-engine', 'lane', '--size', '128x256', '--workspace', '9']) == 1
    err = capsys.readouterr().err
    assert "tensorrt 10.3.0 can't build 'model.fp16.128x256.onnx': No implementation sat" in err


def test_a_plan_whose_answer_is_wrong_is_refused(
    trt: FakeTensorRT, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('unet_perception.core.golden.LEAST_IOU', {'fp16': 1.01})
    assert main(['build-engine', 'lane', '--size', '128x256']) == 1
    assert 'answers the golden image with IoU' in capsys.readouterr().err
    assert trt.cuda.live == []


def test_without_a_gpu_it_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    if engines.gpu.has_gpu():
        pytest.skip('there is a GPU here')
    assert main(['build-engine', 'lane']) == 2
    assert 'there is no NVIDIA GPU here' in capsys.readouterr().err

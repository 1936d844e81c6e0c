"""The demo from end to end: three processes, real footage, real ROS 2."""

import csv
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

import cv2
import psutil
import pytest

from unet_perception.cli.demo_results import STAGES, DemoRun, complaints, write_results
from unet_perception.core.footage import frames_from_path
from unet_perception.core.frame import frame_from_pixels
from unet_perception.core.health import Outcome
from unet_perception.core.manifest import model_from_folder
from unet_perception.core.paths import model_folder, sample_footage
from unet_perception.core.pipeline import SegmentationPipeline, digest_of
from unet_perception.engines import choose_backend, default_artifact, open_engine

pytest.importorskip('rclpy', reason='ROS 2 is not installed: make test brings it')


def demo(*arguments: str, **environment: str) -> 'subprocess.CompletedProcess[str]':
    return subprocess.run(
        [sys.executable, '-m', 'unet_perception', 'demo', *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_a_short_demo_brings_back_masks_equal_to_the_offline_pipelines(tmp_path: Path) -> None:
    run = demo('--seconds', '5', '--rate', '10', '--out', str(tmp_path), '--json')
    assert run.returncode == 0, run.stderr
    summary = json.loads(run.stdout)
    assert summary == json.loads((tmp_path / 'summary.json').read_text())
    assert summary['offline_equal'] is True
    assert summary['frames_sent'] == 50
    assert sum(summary['counters'].values()) == summary['frames_received']
    assert summary['masks_received'] <= summary['masks_published']
    assert summary['latency_ms']['p50'] >= summary['engine_ms']['p50'] > 0
    assert sum(summary['class_share'].values()) == pytest.approx(1.0)
    assert min(summary['class_share'][name] for name in ('background', 'road')) > 0.05
    film = cv2.VideoCapture(str(tmp_path / 'overlay.mp4'))
    assert (film.get(3), film.get(4), film.get(7)) == (960, 540, 50)
    assert '<svg' in (tmp_path / 'report.html').read_text()


GOOD = {
    'frames_sent': 10,
    'lost_in_transport': 0,
    'masks_published': 10,
    'masks_received': 9,
    'masks_unpaired': 0,
    'offline_equal': True,
    'class_share': {'background': 0.5, 'road': 0.4, 'unknown': 0.1},
}


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'masks_received': 0}, 'no mask came back'),
        ({'masks_received': 4}, 'fewer than half'),
        ({'frames_sent': 9}, '9 images were sent instead of 10'),
        ({'offline_equal': False}, "differs from the offline pipeline's"),
        ({'masks_unpaired': 1}, 'without their confidence'),
        ({'masks_received': 11}, 'more came back than was sent'),
        ({'lost_in_transport': -1}, 'more came back than was sent'),
        ({'class_share': {'road': 0.9, 'unknown': 0.1}}, 'fewer than two classes'),
    ],
)
def test_whatever_is_amiss_is_complained_about(change: dict[str, Any], words: str) -> None:
    assert complaints(GOOD, 10) == []
    assert any(words in complaint for complaint in complaints({**GOOD, **change}, 10))


@pytest.mark.parametrize('column', ['digest', 'width', 'frame_id', 'stamp_ns'])
def test_a_mask_that_differs_in_anything_is_not_equal(tmp_path: Path, column: str) -> None:
    model = model_from_folder(model_folder('lane'))
    artifact, _ = default_artifact(model)
    bgr = next(frames_from_path(sample_footage()))
    with open_engine(choose_backend('auto').backend, model, artifact) as engine:
        result = SegmentationPipeline(engine, model.manifest.resize).run(
            frame_from_pixels(bgr, 'bgr8')
        )
        digest = digest_of(result.mask.data, result.confidence.data)
    row = {
        'stamp_ns': '1000',
        'arrived_ns': '2000',
        'frame_id': 'camera_optical_frame',
        'width': '960',
        'height': '540',
        'digest': digest,
        'class_pixels': '{"0": 1, "1": 1}',
    }
    names = (*(outcome.value for outcome in Outcome), 'frames_received')
    latency = {f'{s}_{p}_ms': '1.0' for s in STAGES for p in ('p50', 'p95', 'p99', 'max')}
    statuses = {'input': dict.fromkeys(names, '1'), 'latency': latency, 'engine': {'rss_mb': '9'}}
    (tmp_path / 'diagnostics.json').write_text(json.dumps(statuses))
    (tmp_path / 'unpaired.json').write_text('0')
    (tmp_path / 'sent.csv').write_text('sequence,source_frame,stamp_ns\n0,0,1000\n')
    run = DemoRun(tmp_path, sample_footage(), model_folder('lane'), 'auto', 25.0, 1)
    for changes, equal in (({}, True), ({column: '7'}, False)):
        with (tmp_path / 'masks.csv').open('w', newline='') as stream:
            writer = csv.DictWriter(stream, row)
            writer.writeheader()
            writer.writerow({**row, **changes})
        assert write_results(run, tmp_path)['offline_equal'] is equal


@pytest.mark.parametrize(
    ('arguments', 'code', 'words'),
    [
        (('--model', 'nothing'), 2, "model 'nothing' is neither a folder nor a shipped model"),
        (('--seconds', '0.1', '--rate', '0.1'), 2, 'must be at least one image'),
        (('--source', '/nowhere.mp4'), 2, "'/nowhere.mp4' is neither a video file nor"),
        (('--backend', 'magic'), 2, "'magic'"),
        (('--rate', 'nan'), 2, 'nan is not 0.1 to 1000'),
        (('--rate', '5000'), 2, '5000 is not 0.1 to 1000'),
    ],
)
def test_wrong_requests_end_with_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    run = demo(*arguments, '--out', str(tmp_path))
    assert (run.returncode, words in run.stderr) == (code, True), run.stderr
    assert 'Traceback' not in run.stderr


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_told_to_stop_leaves_no_process_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    popen = subprocess.Popen(
        [sys.executable, '-u', '-m', 'unet_perception', 'demo', '--out', str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # ignored by background jobs
    )
    assert popen.stdout is not None
    for line in popen.stdout:
        if 'playing' in line:
            break
    children = psutil.Process(popen.pid).children(recursive=True)
    assert len(children) == 3
    popen.send_signal(number)
    popen.communicate(timeout=30)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert popen.returncode == 130

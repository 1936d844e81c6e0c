"""The demo from end to end: three processes, real footage, real ROS 2."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys

import cv2
import psutil
import pytest

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


def test_masks_that_differ_from_the_offline_pipelines_make_the_demo_fail(tmp_path: Path) -> None:
    from unet_perception.cli.demo_results import complaints

    run = demo('--seconds', '2', '--rate', '10', '--out', str(tmp_path), '--json')
    summary = json.loads(run.stdout)
    assert complaints(summary) == []
    assert complaints({**summary, 'offline_equal': False}) == [
        "a mask or confidence differs from the offline pipeline's"
    ]
    assert complaints({**summary, 'class_share': {'road': 1.0}}) == [
        'fewer than two classes appear in the masks'
    ]
    assert complaints({**summary, 'masks_received': 0}) == ['no mask came back']


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

"""The nodes as processes: camera_player, a node flooded by it, signals, wrong parameters."""

from contextlib import AbstractContextManager
import csv
import json
from pathlib import Path
import signal
import subprocess
from time import monotonic

import cv2
import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from rig import Rig, python_process, wait_until
from unet_perception.core.paths import share_folder

HIGHWAY = share_folder() / 'examples' / 'footage' / 'highway.mp4'


def process(name: str, *parameters: str) -> AbstractContextManager['subprocess.Popen[str]']:
    """Run one of our nodes; it is gone afterwards."""
    return python_process(['-m', f'unet_perception.ros.{name}'], *parameters)


def images_of(folder: Path, count: int) -> Path:
    for k in range(count):
        cv2.imwrite(str(folder / f'{k:03}.png'), np.full((48, 64, 3), k * 10, np.uint8))
    return folder


def test_a_node_flooded_at_three_times_its_capacity_accounts_for_every_frame(
    tmp_path: Path,
) -> None:
    with Rig().start() as rig:
        probe = rig.node._serving.lanes[0].pipelines[0]._engine
        start = monotonic()
        for _ in range(10):
            probe.infer(np.zeros((1, 256, 512, 3), np.uint8))
        rate = min(4 * 10 / (monotonic() - start), 1000.0)  # more than 3, for the player to lag
        frames = round(4 * rate)
        log, small = tmp_path / 'sent.csv', tmp_path / 'small'
        small.mkdir()
        images_of(small, 5)
        with process(
            'camera_player',
            f'source:={small}',
            f'rate:={rate}',
            f'frames:={frames}',
            f'sent_log:={log}',
            'wait_for_subscriber_s:=10.0',
        ) as player:
            player.communicate(timeout=60)
        assert wait_until(lambda: rig.health().busy_s == 0.0)
        health = rig.health()
    sent = sum(1 for _ in csv.reader(log.open())) - 1
    assert sent == frames
    assert sum(health.counters.values()) == health.received <= sent
    assert health.counters['published'] > 0
    assert health.counters['displaced'] > 0
    assert sent >= 3 * health.counters['published'], 'three times its capacity'
    assert not health.counters['failed'] + health.counters['malformed']


def test_the_player_plays_a_folder_once_in_order(tmp_path: Path) -> None:
    listener = rclpy.create_node('listener')
    images: list[Image] = []
    infos: list[CameraInfo] = []
    listener.create_subscription(Image, 'image', images.append, 10)
    listener.create_subscription(CameraInfo, 'camera_info', infos.append, 10)
    with process(
        'camera_player',
        f'source:={images_of(tmp_path, 5)}',
        'rate:=50.0',
        'loop:=false',
        'frame_id:=left',
        'wait_for_subscriber_s:=10.0',
    ) as player:
        deadline = monotonic() + 20
        while min(len(images), len(infos)) < 5 and monotonic() < deadline:
            rclpy.spin_once(listener, timeout_sec=0.1)
        assert player.wait(10) == 0
    listener.destroy_node()
    assert [message.data[0] for message in images] == [0, 10, 20, 30, 40]
    assert {(m.width, m.height, m.encoding, m.header.frame_id) for m in images} == {
        (64, 48, 'bgr8', 'left')
    }
    assert [m.header.stamp for m in infos] == [m.header.stamp for m in images]
    assert not any(infos[0].k), 'footage has no calibration'


def test_the_player_loops_and_compresses(tmp_path: Path) -> None:
    listener = rclpy.create_node('listener')
    images: list[CompressedImage] = []
    listener.create_subscription(CompressedImage, 'image/compressed', images.append, 10)
    source = images_of(tmp_path, 2)
    with process(
        'camera_player',
        f'source:={source}',
        'rate:=50.0',
        'image_transport:=compressed',
        'frames:=5',
        'wait_for_subscriber_s:=10.0',
    ) as player:
        deadline = monotonic() + 20
        while len(images) < 5 and monotonic() < deadline:
            rclpy.spin_once(listener, timeout_sec=0.1)
        assert player.wait(10) == 0
    listener.destroy_node()
    pixels = [cv2.imdecode(np.frombuffer(m.data, np.uint8), 1)[0, 0, 0] for m in images]
    assert pixels == [0, 10, 0, 10, 0]


WRONG = {
    ('camera_player', 'source:=/nowhere.mp4'): "'/nowhere.mp4' is neither a video file nor",
    ('camera_player', 'rate:=0.0'): "'rate' must be 0.1 to 1000.0, not 0.0",
    ('camera_player', 'rate:=25'): "'rate' must be a double, not 25; write 25.0",
    ('camera_player', 'image_transport:=theora'): 'must be one of raw, compressed',
    ('mask_recorder', 'folder:=/nowhere'): "can't write to '/nowhere'",
    (
        'node',
        'backend:=magic',
    ): "'backend' must be one of auto, tensorrt, openvino",
    ('node', 'unknown_threshold:=1.5'): "'unknown_threshold' must be 0.0 to 1.0, not 1.5",
    ('node', 'engine_threads:=-1'): "'engine_threads' must be 0 to 256, not -1",
    ('node', 'model:=3'): "'model' must be a string, not 3",
}


@pytest.mark.parametrize(('name', 'parameter'), WRONG)
def test_a_wrong_parameter_ends_the_process_with_one_sentence(name: str, parameter: str) -> None:
    with process(name, parameter) as popen:
        out, err = popen.communicate(timeout=30)
    ours = [line for line in err.splitlines() if 'parameter' in line or 'nowhere' in line]
    assert WRONG[name, parameter] in ours[-1]
    assert popen.returncode == 2
    assert 'Traceback' not in out + err


def test_a_mistyped_parameter_is_warned_of() -> None:
    with process('node', 'modle:=road') as popen:
        assert popen.stderr is not None
        line = next(line for line in popen.stderr if 'modle' in line)
    assert "'modle' is unknown" in line


def test_an_image_that_is_damaged_ends_the_player_with_its_name(tmp_path: Path) -> None:
    images_of(tmp_path, 3)
    (tmp_path / '001.png').write_bytes(b'no image')
    with process('camera_player', f'source:={tmp_path}', 'rate:=50.0') as popen:
        _, err = popen.communicate(timeout=30)
    assert popen.returncode == 2
    assert "001.png' is not a readable image" in err
    assert 'Traceback' not in err


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_the_node_ends_cleanly_when_told_to(number: int) -> None:
    with process('node', 'autostart:=true') as popen:
        assert popen.stderr is not None
        for line in popen.stderr:
            if 'activate: done' in line:
                break
        popen.send_signal(number)
        _, err = popen.communicate(timeout=10)
    assert popen.returncode == 0
    assert 'Traceback' not in err


def test_a_node_that_cannot_start_stays_to_be_asked_why(tmp_path: Path) -> None:
    with process('node', 'autostart:=true', f'model:={tmp_path}') as popen:
        assert popen.stderr is not None
        line = next(line for line in popen.stderr if 'refused' in line)
        assert popen.poll() is None
    assert "manifest.json' can't be read" in line
    assert json.dumps(str(tmp_path))[1:-1] in line

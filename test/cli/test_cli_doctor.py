"""The doctor on a sound machine and on ones broken in known ways: real ROS 2, on the loopback."""

from collections.abc import Iterator, Mapping
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from time import monotonic

import psutil
import pytest

from unet_perception.cli.doctor import CHECKS, Finding
from unet_perception.cli.doctor_machine import FAIL, OK, WARN
from unet_perception.cli.doctor_transport import Carried, carry_images
from unet_perception.core.paths import share_folder
from unet_perception.core.transport import NEW_VARIABLE, OLD_VARIABLE, transport_environment

LARGE = str(share_folder() / 'config' / 'fastdds_large_images.xml')
OLD, NEW = OLD_VARIABLE, NEW_VARIABLE


@pytest.fixture(scope='module')
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return an environment in which all is well."""
    reason = 'ROS 2 is not installed: make test brings it'
    pytest.importorskip('rclpy', reason=reason)
    coordinator = pytest.importorskip('domain_coordinator', reason=reason)
    others = ('RMW_IMPLEMENTATION', 'FASTDDS_BUILTIN_TRANSPORTS', OLD, NEW)
    with coordinator.domain_id() as domain:
        yield {
            **{name: value for name, value in os.environ.items() if name not in others},
            **transport_environment('local', os.environ.get('ROS_DISTRO')),
            'ROS_DOMAIN_ID': str(domain),
            'ROS_LOG_DIR': str(tmp_path_factory.mktemp('log')),
        }


def doctor(environment: Mapping[str, str], *arguments: str) -> 'subprocess.CompletedProcess[str]':
    command = [sys.executable, '-m', 'unet_perception', 'doctor', *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=90, env=environment)
    assert 'Traceback' not in run.stdout + run.stderr
    return run


def diagnosis(environment: Mapping[str, str]) -> tuple[int, dict[str, Finding]]:
    """Return the exit code and the findings by name."""
    run = doctor(environment, '--json')
    report = json.loads(run.stdout)
    findings = {entry['name']: Finding(**entry) for entry in report['findings']}
    assert list(findings) == [row.name for row in CHECKS]
    failed = any(finding.level == FAIL for finding in findings.values())
    assert report['ok'] is not failed
    return run.returncode, findings


def failures(findings: dict[str, Finding]) -> set[str]:
    return {name for name, finding in findings.items() if finding.level == FAIL}


def hiding(folder: Path, *modules: str) -> dict[str, str]:
    """Return a variable that puts modules that do not load before the real ones."""
    for module in modules:
        (folder / f'{module}.py').write_text("raise ImportError('lib.so is missing')\n")
    path = os.environ.get('PYTHONPATH')
    return {'PYTHONPATH': os.pathsep.join([str(folder), *([path] if path else [])])}


def test_a_sound_machine_is_ready(sound: dict[str, str]) -> None:
    run = doctor(sound)
    assert run.returncode == 0, run.stdout
    lines = [line for line in run.stdout.splitlines() if not line.startswith(' ')]
    assert [line[5:20].strip() for line in lines[:-1]] == [row.name[:15] for row in CHECKS]
    images = [line for line in lines if 'images ' in line and 'arrive, p50' in line]
    assert len(images) == 2
    assert all(line.startswith('OK') for line in images)
    assert lines[-1].startswith('ready: ')
    assert run.stderr == ''


def test_a_profile_that_is_missing_is_named_with_the_way_out(sound: dict[str, str]) -> None:
    code, findings = diagnosis({**sound, OLD: '', NEW: '/nowhere/profile.xml'})
    assert code == 1
    assert 'profile' in failures(findings)
    assert "'/nowhere/profile.xml' can't be read" in findings['profile'].message
    assert findings['profile'].cure.startswith(f'unset {NEW}')


def test_the_default_transport_loses_images_and_the_cure_names_the_profile(
    sound: dict[str, str],
) -> None:
    environment = {name: value for name, value in sound.items() if name not in (OLD, NEW)}
    assert environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    code, findings = diagnosis(environment)
    assert code == 1
    lost = findings['images 1280x720']
    assert (lost.level, findings['images 640x480'].level == OK) == (FAIL, False)
    assert 'transport:=large_images' in lost.cure
    assert f'={LARGE}' in lost.cure
    assert failures(findings) <= {'images 640x480', 'images 1280x720'}


def test_a_middleware_that_is_not_installed_is_the_one_failure(sound: dict[str, str]) -> None:
    code, findings = diagnosis({**sound, 'RMW_IMPLEMENTATION': 'rmw_none_such'})
    assert (code, failures(findings)) == (1, {'rmw'})
    assert 'rmw-none-such, or unset RMW_IMPLEMENTATION' in findings['rmw'].cure
    assert findings['images 640x480'].message == 'not tried: rmw has failed'


def test_engines_that_do_not_load_are_named_with_their_cures(
    sound: dict[str, str], tmp_path: Path
) -> None:
    code, findings = diagnosis({**sound, **hiding(tmp_path, 'openvino', 'onnxruntime')})
    assert (code, failures(findings)) == (1, {'engine'})
    assert 'openvino does not load: lib.so is missing' in findings['engine'].message
    assert findings['engine'].cure == 'pip install openvino or pip install onnxruntime'
    assert findings['model'].level == WARN


def test_an_engine_that_does_not_load_is_passed_over_and_told(
    sound: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    code, findings = diagnosis({**sound, **hiding(tmp_path, 'openvino')})
    assert (code, failures(findings)) == (0, set())
    engine = findings['engine']
    assert (engine.level, engine.cure) == (WARN, 'pip install openvino')
    assert engine.message.startswith('onnxruntime, auto')
    assert 'openvino: it does not load: lib.so is missing' in engine.message
    assert 'on onnxruntime' in findings['model'].message


def test_without_rclpy_only_what_needs_it_is_left_out(
    sound: dict[str, str], tmp_path: Path
) -> None:
    code, findings = diagnosis({**sound, **hiding(tmp_path, 'rclpy')})
    assert (code, failures(findings)) == (1, {'ros'})
    assert 'lib.so is missing' in findings['ros'].message
    assert '/setup.bash' in findings['ros'].cure
    assert 'make demo' in findings['ros'].cure
    left_out = {name for name, f in findings.items() if f.message.startswith('not tried')}
    assert left_out == {'rmw', 'images 640x480', 'images 1280x720'}


def test_without_numpy_and_opencv_the_doctor_still_answers(
    sound: dict[str, str], tmp_path: Path
) -> None:
    code, findings = diagnosis({**sound, **hiding(tmp_path, 'numpy', 'cv2')})
    assert (code, failures(findings)) == (1, {'numpy'})
    assert findings['numpy'].cure.startswith('pip install numpy')
    assert findings['sockets'].message


def test_processes_that_may_not_meet_are_not_waited_for_for_long(sound: dict[str, str]) -> None:
    began = monotonic()
    carried = carry_images({**sound, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'}, 64, 48, seconds=3.0)
    assert carried == Carried(0, 0, None, None, None)
    assert monotonic() - began < 10


def test_a_slow_sender_is_stopped_and_what_has_come_counts(sound: dict[str, str]) -> None:
    carried = carry_images(sound, 64, 48, count=1000, rate=20.0, seconds=2.5)
    assert 0 < carried.received <= carried.sent < 100


def test_a_doctor_that_is_told_to_stop_leaves_no_process_behind(sound: dict[str, str]) -> None:
    command = [sys.executable, '-u', '-m', 'unet_perception', 'doctor']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=sound) as popen:
        assert popen.stdout is not None
        for line in popen.stdout:
            if 'profile' in line:
                break
        children: list[psutil.Process] = []
        while len(children) < 2:
            children = psutil.Process(popen.pid).children(recursive=True)
        popen.send_signal(signal.SIGTERM)
        popen.communicate(timeout=30)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert popen.returncode == 130


def test_images_over_8_mb_pass_with_the_profile_for_large_ones(sound: dict[str, str]) -> None:
    environment = {
        name: value.replace('fastdds_local', 'fastdds_large_images')
        for name, value in sound.items()
    }
    assert environment != sound
    carried = carry_images(environment, 2048, 1536, count=10, rate=10.0)  # 9.4 MB
    assert (carried.sent, carried.received) == (10, 10)

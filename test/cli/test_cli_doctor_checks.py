"""What each of the doctor's checks makes of what it finds; nothing is started."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers import flip_byte, model_copy
import pytest

from unet_perception.cli import doctor_transport
from unet_perception.cli.doctor import CHECKS, Finding, Row, findings_of, summary
from unet_perception.cli.doctor_checks import (
    check_gpu,
    check_malloc,
    check_plans,
    check_shared_memory,
    check_sockets,
    judge_model,
    judge_python,
    judge_shared_memory,
)
from unet_perception.cli.doctor_machine import FAIL, OK, WARN, Machine, Verdict
from unet_perception.cli.doctor_profile import check_profile, segment_from_profile
from unet_perception.cli.doctor_ros import check_cv_bridge, check_rmw, check_ros, judge_images
from unet_perception.cli.doctor_transport import (
    Carried,
    Description,
    ProbeError,
    describe_ros,
)
from unet_perception.core.paths import private_cache_folder, share_folder
from unet_perception.core.transport import NEW_VARIABLE, OLD_VARIABLE
from unet_perception.engines import choose_backend
from unet_perception.engines.plan_cache import PlanCache, PlanKey
from unet_perception.errors import RequestError

LARGE = str(share_folder() / 'config' / 'fastdds_large_images.xml')
OLD, NEW = OLD_VARIABLE, NEW_VARIABLE
FACTS = {'rmw': 'rmw_fastrtps_cpp', 'rclpy': '9.1.2', 'is_wheel': False, 'domain': 3}


def machine_of(
    environment: Mapping[str, str] = {},
    root: Path = Path('/'),
    facts: Mapping[str, Any] = FACTS,
    complaint: str = '',
    culprit: str = '',
) -> Machine:
    """Make a machine whose ROS 2 has been asked already."""
    machine = Machine(environment, root)
    machine.__dict__['ros'] = Description(facts, complaint, culprit)
    return machine


@pytest.mark.parametrize(
    ('version', 'level'),
    [((3, 9, 18), FAIL), ((3, 10, 0), OK), ((3, 13, 9), OK), ((3, 14, 0), WARN)],
)
def test_pythons_are_judged(version: tuple[int, ...], level: str) -> None:
    verdict = judge_python(version)
    assert (verdict.level, bool(verdict.cure)) == (level, level != OK)


@pytest.mark.parametrize(
    ('received', 'level'), [(30, OK), (29, OK), (28, WARN), (24, WARN), (23, FAIL), (0, FAIL)]
)
def test_images_are_judged_by_the_share_that_arrives(received: int, level: str) -> None:
    p50_ms = 1.53 if received else None
    verdict = judge_images(Carried(30, received, p50_ms, p50_ms, p50_ms), machine_of())
    assert verdict.level == level
    assert verdict.message.startswith(f'{received} of 30 arrive')
    assert (', p50 1.5 ms' in verdict.message) == bool(received)
    assert (f'export {NEW}={LARGE}' in verdict.cure) == (level != OK)


@pytest.mark.parametrize(
    ('environment', 'facts', 'words'),
    [
        ({'ROS_DISTRO': 'humble'}, FACTS, f'export {OLD}={LARGE}'),
        ({}, {**FACTS, 'rclpy': '7.1.6'}, f'export {OLD}={LARGE}'),
        ({'ROS_DISTRO': 'rolling'}, FACTS, f'export {NEW}={LARGE}'),
        ({}, {**FACTS, 'rmw': 'rmw_cyclonedds_cpp'}, 'net.core.rmem_max'),
    ],
)
def test_the_cure_for_lost_images_is_that_of_the_distribution_and_middleware(
    environment: dict[str, str], facts: dict[str, Any], words: str
) -> None:
    lost = Carried(30, 2, 1.0, 1.0, 1.0)
    assert words in judge_images(lost, machine_of(environment, facts=facts)).cure


def test_processes_that_do_not_meet_fail_with_a_cure_of_its_own() -> None:
    verdict = judge_images(Carried(0, 0, None, None, None), machine_of())
    assert verdict.level == FAIL
    assert 'ROS_AUTOMATIC_DISCOVERY_RANGE' in verdict.cure


@pytest.mark.parametrize(
    ('environment', 'level', 'words'),
    [
        ({}, OK, 'none'),
        ({'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}, OK, 'TRANSPORTS=UDPv4; whether images pass'),
        ({NEW: LARGE}, OK, 'shared memory 64 MB'),
        ({OLD: LARGE}, WARN, f'export {NEW}={LARGE}'),
        ({OLD: LARGE, NEW: LARGE}, WARN, f'unset {OLD}'),
        ({OLD: LARGE, 'ROS_DISTRO': 'humble'}, OK, 'shared memory 64 MB'),
        ({NEW: LARGE, 'ROS_DISTRO': 'jazzy'}, WARN, f'export {OLD}={LARGE}'),
        ({OLD: LARGE, NEW: LARGE, 'ROS_DISTRO': 'jazzy'}, WARN, f'unset {NEW}'),
        ({OLD: '/nowhere.xml', NEW: LARGE}, FAIL, f'unset {NEW} {OLD}'),
        (
            {
                'FASTDDS_BUILTIN_TRANSPORTS': 'LARGE_DATA?max_msg_size=1MB',
                'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            },
            WARN,
            'unset FASTDDS_BUILTIN_TRANSPORTS',
        ),
    ],
)
def test_profiles_are_judged_by_what_the_distribution_reads(
    environment: dict[str, str], level: str, words: str
) -> None:
    verdict = check_profile(machine_of(environment))
    assert verdict.level == level
    assert words in verdict.message + verdict.cure


def test_profiles_of_fast_dds_are_of_no_concern_to_others() -> None:
    machine = machine_of({NEW: '/nowhere.xml'}, facts={**FACTS, 'rmw': 'rmw_zenoh_cpp'})
    assert check_profile(machine) == Verdict(OK, 'not Fast DDS: its profiles do not apply')


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'<dds><profiles></dds>', 'not well-formed: mismatched tag'),
        (b'', 'not well-formed: no element'),
        (b'<!DOCTYPE d [<!ENTITY a "1">]><dds><segment_size>&a;</segment_size></dds>', 'types'),
        ('<!DOCTYPE d SYSTEM "/etc/passwd"><dds/>'.encode('utf-16'), 'document types'),
        (b'<dds><segment_size>large</segment_size></dds>', 'not well-formed: invalid literal'),
        (b'<dds>' + b' ' * (1 << 20) + b'</dds>', 'larger than 1048576 bytes'),
        (b'<?xml version="1.0" encoding="foo"?><dds/>', 'unknown encoding'),
        (b'<html/>', "no profile: it begins with 'html'"),
    ],
    ids=['nesting', 'empty', 'entity', 'UTF-16 type', 'no number', 'huge', 'encoding', 'web page'],
)
def test_a_profile_that_is_no_plain_xml_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / 'profile.xml'
    file.write_bytes(content)
    with pytest.raises(RequestError, match=words):
        segment_from_profile(file)
    assert check_profile(machine_of({NEW: str(file)})).level == FAIL


def test_a_profile_may_be_a_folder_or_without_shared_memory(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match='Is a directory'):
        segment_from_profile(tmp_path)
    (tmp_path / 'udp.xml').write_text('<dds/>')
    assert segment_from_profile(tmp_path / 'udp.xml') is None


def test_an_unsupported_distribution_is_warned_of() -> None:
    assert check_ros(machine_of({'ROS_DISTRO': 'foxy'})).level == WARN
    assert check_ros(machine_of({'ROS_DISTRO': 'jazzy'})).level == OK


def test_a_variable_that_keeps_ros_from_starting_is_named() -> None:
    bad_domain = machine_of(complaint='no number', culprit='ROS_DOMAIN_ID')
    assert check_ros(bad_domain).cure.startswith('correct or unset ROS_DOMAIN_ID')
    environment = {'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp', 'ROS_DISTRO': 'jazzy'}
    bad_rmw = machine_of(environment, complaint='not found', culprit='RMW_IMPLEMENTATION')
    assert (check_ros(bad_rmw).level, check_rmw(bad_rmw).level) == (OK, FAIL)
    assert check_rmw(bad_rmw).cure.startswith('sudo apt install ros-jazzy-rmw-zenoh-cpp, or unset')


def test_two_variables_that_keep_ros_from_starting_are_both_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def described(environment: Mapping[str, str]) -> Mapping[str, Any]:
        if {'ROS_DOMAIN_ID', 'RMW_IMPLEMENTATION'} & environment.keys():
            raise ProbeError('no')
        return FACTS

    monkeypatch.setattr(doctor_transport, '_described', described)
    found = describe_ros({'ROS_DOMAIN_ID': 'x', 'RMW_IMPLEMENTATION': 'y', 'HOME': '/'})
    assert (found.facts, found.culprit) == (FACTS, 'RMW_IMPLEMENTATION and ROS_DOMAIN_ID')


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ("raise AttributeError('_ARRAY_API not found')", 'does not load (AttributeError: _ARRAY'),
        ('import os; os.abort()', 'does not load (exit code -6)'),
        ('', 'installed'),
    ],
)
def test_a_package_that_is_there_but_does_not_load_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, words: str
) -> None:
    (tmp_path / 'cv_bridge.py').write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    verdict = check_cv_bridge(machine_of({'PYTHONPATH': str(tmp_path)}))
    assert verdict.level == (WARN if content else OK)
    assert words in verdict.message


def test_files_of_the_machine_are_judged(tmp_path: Path) -> None:
    machine = machine_of({'MALLOC_ARENA_MAX': '1'}, tmp_path)
    assert check_shared_memory(machine).level == WARN
    assert judge_shared_memory(64 << 20, 'cure').level == WARN
    assert judge_shared_memory(128 << 20, 'cure').level == OK
    assert check_sockets(machine).message.startswith('n/a')
    assert check_gpu(machine) == Verdict(OK, 'none: serving on the CPU')
    assert 'overrides MALLOC_ARENA_MAX' in check_malloc(machine).message
    limits = {'rmem_max': 212992, 'wmem_max': 4 << 20, 'rmem_default': 212992}
    for file, text in {**limits, 'wmem_default': 8 << 20}.items():
        path = tmp_path / 'proc/sys/net/core' / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{text}\n')
    verdict = check_sockets(machine)
    assert (verdict.level, 'another machine' in verdict.message) == (WARN, True)
    most, usual = 'net.core.rmem_max=2147483647', 'net.core.rmem_default=8388608'
    assert verdict.cure == f'sudo sysctl -w {most} {usual}'
    other = machine_of({}, tmp_path, {**FACTS, 'rmw': 'rmw_cyclonedds_cpp'})
    assert check_sockets(other).cure == f'sudo sysctl -w {most}'
    (tmp_path / 'etc').mkdir()
    (tmp_path / 'etc' / 'nv_tegra_release').touch()
    verdict = check_gpu(machine)
    assert (verdict.level, verdict.cure) == (WARN, 'see docs/jetson.md')
    assert 'NVIDIA GPU here, but TensorRT can not use it' in verdict.message


def test_plans_are_listed_with_size_gpu_and_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert check_plans(machine_of({})).message.startswith('0 in ')
    key = PlanKey(
        *('model.fp16.256x512.onnx', '0' * 64, 'tensorrt 10.3.0'),
        *('Orin', '8.7', 16, '12.6', '12.6', 'aarch64', 0, 1),
    )
    PlanCache(private_cache_folder('tensorrt')).put(key, b'plan', 'fp16', 31.0)
    message = check_plans(machine_of({})).message
    assert message.startswith('1 in ')
    assert f'{key.name} (0.0 MB, tensorrt 10.3.0, Orin)' in message
    (tmp_path / 'unet_perception' / 'tensorrt').chmod(0o777)
    verdict = check_plans(machine_of({}))
    assert (verdict.level, 'chmod 700' in verdict.cure) == (WARN, True)


def test_a_damaged_model_is_found_and_named(tmp_path: Path) -> None:
    folder = model_copy(tmp_path)
    backend = choose_backend('auto').backend
    assert judge_model(folder, backend).level == OK
    flip_byte(next(folder.glob('*.onnx')))
    verdict = judge_model(folder, backend)
    assert (verdict.level, 'damaged or changed (sha256' in verdict.message) == (FAIL, True)
    assert f'check-model {folder.name}' in verdict.cure


def test_what_is_not_foreseen_is_a_finding_and_only_what_needs_it_is_left_out() -> None:
    def broken(_: Machine) -> Verdict:
        raise ZeroDivisionError('by surprise')

    rows = [
        Row('first', broken),
        Row('second', lambda _: Verdict(OK, 'fine'), ('first',)),
        Row('third', lambda _: Verdict(OK, 'fine'), ('second',)),
        Row('fourth', lambda _: Verdict(WARN, 'so so', 'cure')),
    ]
    findings = list(findings_of(rows, machine_of(), lambda _: None))
    not_tried = 'not tried: first has failed'
    assert [(f.level, f.message) for f in findings] == [
        (FAIL, 'by surprise'),
        (WARN, not_tried),
        (WARN, not_tried),
        (WARN, 'so so'),
    ]
    assert summary(findings) == 'not ready: 1 FAIL, 3 WARN'


def test_every_check_needs_only_checks_before_it() -> None:
    names = [row.name for row in CHECKS]
    assert len(set(names)) == len(names)
    for k, row in enumerate(CHECKS):
        assert set(row.needs) <= set(names[:k])


def test_the_summary_counts() -> None:
    fine, bad = (Finding('x', level, '', '') for level in (OK, WARN))
    assert summary([fine, fine, bad]) == 'ready: 2 OK, 1 WARN'

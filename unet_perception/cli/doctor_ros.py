"""Judges ROS 2 as it is in this environment: whether it starts, and what its transport carries.

Knows distributions, middleware names and how many images must arrive; how to ask is in
`doctor_transport`.
"""

from functools import partial
from importlib.util import find_spec
from pathlib import Path
import sys

from .doctor_machine import FAIL, OK, WARN, Machine, Verdict
from .doctor_profile import large_images
from .doctor_transport import Carried, ProbeError, carry_images, import_problem

UNSUPPORTED = ('dashing', 'eloquent', 'foxy', 'galactic', 'iron', 'melodic', 'noetic')
IMAGES = 30
ALL, MANY = 0.95, 0.8
"""Share of images that must arrive for OK and for WARN; half do where the segment is too small."""


def check_ros(machine: Machine) -> Verdict:
    """Tell whether rclpy is there and starts, and which distribution it is of."""
    facts, complaint, culprit = machine.ros
    if complaint and culprit != 'RMW_IMPLEMENTATION':
        cure = f'correct or unset {culprit}: ROS 2 starts without it' if culprit else _source()
        return Verdict(FAIL, f'rclpy does not start: {complaint}', cure)
    name = machine.distribution or 'unknown distribution'
    source = ' from wheels' if facts['is_wheel'] else ''
    text = f'{name}{source}, rclpy {facts["rclpy"]}, domain {facts["domain"]}'
    if name in UNSUPPORTED:
        cure = 'use humble, jazzy, kilted or a later one'
        return Verdict(WARN, f'{text}: this distribution is not supported', cure)
    return Verdict(OK, text)


def _source() -> str:
    """Return how to bring ROS 2 into the shell, naming what is installed."""
    version = f'{sys.version_info.major}.{sys.version_info.minor}'
    installed = sorted(str(file) for file in Path('/opt/ros').glob('*/setup.bash'))
    scripts = ' or '.join(installed) or '/opt/ros/<distribution>/setup.bash'
    return (
        f'source {scripts} (its Python must be this one, {version}), '
        'or make demo, which installs ROS 2 wheels into .venv'
    )


def check_rmw(machine: Machine) -> Verdict:
    """Tell which middleware is loaded, and whether it is the one that was asked for."""
    named = machine.environment.get('RMW_IMPLEMENTATION')
    if machine.ros.culprit == 'RMW_IMPLEMENTATION':
        install = f'{machine.debian_package(str(named))}, or ' if named else ''
        cure = f'{install}unset RMW_IMPLEMENTATION ({machine.facts["rmw"]} starts)'
        message = f'RMW_IMPLEMENTATION={named} is not installed or does not load: '
        return Verdict(FAIL, message + machine.ros.complaint, cure)
    source = 'by RMW_IMPLEMENTATION' if named else 'the default'
    return Verdict(OK, f'{machine.facts["rmw"]}, {source}')


def check_images(width: int, height: int, machine: Machine) -> Verdict:
    """Tell whether camera images get from one process to another."""
    try:
        carried = carry_images(machine.environment, width, height, IMAGES)
    except ProbeError as exc:
        cure = 'python3 -m unet_perception.ros.image_probe send shows what it logs'
        return Verdict(FAIL, f'not carried: {exc}', cure)
    return judge_images(carried, machine)


def judge_images(carried: Carried, machine: Machine) -> Verdict:
    """Judge what came of the images that were sent."""
    if not carried.sent:
        cure = (
            'let UDP and multicast through the firewall, and look at ROS_DOMAIN_ID, '
            'ROS_AUTOMATIC_DISCOVERY_RANGE and ROS_STATIC_PEERS'
        )
        return Verdict(FAIL, 'two processes of this machine do not find each other', cure)
    share = carried.received / carried.sent
    text = f'{carried.received} of {carried.sent} arrive'
    if carried.p50_ms is not None:
        text += f', p50 {carried.p50_ms:.1f} ms'
    if share >= ALL:
        return Verdict(OK, text)
    return Verdict(WARN if share >= MANY else FAIL, text, _transport_cure(machine))


def _transport_cure(machine: Machine) -> str:
    """Return what makes room for images, by the middleware."""
    if machine.is_fast_dds:
        return f'{large_images(machine)}; in Docker also --shm-size=512m or --ipc=host'
    return (
        "sudo sysctl -w net.core.rmem_max=2147483647 and the middleware's own tuning guide, or "
        'RMW_IMPLEMENTATION=rmw_fastrtps_cpp with transport:=large_images'
    )


def check_package(package: str, lost: str, machine: Machine) -> Verdict:
    """Tell whether a ROS package that is not required is there, and what is lost without it."""
    if not find_spec(package):
        return Verdict(WARN, f'not installed: {lost}', machine.debian_package(package))
    problem = import_problem(package, machine.environment)
    if problem:
        cure = f'install it again for this Python and NumPy: {machine.debian_package(package)}'
        return Verdict(WARN, f'does not load ({problem}): {lost}', cure)
    return Verdict(OK, 'installed')


check_vision_msgs = partial(
    check_package, 'vision_msgs', 'no segmentation/label_info (class names)'
)
check_cv_bridge = partial(
    check_package, 'cv_bridge', 'images of unusual encodings count as malformed'
)

"""What the doctor's checks are given, a machine, and what each gives back, a verdict.

Knows levels and where to look; not what is looked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .doctor_transport import Description, describe_ros

OK, WARN, FAIL = 'OK', 'WARN', 'FAIL'
WHEELS = {'3': 'humble', '7': 'jazzy', '9': 'kilted'}
"""ROS distribution by rclpy's major version; wheels have no ROS_DISTRO."""


class Verdict(NamedTuple):
    """A level, a sentence, and what to do about it."""

    level: str
    message: str
    cure: str = ''


@dataclass(frozen=True)
class Machine:
    """An environment and a root of files; ROS 2 is asked when first needed, and once."""

    environment: Mapping[str, str]
    root: Path = Path('/')

    @cached_property
    def ros(self) -> Description:
        """What a node that is started in the environment says."""
        return describe_ros(self.environment)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What is known of ROS 2; empty if it does not start."""
        return self.ros.facts

    @property
    def distribution(self) -> str | None:
        """The ROS distribution, by ROS_DISTRO or by the version of rclpy."""
        major = str(self.facts.get('rclpy')).partition('.')[0]
        return self.environment.get('ROS_DISTRO') or WHEELS.get(major)

    @property
    def is_fast_dds(self) -> bool:
        """Tell whether the middleware is Fast DDS, ROS 2's default."""
        named = self.environment.get('RMW_IMPLEMENTATION')
        return 'fastrtps' in (self.facts.get('rmw') or named or 'rmw_fastrtps_cpp')

    def debian_package(self, package: str) -> str:
        """Return the command that installs a ROS package."""
        distribution = self.environment.get('ROS_DISTRO') or '<distribution>'
        return f'sudo apt install ros-{distribution}-{package.replace("_", "-")}'

"""Real nodes on the loopback, in a ROS domain of their own."""

from collections.abc import Iterator
import os
import tempfile

import pytest

from unet_perception.core.transport import transport_environment

domain_coordinator = pytest.importorskip(
    'domain_coordinator', reason='ROS 2 is not installed: make test brings it'
)
os.environ.update(transport_environment('local', os.environ.get('ROS_DISTRO')))
os.environ.setdefault('ROS_LOG_DIR', tempfile.mkdtemp(prefix='unet_perception_test_log_'))


@pytest.fixture(scope='session', autouse=True)
def _ros_domain() -> Iterator[None]:
    """Hold a domain that nobody else on this machine uses, for this run alone."""
    import rclpy

    with domain_coordinator.domain_id() as domain:
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        rclpy.init()
        yield
        rclpy.try_shutdown()

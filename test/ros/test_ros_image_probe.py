"""The probe's processes: each says in one line of JSON what it saw, together and alone."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
import json
import secrets
import signal
import subprocess
import sys
from time import sleep
from typing import Any

import pytest
import rclpy
from sensor_msgs.msg import Image

from rig import wait_until


@contextmanager
def probe(role: str, *options: str) -> Iterator['subprocess.Popen[str]']:
    """Run a role; it is gone afterwards."""
    command = [sys.executable, '-m', 'unet_perception.ros.image_probe', role, *options]
    popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield popen
    finally:
        popen.kill()
        popen.communicate()


def answer_of(popen: 'subprocess.Popen[str]') -> dict[str, Any]:
    out, err = popen.communicate(timeout=30)
    assert (popen.returncode, 'Traceback' in err) == (0, False), err
    return dict(json.loads(out))


@pytest.fixture
def topic() -> str:
    return f'/_image_probe_test_{secrets.token_hex(4)}/image'


@pytest.mark.parametrize('reliability', ['best_effort', 'reliable'])
def test_every_image_arrives_and_is_timed(topic: str, reliability: str) -> None:
    options = [f'--topic={topic}', f'--reliability={reliability}', '--count=20']
    with ExitStack() as running:
        receiver, sender = (
            running.enter_context(probe(role, *options)) for role in ('receive', 'send')
        )
        assert answer_of(sender) == {'sent': 20}
        received = answer_of(receiver)
    assert received['received'] == 20
    assert 0 < received['p50_ms'] <= received['p95_ms'] <= received['max_ms'] < 1000


def test_each_gives_up_when_the_other_does_not_come(topic: str) -> None:
    with ExitStack() as running:
        receiver, sender = (
            running.enter_context(probe(role, f'--topic={topic}{role}', '--patience=0.5'))
            for role in ('receive', 'send')
        )
        assert answer_of(sender) == {'sent': 0}
        nothing = {'received': 0, 'p50_ms': None, 'p95_ms': None, 'max_ms': None}
        assert answer_of(receiver) == nothing


def test_a_receiver_does_not_wait_for_a_sender_that_is_gone(topic: str) -> None:
    node = rclpy.create_node('short_lived')
    publisher = node.create_publisher(Image, topic, 5)
    with probe('receive', f'--topic={topic}') as receiver:
        assert wait_until(publisher.get_subscription_count)
        for k in range(20):  # the receiver may hear of the publisher later than it of the receiver
            image = Image()
            image.header.frame_id = str(k)
            publisher.publish(image)
            sleep(0.1)
        node.destroy_node()
        assert 1 <= answer_of(receiver)['received'] <= 20, 'it would wait for 30'


def test_a_receiver_that_is_interrupted_tells_what_it_has(topic: str) -> None:
    node = rclpy.create_node('endless')
    publisher = node.create_publisher(Image, topic, 5)
    with probe('receive', f'--topic={topic}') as receiver:
        assert wait_until(publisher.get_subscription_count)
        receiver.send_signal(signal.SIGINT)
        assert answer_of(receiver)['received'] == 0
    node.destroy_node()


def test_the_description_is_that_of_this_ros() -> None:
    with probe('describe') as popen:
        facts = answer_of(popen)
    assert facts['rmw'] == rclpy.get_rmw_implementation_identifier()
    assert facts['rclpy'][0].isdigit()
    assert facts['domain'] == rclpy.get_default_context().get_domain_id()


def test_a_domain_that_is_no_number_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', 'kitchen')
    with probe('describe') as popen:
        out, err = popen.communicate(timeout=30)
    assert (popen.returncode, out) == (2, '')
    assert 'ROS_DOMAIN_ID is not an integral number' in err
    assert 'Traceback' not in err

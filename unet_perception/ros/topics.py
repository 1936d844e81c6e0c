"""The node's topics: one table, from which come publishers, subscriptions and README.

Knows names, types and QoS; not what is sent.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float64


class Topic(NamedTuple):
    """One topic; `kind` is None where its message package may be missing."""

    name: str
    kind: Any
    type_name: str
    is_output: bool
    reliable: bool
    depth: int
    latched: bool
    notes: str

    def of_camera(self, camera: str) -> 'Topic':
        """Return the topic with a camera's name before its own, if the camera has one."""
        if not camera or self.name.startswith('/'):
            return self
        home = '~/' if self.name.startswith('~/') else ''
        return self._replace(name=f'{home}{camera}/{self.name.removeprefix(home)}')

    @property
    def qos(self) -> QoSProfile:
        """The topic's quality of service."""
        durability = (
            DurabilityPolicy.TRANSIENT_LOCAL if self.latched else DurabilityPolicy.VOLATILE
        )
        reliability = (
            ReliabilityPolicy.RELIABLE if self.reliable else ReliabilityPolicy.BEST_EFFORT
        )
        return QoSProfile(depth=self.depth, durability=durability, reliability=reliability)

    @property
    def qos_text(self) -> str:
        """The quality of service, for people."""
        reliability = 'reliable' if self.reliable else 'best effort'
        return f'{reliability}, depth {self.depth}' + (', transient local' if self.latched else '')


def _label_info_type() -> Any:
    try:
        return import_module('vision_msgs.msg').LabelInfo
    except ImportError:
        return None


def _input(name: str, kind: Any, type_name: str, depth: int, notes: str) -> Topic:
    way = {'is_output': False, 'reliable': False, 'latched': False}
    return Topic(name, kind, type_name, depth=depth, notes=notes, **way)


def _output(name: str, kind: Any, type_name: str, notes: str) -> Topic:
    way = {'is_output': True, 'reliable': True, 'latched': False}
    return Topic(name, kind, type_name, depth=1, notes=notes, **way)


IMAGE = _input('image', Image, 'sensor_msgs/Image', 5, 'The camera')
COMPRESSED_IMAGE = _input(
    'image/compressed',
    CompressedImage,
    'sensor_msgs/CompressedImage',
    5,
    'The camera, with `image_transport: compressed`',
)
CAMERA_INFO_IN = _input(
    'camera_info', CameraInfo, 'sensor_msgs/CameraInfo', 5, 'Optional; republished with the mask'
)
CONFIDENCE = _output(
    'segmentation/confidence',
    Image,
    'sensor_msgs/Image',
    'mono8: probability of the winning class, 0 to 255 for 0 to 1; camera size, header verbatim',
)
MASK = _output(
    'segmentation/mask',
    Image,
    'sensor_msgs/Image',
    'mono8: class id, 255 = unknown; camera size, header verbatim; published after '
    'confidence and CameraInfo, so its arrival completes the three',
)
LABEL_INFO = Topic(
    'segmentation/label_info',
    _label_info_type(),
    'vision_msgs/LabelInfo',
    is_output=True,
    reliable=True,
    depth=1,
    latched=True,
    notes='Class names by id; where vision_msgs is installed',
)
CAMERA_INFO_OUT = _output(
    'segmentation/camera_info',
    CameraInfo,
    'sensor_msgs/CameraInfo',
    'The latest CameraInfo with the stamp of the mask; published before the mask',
)
OVERLAY = _output(
    'segmentation/overlay',
    Image,
    'sensor_msgs/Image',
    'bgr8, for people; made only while someone subscribes, after the mask is out',
)
PROCESSING_TIME = _output(
    '~/debug/processing_time_ms', Float64, 'std_msgs/Float64', 'Frame taken to both messages out'
)
CYCLIC_TIME = _output(
    '~/debug/cyclic_time_ms', Float64, 'std_msgs/Float64', 'One mask to the next'
)
PIPELINE_LATENCY = _output(
    '~/debug/pipeline_latency_ms',
    Float64,
    'std_msgs/Float64',
    'Stamp of the image to both messages out',
)
DIAGNOSTICS = Topic(
    '/diagnostics',
    DiagnosticArray,
    'diagnostic_msgs/DiagnosticArray',
    is_output=True,
    reliable=True,
    depth=10,
    latched=False,
    notes='1 Hz, and at once when a level changes: `latency` and `input` of each camera, `model`, '
    '`engine`',
)

TOPICS = (
    IMAGE,
    COMPRESSED_IMAGE,
    CAMERA_INFO_IN,
    CONFIDENCE,
    MASK,
    LABEL_INFO,
    CAMERA_INFO_OUT,
    OVERLAY,
    PROCESSING_TIME,
    CYCLIC_TIME,
    PIPELINE_LATENCY,
    DIAGNOSTICS,
)


def publisher_on(node: Node, topic: Topic, overridable: Sequence[QoSPolicyKind] = ()) -> Any:
    """Create the topic's publisher; some policies may be overridden by parameters, as in ROS."""
    options = QoSOverridingOptions(overridable)
    return node.create_publisher(topic.kind, topic.name, topic.qos, qos_overriding_options=options)

"""Who publishes the images, and whether this node can hear them.

Knows the graph of nodes and topics; not what follows from it (`core.status`).
"""

from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible

from ..core.situation import Publisher
from .topics import Topic


def publishers_on(node: Node, name: str, topic: Topic, qos: QoSProfile) -> tuple[Publisher, ...]:
    """List who publishes `name`, to which a node is subscribed as its `topic` with `qos`."""
    return tuple(
        Publisher(
            f'{info.node_namespace.rstrip("/")}/{info.node_name}', _problem_of(info, topic, qos)
        )
        for info in node.get_publishers_info_by_topic(name)
    )


def _problem_of(info: Any, topic: Topic, wanted: QoSProfile) -> str:
    """Say why images of this publisher can't come; empty if they can."""
    type_name = topic.type_name.replace('/', '/msg/')
    if info.topic_type != type_name:
        return f'sends {info.topic_type}, not {type_name}: remap `image`, or set image_transport'
    compatibility, reason = qos_check_compatible(info.qos_profile, wanted)
    if compatibility == QoSCompatibility.ERROR:
        why = reason.removeprefix('ERROR: ').strip('; ').lower()
        return f'has an incompatible QoS ({why}): change it there, or drop qos_overrides here'
    return ''

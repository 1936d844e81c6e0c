"""The ROS ends of one camera: images in, mask and confidence out.

Knows publishers and subscriptions; not inference or lifecycle.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic_ns
from typing import Any

from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float64

from ..core.decode import bgr_from_decoded
from ..core.frame import Frame
from ..core.manifest import Manifest
from ..core.overlay import bgr_table, overlay
from ..core.pipeline import Segmentation
from ..core.situation import Publisher
from ..errors import RequestError
from . import topics
from .graph import publishers_on
from .messages import (
    ImageFiller,
    frame_from_compressed,
    frame_from_image,
    label_info_message,
    time_from_ns,
)

OVERRIDABLE = (QoSPolicyKind.DEADLINE, QoSPolicyKind.LIFESPAN)
"""Of mask and confidence, by `qos_overrides.<topic>.publisher.…`; off unless asked for."""


class Camera:
    """Subscriptions and publishers of one camera; `close` destroys them all.

    A `name` goes before the topics, in and out; an empty one does not.
    `on_frame` is called by the executor's thread, `publish` and `publish_extras` by the worker.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        image_transport: str,
        manifest: Manifest,
        on_frame: Callable[[Frame], None],
    ) -> None:
        self._node, self._on_frame, self.name = node, on_frame, name
        self._sequence = 0
        self._camera_info: CameraInfo | None = None
        self._table = bgr_table(manifest.colors)
        self._fill_mask, self._fill_confidence = ImageFiller('mono8'), ImageFiller('mono8')
        self._fill_overlay = ImageFiller('bgr8')
        self._publishers: list[Any] = []
        self._subscriptions: list[Any] = []
        self._manifest = manifest
        with ExitStack() as undo:
            undo.callback(self.close)
            self._open(image_transport)
            undo.pop_all()

    def _open(self, image_transport: str) -> None:
        """Create publishers, then subscriptions."""
        self._confidence = self._publisher(topics.CONFIDENCE, OVERRIDABLE)
        self._mask = self._publisher(topics.MASK, OVERRIDABLE)
        self._camera_info_out = self._publisher(topics.CAMERA_INFO_OUT)
        self._overlay = self._publisher(topics.OVERLAY)
        self._debug = {
            'processing': self._publisher(topics.PROCESSING_TIME),
            'cyclic': self._publisher(topics.CYCLIC_TIME),
            'pipeline_latency': self._publisher(topics.PIPELINE_LATENCY),
        }
        self._label_info = (
            self._publisher(topics.LABEL_INFO) if topics.LABEL_INFO.kind is not None else None
        )
        topic, callback = {
            'raw': (topics.IMAGE, self._on_image),
            'compressed': (topics.COMPRESSED_IMAGE, self._on_compressed),
        }[image_transport]
        images = self._subscription(topic, callback)
        self._subscription(topics.CAMERA_INFO_IN, self._on_camera_info)
        self._topic, self._qos = topic, images.qos_profile
        self.image_topic = str(images.topic_name)
        """The resolved name of the subscribed image topic."""

    @property
    def has_label_info(self) -> bool:
        """Whether class names can be published here."""
        return self._label_info is not None

    def publishers(self) -> tuple[Publisher, ...]:
        """List who publishes the image topic, and who of them can't be heard."""
        return publishers_on(self._node, self.image_topic, self._topic, self._qos)

    def publish_label_info(self, threshold: float) -> None:
        """Latch the class names and the threshold below which a pixel is unknown."""
        if self._label_info is not None:
            stamp = self._node.get_clock().now().to_msg()
            self._label_info.publish(label_info_message(self._manifest, threshold, stamp))

    def publish(self, result: Segmentation) -> None:
        """Send confidence and CameraInfo, then mask: its arrival completes the three."""
        stamp = (result.frame.stamp_ns, result.frame.frame_id)
        self._confidence.publish(self._fill_confidence.filled(result.confidence, *stamp))
        info = self._camera_info  # the executor may put a newer one there meanwhile
        if info is not None:
            info.header.stamp = time_from_ns(result.frame.stamp_ns)
            self._camera_info_out.publish(info)
        self._mask.publish(self._fill_mask.filled(result.mask, *stamp))

    def publish_extras(self, result: Segmentation, durations: Mapping[str, float]) -> None:
        """Send what is not urgent: durations, and the overlay if someone looks."""
        stamp_ns, frame_id = result.frame.stamp_ns, result.frame.frame_id
        for name, publisher in self._debug.items():
            if name in durations:
                publisher.publish(Float64(data=durations[name]))
        if self._overlay.get_subscription_count():
            picture = overlay(bgr_from_decoded(result.pixels), result.mask, self._table)
            self._overlay.publish(self._fill_overlay.filled(picture, stamp_ns, frame_id))

    def close(self) -> None:
        """Destroy subscriptions and publishers."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        self._subscriptions, self._publishers = [], []

    def _publisher(self, topic: topics.Topic, overridable: Sequence[QoSPolicyKind] = ()) -> Any:
        topic = topic.of_camera(self.name)
        with self._explained(topic):
            publisher = topics.publisher_on(self._node, topic, overridable)
        self._publishers.append(publisher)
        return publisher

    def _subscription(self, topic: topics.Topic, callback: Callable[[Any], None]) -> Any:
        """Subscribe; parameters `qos_overrides.<topic>.subscription.…` go first, as in ROS."""
        overriding = QoSOverridingOptions.with_default_policies()
        topic = topic.of_camera(self.name)
        with self._explained(topic):
            made = self._node.create_subscription(
                topic.kind, topic.name, callback, topic.qos, qos_overriding_options=overriding
            )
        self._subscriptions.append(made)
        return made

    @contextmanager
    def _explained(self, topic: topics.Topic) -> Iterator[None]:
        """Name the topic whose parameters rclpy refuses."""
        try:
            yield
        except (RuntimeError, ValueError, TypeError, ParameterException) as exc:
            raise RequestError(f'qos_overrides for {topic.name!r} are wrong: {exc}') from exc

    def _on_image(self, message: Image) -> None:
        self._sequence += 1
        self._on_frame(frame_from_image(message, self._sequence, monotonic_ns()))

    def _on_compressed(self, message: CompressedImage) -> None:
        self._sequence += 1
        self._on_frame(frame_from_compressed(message, self._sequence, monotonic_ns()))

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._camera_info = message

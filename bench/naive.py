"""The peer: the node that segmentation tutorials build, on the same network and engine.

Everything in the subscription's callback: image to NumPy, resize, normalise to floats, infer,
softmax, argmax, resize back, `tobytes()` into messages; depth-10 reliable queues, `rclpy.spin`.
Written as well as such a node is: float32 throughout, no loop over pixels, nothing computed
twice. Arguments: the unwrapped ONNX file, its mean and std (0 to 255) as JSON,
threads.
"""

from contextlib import suppress
import json
from pathlib import Path
import sys

import cv2
import numpy as np
from numpy.typing import NDArray
import openvino as ov
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import Image
from std_msgs.msg import Float64

OPTIONS = {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT': 'f32'}
"""As our own engine is compiled."""


class NaiveSegmentation(Node):
    """Masks and confidences from images, one callback for all."""

    def __init__(self, onnx_file: str, mean: list[float], std: list[float], threads: int) -> None:
        super().__init__('segmentation')
        options = {**OPTIONS, **({'INFERENCE_NUM_THREADS': threads} if threads else {})}
        self._network = ov.Core().compile_model(Path(onnx_file), 'CPU', options)
        _, _, self._height, self._width = self._network.input(0).shape
        self._mean, self._std = np.float32(mean), np.float32(std)
        self._mask = self.create_publisher(Image, 'segmentation/mask', 10)
        self._confidence = self.create_publisher(Image, 'segmentation/confidence', 10)
        self._latency = self.create_publisher(Float64, '~/debug/pipeline_latency_ms', 10)
        self.create_subscription(Image, 'image', self._on_image, 10)

    def _on_image(self, message: Image) -> None:
        bgr = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        small = cv2.resize(rgb, (self._width, self._height)).astype(np.float32)
        tensor = ((small - self._mean) / self._std).transpose(2, 0, 1)[None]  # (1, 3, h, w)
        logits = self._network(tensor)[0][0]  # (C, h, w)
        exponents = np.exp(logits - logits.max(axis=0))
        probabilities = exponents / exponents.sum(axis=0)
        size = (message.width, message.height)
        ids = probabilities.argmax(axis=0).astype(np.uint8)
        sure = (probabilities.max(axis=0) * 255).astype(np.uint8)
        self._publish(self._confidence, cv2.resize(sure, size), message)
        mask = cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST)
        self._publish(self._mask, mask, message)
        age = self.get_clock().now() - Time.from_msg(message.header.stamp)
        self._latency.publish(Float64(data=age.nanoseconds / 1e6))

    def _publish(self, publisher: object, pixels: NDArray[np.uint8], image: Image) -> None:
        message = Image(header=image.header, encoding='mono8')
        message.height, message.width = pixels.shape
        message.step = pixels.shape[1]
        message.data = pixels.tobytes()
        publisher.publish(message)  # type: ignore[attr-defined]


def main() -> None:
    """Serve until interrupted."""
    onnx_file, statistics, threads = sys.argv[1:]
    rclpy.init()
    node = NaiveSegmentation(onnx_file, **json.loads(statistics), threads=int(threads))
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)


if __name__ == '__main__':
    main()

"""The node `mask_recorder`: a consumer that notes every mask and confidence it receives.

Knows the node's output topics; judges nothing. It writes `masks.csv` (a line a mask),
`diagnostics.json` (the latest of each status), `unpaired.json` (a count), and a JSON line a
second to standard output.
"""

import csv
import json
from pathlib import Path
import sys
from time import monotonic_ns
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image

from ..core.histogram import RollingHistogram
from ..core.pipeline import digest_of
from ..errors import RequestError
from . import topics
from .consumer import Pairing
from .messages import ns_from_time
from .parameters import Row, checked_values, declare_parameters
from .process import run_node

COLUMNS = (
    'stamp_ns',
    'arrived_ns',
    'frame_id',
    'width',
    'height',
    'digest',
    'class_pixels',
)

PARAMETERS = (Row('folder', '.', (), False, 'Existing folder to write to'),)


class MaskRecorder(Node):
    """Pairs mask and confidence by stamp, and writes a line for each pair."""

    def __init__(self) -> None:
        super().__init__('mask_recorder')
        declare_parameters(self, PARAMETERS)
        self._folder = Path(checked_values(self, PARAMETERS)['folder'])
        try:
            self._stream = (self._folder / 'masks.csv').open('w', newline='')
        except OSError as exc:
            raise RequestError(f"can't write to {str(self._folder)!r}: {exc.strerror}") from exc
        self._writer = csv.writer(self._stream)
        self._writer.writerow(COLUMNS)
        self._pairing = Pairing()
        self._latency = RollingHistogram()
        self._statuses: dict[str, Any] = {}
        self._masks = self._unpaired = 0
        for topic, callback in (
            (topics.CONFIDENCE, self._on_confidence),
            (topics.MASK, self._on_mask),
            (topics.DIAGNOSTICS, self._on_diagnostics),
        ):
            self.create_subscription(topic.kind, topic.name, callback, 10)
        self.create_timer(1.0, self.report)

    def report(self) -> None:
        """Print what is known so far as one JSON line, and keep the diagnostics."""
        now = monotonic_ns()
        summary = self._latency.percentiles(now)
        line = {
            'masks': self._masks,
            'unpaired': self._unpaired,
            'fps': round(self._latency.rate(now, 3), 1),
            'latency_ms': summary and {'p50': summary.p50, 'p95': summary.p95},
            'mask_publishers': self.count_publishers(topics.MASK.name),
            'node': self._statuses.get('engine', {}),
            'input': self._statuses.get('input', {}),
        }
        print(json.dumps(line), flush=True)
        (self._folder / 'diagnostics.json').write_text(json.dumps(self._statuses, indent=2))
        (self._folder / 'unpaired.json').write_text(json.dumps(self._unpaired))

    def close(self) -> None:
        """Write what is left and destroy the node."""
        self.report()
        self._stream.close()
        self.destroy_node()

    def _on_confidence(self, message: Image) -> None:
        self._pairing.mask_for(message)  # a mask that came before it is counted already

    def _on_mask(self, message: Image) -> None:
        arrived_ns = self.get_clock().now().nanoseconds
        confidence = self._pairing.confidence_for(message)
        if confidence is None:
            self._unpaired += 1
            return
        stamp_ns = ns_from_time(message.header.stamp)
        self._masks += 1
        self._latency.record((arrived_ns - stamp_ns) / 1e6, monotonic_ns())
        mask = np.frombuffer(message.data, np.uint8)
        counts = cv2.calcHist([mask], [0], None, [256], [0, 256]).ravel()
        pixels = {int(k): int(counts[k]) for k in np.flatnonzero(counts)}
        self._writer.writerow(
            (
                stamp_ns,
                arrived_ns,
                message.header.frame_id,
                message.width,
                message.height,
                digest_of(memoryview(message.data), memoryview(confidence.data)),
                json.dumps(pixels),
            )
        )

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            node, _, name = status.name.partition(': ')
            if node.endswith('segmentation'):
                values = {pair.key: pair.value for pair in status.values}
                level = int.from_bytes(status.level, 'little')
                self._statuses[name] = {'level': level, 'message': status.message, **values}


def main(args: list[str] | None = None) -> int:
    """Record until told to stop; 2 if a parameter is wrong."""
    return run_node('mask_recorder', MaskRecorder, lambda _: None, lambda _: False, args)


if __name__ == '__main__':
    sys.exit(main())

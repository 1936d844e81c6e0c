"""A consumer for lane planners: the left and right boundary of the road ahead, in pixels.

Knows masks with confidence; not the ground plane, nor the vehicle. To see it work, start node
and player as in the README under "By hand", then in a third shell:

    export FASTDDS_DEFAULT_PROFILES_FILE=$PWD/config/fastdds_local.xml ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
    .venv/bin/python examples/lane_consumer.py --ros-args -p top:=0.65

Topics: `~/left` and `~/right` (PolygonStamped: an open line of x, y = pixels, nearest point first,
empty if nothing of it is seen), with the mask's header, and `~/is_ready` (Bool: masks that can be
trusted come). A point is the outermost sure pixel of road, or of a line on it, in its row; unknown
and unsure pixels are not road. But at a painted line the model divides its belief between road and
line, so there they need not be sure. Where the road goes out of view there is no boundary, so no
point.
"""  # noqa: E501

import sys
from typing import NamedTuple

import cv2
from geometry_msgs.msg import Point32, PolygonStamped
import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, Header

from unet_perception.core.frame import U8
from unet_perception.ros.consumer import MaskConsumer, MaskPair
from unet_perception.ros.parameters import Row, checked_values, declare_parameters
from unet_perception.ros.process import run_node

PARAMETERS = (
    Row('class_id', 1, (0, 254), False, 'Class of the road'),
    Row('line_id', 2, (-1, 254), False, 'Class of the lines on it; -1: the model has none'),
    Row('seam_px', 6, (0, 1000), False, 'So near to a line, road and line need not be sure'),
    Row('least_confidence', 0.8, (0.0, 1.0), False, 'Pixels less sure are not road'),
    Row(
        'top', 0.6, (0.0, 1.0), False, 'Where to end: 0.0 is the top of the image, 1.0 the bottom'
    ),
    Row('points', 12, (2, 1000), False, 'At most so many points on each side'),
    Row('margin_px', 8, (0, 1000), False, 'So near to the image border a boundary is out of view'),
    Row('max_age_s', 0.2, (0.001, 3600.0), False, 'Older masks are refused'),
    Row('silence_s', 0.5, (0.01, 3600.0), False, 'Stop after so long without a usable mask'),
)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
Line = NDArray[np.float64]  # (N, 2): x, y


class Boundaries(NamedTuple):
    """The outermost pixels of the road on each side, nearest first."""

    left: Line
    right: Line


def boundaries_from_mask(
    mask: U8,
    confidence: U8,
    class_id: int,
    line_id: int,
    seam_px: int,
    least_confidence: float,
    top: float,
    points: int,
    margin_px: int,
) -> Boundaries:
    """Follow the road up from the bottom row's middle until its middle is no sure road (H, W).

    Every row is looked at, so that no obstacle hides between two points.
    """
    height, width = mask.shape
    is_sure = confidence >= 255 * least_confidence
    road = surface_from_mask(mask, is_sure, class_id, line_id, seam_px)
    rows = np.arange(height - 1, round(top * (height - 1)) - 1, -1)
    shown = set(np.linspace(rows[0], rows[-1], points).round())
    left, right = [], []
    middle = width // 2
    for y in rows:
        run = run_around(middle, road[y])
        if run is None:
            break
        if y in shown and run[0] > margin_px:
            left.append((run[0], y))
        if y in shown and run[1] < width - 1 - margin_px:
            right.append((run[1], y))
        middle = sum(run) // 2
    return Boundaries(np.array(left, float).reshape(-1, 2), np.array(right, float).reshape(-1, 2))


def surface_from_mask(
    mask: U8, is_sure: NDArray[np.bool_], class_id: int, line_id: int, seam_px: int
) -> NDArray[np.bool_]:
    """Mark the road and its lines where they are sure, or within `seam_px` of a line (H, W)."""
    line = mask == line_id
    row = np.ones((1, 2 * seam_px + 1), np.uint8)
    is_beside_line = cv2.dilate(line.astype(np.uint8), row) > 0
    surface: NDArray[np.bool_] = (line | (mask == class_id)) & (is_sure | is_beside_line)
    return surface


def run_around(middle: int, is_road: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return the first and last pixel of the run of road around `middle` in a row (W,)."""
    if not is_road[middle]:
        return None
    walls = np.flatnonzero(~is_road)
    k = int(np.searchsorted(walls, middle))
    first = int(walls[k - 1]) + 1 if k else 0
    last = int(walls[k]) - 1 if k < len(walls) else len(is_road) - 1
    return first, last


class LaneConsumer(Node):
    """Publishes the boundaries for each usable pair, and stops when they stop."""

    def __init__(self) -> None:
        super().__init__('lane_consumer')
        declare_parameters(self, PARAMETERS)
        values = checked_values(self, PARAMETERS)
        times = values.pop('max_age_s'), values.pop('silence_s')
        self._limits = values
        self._left = self.create_publisher(PolygonStamped, '~/left', 1)
        self._right = self.create_publisher(PolygonStamped, '~/right', 1)
        self._is_ready = self.create_publisher(Bool, '~/is_ready', LATCHED)
        self._masks = MaskConsumer(self, self.go_on, self.stop, *times)

    def go_on(self, pair: MaskPair) -> None:
        """Say where the road is."""
        boundaries = boundaries_from_mask(pair.mask, pair.confidence, **self._limits)
        self._is_ready.publish(Bool(data=True))
        self._left.publish(polygon_message(boundaries.left, pair.header))
        self._right.publish(polygon_message(boundaries.right, pair.header))
        self.get_logger().info(
            f'{len(boundaries.left)} points left, {len(boundaries.right)} right, '
            f'mask {pair.age_s * 1e3:.0f} ms old',
            throttle_duration_sec=1.0,
        )

    def stop(self, reason: str) -> None:
        """Halt: nothing is known of the present any more. A vehicle would brake here."""
        self._is_ready.publish(Bool(data=False))
        self.get_logger().warning(f'stopped: {reason}')

    def close(self) -> None:
        """Stop, and destroy the node."""
        self.stop('told to end')
        self.destroy_node()


def polygon_message(line: Line, header: Header) -> PolygonStamped:
    """Return points (N, 2) as a message."""
    message = PolygonStamped(header=header)
    message.polygon.points = [Point32(x=x, y=y) for x, y in line.tolist()]
    return message


if __name__ == '__main__':
    sys.exit(run_node('lane_consumer', LaneConsumer, lambda _: None, lambda _: False))

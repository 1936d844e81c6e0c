"""A consumer for grasp planners: where objects are, and the pixel with the most room around it.

Knows masks with confidence; not depth, nor the arm. To see it work, start node and player as in
the README under "By hand", the node with `-p model:=grasp` and the player with
`-p source:=examples/footage/tabletop.mp4`, then in a third shell:

    export FASTDDS_DEFAULT_PROFILES_FILE=$PWD/config/fastdds_local.xml ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
    .venv/bin/python examples/grasp_consumer.py --ros-args -p least_confidence:=0.9

Topics: `~/centroids` (PolygonStamped, used as a list of points: x, y = centroid of a region, z =
its pixels, largest first), `~/approach` (PointStamped: x, y = pixel, z = clearance in pixels),
`~/approach_ray` (Vector3Stamped at depth 1 in the camera's optical frame, only if CameraInfo has a calibration;
from K alone, so it holds for images without distortion), all with the mask's header, and
`~/is_ready` (Bool: masks that can be trusted come; an approach is sent only when there is one).
"""  # noqa: E501

from collections.abc import Sequence
import sys
from typing import NamedTuple

import cv2
from geometry_msgs.msg import (
    Point,
    Point32,
    PointStamped,
    PolygonStamped,
    Vector3,
    Vector3Stamped,
)
import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, Header

from unet_perception.core.frame import U8
from unet_perception.ros.consumer import MaskConsumer, MaskPair
from unet_perception.ros.parameters import Row, checked_values, declare_parameters
from unet_perception.ros.process import run_node

PARAMETERS = (
    Row('class_id', 1, (0, 254), False, 'Class of the objects'),
    Row('least_confidence', 0.8, (0.0, 1.0), False, 'Pixels less sure are an obstacle'),
    Row('least_region_px', 200, (1, 2**31 - 1), False, 'Smaller regions are an obstacle'),
    Row('max_age_s', 0.2, (0.001, 3600.0), False, 'Older masks are refused'),
    Row('silence_s', 0.5, (0.01, 3600.0), False, 'Stop after so long without a usable mask'),
)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Region(NamedTuple):
    """A connected piece of object; x and y are its centroid, in pixels."""

    x: float
    y: float
    area_px: int


class Approach(NamedTuple):
    """A pixel; no nearer than `clearance_px` is one that is unknown, unsure or something else."""

    x: int
    y: int
    clearance_px: float

    def __str__(self) -> str:
        return f'approach at ({self.x}, {self.y}) with {self.clearance_px:.0f} px around it'


class Grasp(NamedTuple):
    """The regions, largest first, and the pixel with the most clearance in any of them."""

    regions: list[Region]
    approach: Approach | None


def grasp_from_mask(
    mask: U8, confidence: U8, class_id: int, least_confidence: float, least_region_px: int
) -> Grasp:
    """Find regions of a class and the approach pixel; only sure pixels (H, W) are object."""
    sure = ((mask == class_id) & (confidence >= 255 * least_confidence)).astype(np.uint8)
    _, labels, stats, centroids = cv2.connectedComponentsWithStats(sure, connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA]
    is_kept = areas >= least_region_px
    is_kept[0] = False  # label 0 is all that is not object
    order = [k for k in np.argsort(-areas) if is_kept[k]]
    regions = [Region(float(x), float(y), int(areas[k])) for k in order for x, y in centroids[[k]]]
    return Grasp(regions, approach_from_area(is_kept[labels].astype(np.uint8)))


def approach_from_area(area: U8) -> Approach | None:
    """Return the pixel of `area` (H, W), 0 or 1, that is farthest from its border."""
    padded = np.pad(area, 1)  # what is out of view is as unknown as 255
    clearance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    y, x = np.unravel_index(int(clearance.argmax()), clearance.shape)
    if not clearance[y, x]:
        return None
    return Approach(int(x) - 1, int(y) - 1, float(clearance[y, x]))


def ray_from_pixel(x: float, y: float, k: Sequence[float]) -> tuple[float, float, float] | None:
    """Return the point at depth 1 behind a pixel, by CameraInfo's K; None if K is zero."""
    fx, cx, fy, cy = k[0], k[2], k[4], k[5]
    return ((x - cx) / fx, (y - cy) / fy, 1.0) if fx and fy else None


class GraspConsumer(Node):
    """Publishes an approach for each usable pair, and stops when they stop."""

    def __init__(self) -> None:
        super().__init__('grasp_consumer')
        declare_parameters(self, PARAMETERS)
        values = checked_values(self, PARAMETERS)
        times = values.pop('max_age_s'), values.pop('silence_s')
        self._limits = values
        self._centroids = self.create_publisher(PolygonStamped, '~/centroids', 1)
        self._approach = self.create_publisher(PointStamped, '~/approach', 1)
        self._ray = self.create_publisher(Vector3Stamped, '~/approach_ray', 1)
        self._is_ready = self.create_publisher(Bool, '~/is_ready', LATCHED)
        self._masks = MaskConsumer(self, self.go_on, self.stop, *times)

    def go_on(self, pair: MaskPair) -> None:
        """Say where to grasp."""
        grasp = grasp_from_mask(pair.mask, pair.confidence, **self._limits)
        self._is_ready.publish(Bool(data=True))
        self._centroids.publish(centroids_message(grasp.regions, pair.header))
        if grasp.approach:
            self._publish(grasp.approach, pair)
        self.get_logger().info(
            f'{len(grasp.regions)} region(s), {grasp.approach or "no approach"}, '
            f'mask {pair.age_s * 1e3:.0f} ms old',
            throttle_duration_sec=1.0,
        )

    def stop(self, reason: str) -> None:
        """Halt: nothing is known of the present any more. An arm would stop here."""
        self._is_ready.publish(Bool(data=False))
        self.get_logger().warning(f'stopped: {reason}')

    def close(self) -> None:
        """Stop, and destroy the node."""
        self.stop('told to end')
        self.destroy_node()

    def _publish(self, approach: Approach, pair: MaskPair) -> None:
        x, y, clearance = (float(value) for value in approach)
        point = Point(x=x, y=y, z=clearance)
        self._approach.publish(PointStamped(header=pair.header, point=point))
        ray = ray_from_pixel(x, y, pair.camera_info.k) if pair.camera_info else None
        if ray:
            vector = Vector3(x=ray[0], y=ray[1], z=ray[2])
            self._ray.publish(Vector3Stamped(header=pair.header, vector=vector))


def centroids_message(regions: list[Region], header: Header) -> PolygonStamped:
    """Return the regions' centroids as points."""
    message = PolygonStamped(header=header)
    message.polygon.points = [
        Point32(x=region.x, y=region.y, z=float(region.area_px)) for region in regions
    ]
    return message


if __name__ == '__main__':
    sys.exit(run_node('grasp_consumer', GraspConsumer, lambda _: None, lambda _: False))

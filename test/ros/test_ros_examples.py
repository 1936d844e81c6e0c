"""The examples: what planners get from drawn masks, and both programs beside a running node."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
import signal
import subprocess
import sys
from time import sleep
from typing import Any

from geometry_msgs.msg import PointStamped, PolygonStamped, Vector3Stamped
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Bool

from rig import Rig, fake_opener, image_message, python_process, wait_until
from unet_perception.core.engine import Engine, EngineOutput
from unet_perception.core.footage import frames_from_path
from unet_perception.core.frame import U8
from unet_perception.core.manifest import Artifact, Model
from unet_perception.core.paths import sample_footage, share_folder
from unet_perception.engines.fake import FakeEngine
from unet_perception.ros.serving import TIMED_RUNS

EXAMPLES = share_folder() / 'examples'
sys.path.insert(0, str(EXAMPLES))
grasp = import_module('grasp_consumer')
lane = import_module('lane_consumer')

UNKNOWN = 255
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
OLD_S = 1000


def discs(*circles: tuple[int, int, int], shape: tuple[int, int] = (120, 160)) -> U8:
    """Draw discs (x, y, radius) of class 1."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    inside = [(x - cx) ** 2 + (y - cy) ** 2 <= r * r for cx, cy, r in circles]
    return np.logical_or.reduce(inside).astype(np.uint8)


def sure(mask: U8) -> U8:
    return np.full_like(mask, 250)


def patches(seed: int) -> tuple[U8, U8]:
    """Draw a mask of classes 0, 1 and 255, and a confidence, in patches of 4 pixels."""
    random = np.random.default_rng(seed)
    mask = random.choice(np.array([0, 1, 1, 1, 1, 1, UNKNOWN], np.uint8), (12, 16))
    confidence = random.choice(np.array([100, 203, 204, 250, 255], np.uint8), (12, 16))
    return mask.repeat(4, 0).repeat(4, 1), confidence.repeat(4, 0).repeat(4, 1)


class TestGrasp:
    def found(self, mask: U8, confidence: U8 | None = None, least_region_px: int = 50) -> Any:
        confidence = sure(mask) if confidence is None else confidence
        return grasp.grasp_from_mask(mask, confidence, 1, 0.8, least_region_px)

    def test_a_disc_is_approached_at_its_centre(self) -> None:
        found = self.found(discs((70, 50, 30)))
        (region,) = found.regions
        assert (region.x, region.y) == pytest.approx((70, 50))
        assert region.area_px == pytest.approx(np.pi * 30**2, rel=0.01)
        assert found.approach[:2] == (70, 50)
        assert 30 <= found.approach.clearance_px <= 31.1

    def test_two_discs_are_two_regions_and_the_roomier_is_approached(self) -> None:
        found = self.found(discs((30, 40, 15), (110, 70, 25)))
        assert [(r.x, r.y) for r in found.regions] == [(110, 70), (30, 40)]
        assert found.approach[:2] == (110, 70)

    @pytest.mark.parametrize('what', ['unsure', 'unknown', 'another class'])
    def test_a_hole_keeps_its_distance(self, what: str) -> None:
        mask = discs((80, 60, 40))
        confidence, hole = sure(mask), discs((80, 60, 6)) == 1
        confidence[hole] = 100 if what == 'unsure' else 250
        mask[hole] = {'unsure': 1, 'unknown': UNKNOWN, 'another class': 2}[what]
        found = self.found(mask, confidence)
        x, y, clearance = found.approach
        assert np.hypot(x - 80, y - 60) == pytest.approx(23.5, abs=1)  # between hole and rim
        assert clearance == pytest.approx(17.5, abs=1)
        assert found.regions[0].area_px == int((mask == 1).sum() - (what == 'unsure') * hole.sum())

    def test_an_unsure_line_splits_a_region(self) -> None:
        mask = discs((80, 60, 40))
        confidence = sure(mask)
        confidence[:, 80] = 203
        assert len(self.found(mask).regions) == 1
        assert len(self.found(mask, confidence).regions) == 2

    def test_what_leaves_the_view_is_not_trusted_there(self) -> None:
        found = self.found(np.ones((40, 40), np.uint8))
        assert found.approach.clearance_px == 20
        assert 19 <= found.approach.x <= 20

    def test_small_regions_and_empty_masks_give_nothing(self) -> None:
        mask = discs((40, 40, 5), (100, 60, 6))
        assert len(self.found(mask, least_region_px=100).regions) == 1
        for empty in (self.found(mask, least_region_px=1000), self.found(np.zeros_like(mask))):
            assert empty == grasp.Grasp([], None)

    @given(st.integers(0, 10**6))
    def test_no_pixel_within_the_clearance_is_anything_but_sure_object(self, seed: int) -> None:
        mask, confidence = patches(seed)
        found = self.found(mask, confidence, least_region_px=1)
        padded = np.pad((mask == 1) & (confidence >= 204), 1)
        if found.approach is None:
            assert not padded.any()
            return
        x, y, clearance = found.approach
        others = np.argwhere(~padded) - 1
        assert np.hypot(*(others - (y, x)).T).min() == pytest.approx(clearance, abs=0.01)
        assert sum(region.area_px for region in found.regions) == padded.sum()

    def test_a_ray_is_that_of_the_pinhole_camera(self) -> None:
        k = [500.0, 0, 320, 0, 400, 240, 0, 0, 1]
        assert grasp.ray_from_pixel(320, 240, k) == (0, 0, 1)
        assert grasp.ray_from_pixel(820, 40, k) == (1, -0.5, 1)
        assert grasp.ray_from_pixel(1, 1, [0.0] * 9) is None


def trapezoid() -> U8:
    """Draw a road whose edges are x = 60 - (y - 59) / 2 and x = 100 + (y - 59) / 2."""
    mask = np.zeros((120, 161), np.uint8)
    for y in range(60, 120):
        mask[y, 60 - (y - 59) // 2 : 100 + (y - 59) // 2 + 1] = 1
    return mask


class TestLane:
    def found(
        self, mask: U8, confidence: U8 | None = None, points: int = 12, margin_px: int = 0
    ) -> Any:
        confidence = sure(mask) if confidence is None else confidence
        return lane.boundaries_from_mask(mask, confidence, 1, 2, 6, 0.8, 0.5, points, margin_px)

    def test_a_trapezoids_lines_are_exact(self) -> None:
        left, right = self.found(trapezoid())
        assert len(left) == len(right) == 12
        assert (left[0, 1], left[-1, 1]) == (119, 60)
        assert (left[:, 0] == 60 - (left[:, 1] - 59) // 2).all()
        assert (right[:, 0] == 100 + (right[:, 1] - 59) // 2).all()
        assert (left[:, 1] == right[:, 1]).all()

    @pytest.mark.parametrize('what', ['unsure', 'unknown'])
    def test_a_block_in_the_road_moves_the_boundary(self, what: str) -> None:
        mask = trapezoid()
        confidence = sure(mask)
        if what == 'unknown':
            mask[80:100, 90:95] = UNKNOWN
        else:
            confidence[80:100, 90:95] = 203
        left, right = self.found(mask, confidence, points=60)
        beside = (right[:, 1] >= 80) & (right[:, 1] < 100)
        assert (right[beside, 0] == 89).all()
        assert (right[~beside, 0] > 95).all()
        assert (left == self.found(trapezoid(), points=60).left).all()

    def test_a_line_on_the_road_is_road_though_its_edges_are_unsure(self) -> None:
        mask = trapezoid()
        confidence = sure(mask)
        mask[70:110, 76:82] = 2
        confidence[70:110, 74:84] = 130
        for found, plain in zip(
            self.found(mask, confidence), self.found(trapezoid()), strict=True
        ):
            assert (found == plain).all()

    def test_beside_a_line_an_obstacle_and_the_unknown_are_no_road(self) -> None:
        mask = trapezoid()
        mask[80:100, 88:90] = 2
        mask[80:100, 90:95] = UNKNOWN
        _, right = self.found(mask, points=60)
        beside = (right[:, 1] >= 80) & (right[:, 1] < 100)
        assert (right[beside, 0] == 89).all()

    def test_the_road_ends_at_what_bars_it_however_thin(self) -> None:
        mask = trapezoid()
        mask[97] = UNKNOWN
        left, right = self.found(mask)
        assert left[:, 1].min() == right[:, 1].min() > 97

    def test_no_road_ahead_has_no_boundaries(self) -> None:
        for mask in (np.zeros((50, 60), np.uint8), np.full((50, 60), UNKNOWN, np.uint8)):
            assert [line.shape for line in self.found(mask)] == [(0, 2), (0, 2)]

    def test_points_out_of_view_are_left_out(self) -> None:
        mask = trapezoid()
        mask[90:, :81] = 1  # to the left border
        left, right = self.found(mask)
        assert len(right) == 12
        assert left[:, 1].max() < 90
        cut = self.found(trapezoid()[:, :116])  # the rows from 89 down reach its border
        assert cut.right[:, 1].max() < 89 <= cut.left[:, 1].max()

    def test_a_boundary_within_the_margin_is_out_of_view(self) -> None:
        mask = np.ones((40, 100), np.uint8)
        mask[:, :3] = mask[:, -10:] = 0
        left, right = self.found(mask, margin_px=5)
        assert (len(left), len(right)) == (0, 12)
        assert len(self.found(mask).left) == 12

    @given(st.integers(0, 10**6))
    def test_boundaries_are_the_last_sure_pixels(self, seed: int) -> None:
        mask, confidence = patches(seed)
        is_road = (mask == 1) & (confidence >= 204)
        is_road[:, 28:36] = True
        mask[:, 28:36], confidence[:, 28:36] = 1, 204
        left, right = (line.astype(int) for line in self.found(mask, confidence, points=24))
        assert is_road[left[:, 1], left[:, 0]].all()
        assert is_road[right[:, 1], right[:, 0]].all()
        assert not is_road[left[:, 1], left[:, 0] - 1].any()
        assert not is_road[right[:, 1], right[:, 0] + 1].any()


class DiscEngine(FakeEngine):
    """Gives the golden answer until the node is ready, then a disc of class 1."""

    def infer(self, image: U8) -> EngineOutput:
        if len(self.images) == TIMED_RUNS + 1:  # and the golden check
            disc = discs((300, 100, 60), shape=(256, 512)) * 250
            self._probabilities[0] = 0
            self._probabilities[0, :2] = 255 - disc, disc
        return super().infer(image)


def disc_opener(backend: str, model: Model, artifact: Artifact, threads: int) -> Engine:
    golden = fake_opener()(backend, model, artifact, threads)
    assert isinstance(golden, FakeEngine)
    return DiscEngine(golden._probabilities[0])


def example(name: str, **parameters: object) -> AbstractContextManager['subprocess.Popen[str]']:
    """Run an example as its reader would; it is gone afterwards."""
    settings = [f'{key}:={value}' for key, value in parameters.items()]
    return python_process([str(EXAMPLES / f'{name}.py')], *settings)


class Beside:
    """A running node, and an example that is shown images; what it says is in `got`."""

    def __init__(self, rig: Rig, name: str, kinds: dict[str, Any]) -> None:
        self.rig, self.name = rig, name
        self.got: dict[str, list[Any]] = {topic: [] for topic in (*kinds, 'is_ready')}
        for topic, kind in kinds.items():
            rig.peer.create_subscription(kind, f'{name}/{topic}', self.got[topic].append, 10)
        rig.peer.create_subscription(
            Bool, f'{name}/is_ready', lambda m: self.got['is_ready'].append(m.data), LATCHED
        )

    def show(self, bgr: U8, age_s: int = 0) -> tuple[int, int]:
        """Publish an image of some age, and return its stamp."""
        stamp = self.rig.node.get_clock().now().nanoseconds // 10**9 - age_s, 0
        self.rig.images.publish(image_message(bgr, stamp))
        return stamp

    def show_until(self, bgr: U8, holds: Callable[[], object]) -> bool:
        """Publish fresh images until it holds."""

        def shown() -> object:
            self.show(bgr)
            return wait_until(holds, 0.3)

        return wait_until(shown, 30.0)

    def show_old(self, bgr: U8) -> None:
        """Publish an image of long ago, and wait for its mask."""
        sec, _ = self.show(bgr, OLD_S)
        masks = self.rig.received['mask']
        assert wait_until(lambda: masks[-1].header.stamp.sec == sec)

    def check_silence_age_and_end(self, popen: 'subprocess.Popen[str]', bgr: U8) -> None:
        """Without images it stops, and old ones change nothing; told to, it ends with 0."""
        is_ready = self.got['is_ready']
        assert wait_until(lambda: True in is_ready, 30.0)
        assert wait_until(lambda: not is_ready[-1], 30.0)
        sleep(1.0)  # the node may have had an image in hand
        assert wait_until(lambda: not is_ready[-1], 30.0)
        before = {topic: len(messages) for topic, messages in self.got.items()}
        for _ in range(3):
            self.show_old(bgr)
            assert not wait_until(lambda: is_ready[-1], 0.2)
        assert before == {topic: len(messages) for topic, messages in self.got.items()}
        assert self.show_until(bgr, lambda: is_ready[-1])
        popen.send_signal(signal.SIGINT)
        _, err = popen.communicate(timeout=30)
        assert (popen.returncode, 'Traceback' in err) == (0, False), err
        assert 'stopped: no usable mask for 1 s' in err


def test_the_grasp_consumer_finds_the_disc_and_its_ray() -> None:
    image = np.full((256, 512, 3), 90, np.uint8)
    kinds = {
        'centroids': PolygonStamped,
        'approach': PointStamped,
        'approach_ray': Vector3Stamped,
    }
    with Rig(disc_opener).start() as rig:
        beside = Beside(rig, 'grasp_consumer', kinds)
        with example('grasp_consumer', max_age_s=60.0, silence_s=1.0) as popen:
            assert beside.show_until(image, lambda: beside.got['approach'])
            assert not beside.got['approach_ray'], 'there is no calibration yet'
            rig.infos.publish(CameraInfo(k=[100.0, 0, 256, 0, 100, 128, 0, 0, 1]))
            assert beside.show_until(image, lambda: beside.got['approach_ray'])
            beside.check_silence_age_and_end(popen, image)
    (centroid,) = beside.got['centroids'][0].polygon.points
    assert (centroid.x, centroid.y) == pytest.approx((300, 100), abs=1)
    assert centroid.z == pytest.approx(np.pi * 60**2, rel=0.05)
    message, ray = beside.got['approach'][0], beside.got['approach_ray'][0].vector
    assert message.header.frame_id == 'front'
    assert (message.point.x, message.point.y) == pytest.approx((300, 100), abs=1)
    assert message.point.z == pytest.approx(60, abs=1.5)
    assert (ray.x, ray.y, ray.z) == pytest.approx((0.44, -0.28, 1), abs=0.02)


def test_the_lane_consumer_finds_the_highways_edges() -> None:
    image = next(iter(frames_from_path(sample_footage())))
    with Rig().start() as rig:
        beside = Beside(rig, 'lane_consumer', {'left': PolygonStamped, 'right': PolygonStamped})
        with example('lane_consumer', max_age_s=60.0, silence_s=1.0) as popen:
            assert beside.show_until(image, lambda: beside.got['left'] and beside.got['right'])
            beside.check_silence_age_and_end(popen, image)
    left, right = ({p.y: p.x for p in beside.got[k][0].polygon.points} for k in ('left', 'right'))
    rows = left.keys() & right.keys()
    assert len(rows) >= 4
    assert all(left[y] + 50 < right[y] for y in rows)
    assert left[max(rows)] < left[min(rows)], 'the road narrows towards the horizon'
    assert beside.got['left'][0].header.frame_id == 'front'


@pytest.mark.parametrize('name', ['grasp_consumer', 'lane_consumer'])
def test_a_wrong_parameter_is_refused_with_a_sentence(name: str) -> None:
    with example(name, least_confidence=80) as popen:
        _, err = popen.communicate(timeout=30)
    assert popen.returncode == 2
    assert "'least_confidence' must be a double, not 80; write 80.0" in err

"""The node on the GPU, end to end: a camera's process, the node's, and a consumer's.

Knows what is asked of the node and what makes a result; ROS 2 is only known to those processes.
"""

from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from unet_perception.core.manifest import Model, OperatingPoint

from .gpu_findings import Findings
from .gpu_latency import percentiles
from .serving import GENEROUS_MS, WARM_UP, Cameras, Run, ours, served

SIZES = ((960, 544), (640, 480))
HZ = 30.0
MOST_MISSED = 0.01
NO_ROS = 'not measured: ROS 2 is not here'
DRY = {'backend': 'auto', 'latency_budget_ms': GENEROUS_MS}
"""Another process can't see the stand-in: there the node serves on the CPU, however late."""


class SizedCamera(NamedTuple):
    """One camera of a size of its own, as `served` plays it."""

    cameras: Cameras
    width: int
    height: int

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.cameras.seconds

    @property
    def given(self) -> list[str]:
        """Names of cameras: it has none."""
        return self.cameras.given

    def arguments(self, wait_s: float) -> list[str]:
        """Return the arguments of `bench.camera`."""
        return [str(self.width), str(self.height), *self.cameras.arguments(wait_s)[2:]]


def is_ros_here() -> bool:
    """Tell whether Python finds ROS 2."""
    return find_spec('rclpy') is not None


def node_row(
    model: Model, point: OperatingPoint, size: tuple[int, int], seconds: float, is_dry: bool
) -> dict[str, Any]:
    """Serve a camera of `size`, width and height, and return from stamp to mask, ms."""
    settings = DRY if is_dry else {'backend': 'tensorrt'}
    command = ours(0, model=str(model.folder), operating_point=point.name, **settings)
    camera = SizedCamera(Cameras(HZ, seconds), *size)
    with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
        run = served(command, Path(folder), camera)
    return {
        'model': model.manifest.name,
        'camera': f'{size[0]}x{size[1]}',
        'operating_point': point.name,
        'hz': HZ,
        **_figures(run, camera.cameras.frames),
        'rss_mb': run.rss_mb,
        'engine': dict(run.diagnostics.get('engine', {})),
    }


def judge_node(row: dict[str, Any], findings: Findings) -> None:
    """Note images that got no mask in time, if they are too many."""
    share = row['misses'] / row['counted']
    findings.require(
        share <= MOST_MISSED,
        f'node, {row["model"]} at {row["camera"]}: {row["misses"]} of {row["counted"]} images '
        f'got no mask within the budget; at most {MOST_MISSED:.0%} may',
    )


def _figures(run: Run, sent: int) -> dict[str, Any]:
    """Count and time the masks after the first, which are not counted."""
    masks, counted = len(run.only.ages_ms), sent - WARM_UP
    return {
        'counted': counted,
        'masks': masks,
        'misses': max(0, counted - masks),
        'fps': run.only.fps,
        'stamp_to_mask_ms': percentiles(run.only.ages_ms),
    }

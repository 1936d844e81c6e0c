"""Work on a frame takes no memory worth mentioning, and gives all of it back."""

from collections.abc import Iterator
import gc
from time import monotonic_ns
import tracemalloc

from helpers import LANE, noise_frame
import pytest

from unet_perception.core.budget import Budget
from unet_perception.core.cleaning import Cleaning
from unet_perception.core.deadline import Deadlines
from unet_perception.core.dispatch import Dispatcher, Lane
from unet_perception.core.engine import EngineOptions
from unet_perception.core.frame import Frame
from unet_perception.core.health import Health
from unet_perception.core.manifest import model_from_folder
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.engines import available_engines, open_engine

LEAST_ARRAY, MOST_GROWTH = 4096, 64 * 1024
HEIGHT, WIDTH = 480, 640


class Node:
    """Dispatcher and pipelines as in the node, on the model's coarsest operating point."""

    def __init__(self, backend: str, cleaning: Cleaning) -> None:
        model = model_from_folder(LANE)
        artifact = model.manifest.artifact('fp32', model.manifest.best_first[-1])
        self._engine = open_engine(backend, model, artifact, EngineOptions(1))
        pipeline = SegmentationPipeline(
            self._engine, model.manifest.resize, 0.5, cleaning=cleaning
        )
        self.health = Health()
        lane = Lane(
            [pipeline],
            self.health,
            Deadlines(10**10),
            Budget(10**10, [10**6]),
            lambda result: None,
            lambda *_: None,
        )
        self._dispatcher = Dispatcher([lane], lambda: True, pytest.fail)

    def serve(self, frame: Frame) -> None:
        now = monotonic_ns()
        self.health.on_received(frame, now)
        self._dispatcher.offer(0, frame._replace(stamp_ns=now, received_ns=now), now)
        assert self._dispatcher.serve_next()

    def close(self) -> None:
        self._engine.close()


@pytest.fixture(
    params=[(b, c) for b in available_engines() for c in (Cleaning(), Cleaning(3, 3, 20))],
    ids=lambda pair: f'{pair[0]}-{"cleaned" if any(pair[1]) else "plain"}',
)
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    node = Node(*request.param)
    yield node
    node.close()


@pytest.fixture
def tracing() -> Iterator[None]:
    gc.collect()
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize('encoding', ['bgr8', 'mono8', 'bayer_rggb8', 'yuv422', 'nv12'])
@pytest.mark.usefixtures('tracing')
def test_no_array_over_4_kb_is_allocated_for_a_frame(node: Node, encoding: str) -> None:
    frame = noise_frame(encoding, HEIGHT, WIDTH)
    for _ in range(10):
        node.serve(frame)
    peaks = []
    for _ in range(20):
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        node.serve(frame)
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
    assert max(peaks) < LEAST_ARRAY, peaks


@pytest.mark.usefixtures('tracing')
def test_a_thousand_frames_leave_nothing_behind(node: Node) -> None:
    frame = noise_frame('bgr8', HEIGHT, WIDTH)
    for _ in range(300):  # until the budget's windows are full
        node.serve(frame)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(1000):
        node.serve(frame)
    gc.collect()
    assert tracemalloc.get_traced_memory()[0] - before < MOST_GROWTH
    assert node.health.snapshot().counters['published'] == 1300

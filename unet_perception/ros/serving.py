"""What a configured node holds: model, engines, pipelines and the cameras' ROS ends.

Knows the order in which they are acquired; releases in reverse, also when acquiring fails.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from time import perf_counter_ns
from typing import NamedTuple

from rclpy.node import Node

from ..core.budget import Budget
from ..core.cleaning import Cleaning
from ..core.deadline import Deadlines
from ..core.decode import Decoder
from ..core.dispatch import Lane
from ..core.engine import Engine, EngineOptions
from ..core.frame import Frame
from ..core.golden import Golden, check_golden, golden_of
from ..core.health import Health
from ..core.manifest import Artifact, Manifest, Model, OperatingPoint, model_from_folder
from ..core.paths import model_folder
from ..core.pipeline import SegmentationPipeline
from ..core.progress import OnProgress
from ..core.reopened import Losses, ReopenedEngine
from ..engines import Choice, choose_backend, choose_precision, open_engine
from ..errors import RequestError
from .bridge import installed_bridge
from .camera import Camera
from .parameters import NodeConfig

OpenEngine = Callable[[str, Model, Artifact, EngineOptions], Engine]
TIMED_RUNS = 2


class Proven(NamedTuple):
    """An engine that gave the golden answer at an operating point."""

    point: OperatingPoint
    artifact: Artifact
    engine: ReopenedEngine
    golden_iou: float
    alone_ns: int
    """How long an inference takes while nothing else runs."""


class Serving(NamedTuple):
    """All that is open between configure and cleanup."""

    config: NodeConfig
    cameras: tuple[Camera, ...]
    lanes: tuple[Lane, ...]
    """One for each camera."""
    points: tuple[str, ...]
    """The operating points' names, best first."""
    model_values: Mapping[str, str]
    proven: tuple[Proven, ...]
    """One engine for each of the points."""
    choice: Choice
    engines: ExitStack
    topics: ExitStack

    def set_unknown_threshold(self, threshold: float) -> None:
        """Make less sure pixels unknown, and say so with the class names."""
        for lane in self.lanes:
            for pipeline in lane.pipelines:
                pipeline.unknown_threshold = threshold
        for camera in self.cameras:
            camera.publish_label_info(threshold)

    def engine_values(self) -> dict[str, str]:
        """Tell of the engines as they are now: facts of the best, and what differs in others."""
        best, *others = self.proven
        facts = best.engine.facts
        return {
            'backend': self.choice.backend,
            'reason': self.choice.reason,
            'device': best.engine.spec.device,
            'precision': best.engine.spec.precision,
            'threads': str(self.config.engine_threads or 'all cores'),
            **facts,
            **{
                f'{key}_{each.point.name}': value
                for each in others
                for key, value in each.engine.facts.items()
                if value != facts.get(key)
            },
            'golden_iou': f'{min(each.golden_iou for each in self.proven):.4f}',
            **{f'alone_{p.point.name}_ms': f'{p.alone_ns / 1e6:.2f}' for p in self.proven},
        }

    def close(self) -> None:
        """Give everything back."""
        with self.engines:
            self.topics.close()

    def handed_over_engines(self) -> ExitStack:
        """Return what closes the engines, which `close` no longer does."""
        return self.engines.pop_all()


def open_serving(
    node: Node,
    config: NodeConfig,
    healths: Mapping[str, Health],
    on_frame: Callable[[int, Frame], None],
    on_progress: OnProgress,
    opener: OpenEngine = open_engine,
) -> Serving:
    """Verify the model, open, warm up and prove its engines, then create the topics.

    `healths` has one for each camera's name; `on_frame` gets the camera's number and a frame;
    `on_progress` is told how far a plan is that has to be built.
    """
    model = model_from_folder(model_folder(config.model))
    points = _points(model.manifest, config.operating_point)
    choice = choose_backend(config.backend)
    opening = _opening_of(model, choice, config, on_progress, opener)
    with ExitStack() as engines, ExitStack() as topics:
        proven = [opening.proven(point, engines) for point in points]
        cameras = []
        for number, name in enumerate(config.cameras):
            receive = partial(on_frame, number)
            camera = Camera(node, name, config.image_transport, model.manifest, receive)
            topics.callback(camera.close)
            camera.publish_label_info(config.unknown_threshold)
            cameras.append(camera)
        is_simulated = bool(node.get_parameter('use_sim_time').value)
        trusts_stamps = config.budget_from == 'stamp' and not is_simulated
        lanes = [
            _lane(camera, healths[camera.name], proven, model.manifest, config, trusts_stamps)
            for camera in cameras
        ]
        return Serving(
            config,
            tuple(cameras),
            tuple(lanes),
            tuple(point.name for point in points),
            _model_values(model, proven),
            tuple(proven),
            choice,
            engines.pop_all(),
            topics.pop_all(),
        )


def _opening_of(
    model: Model,
    choice: Choice,
    config: NodeConfig,
    on_progress: OnProgress,
    opener: OpenEngine,
) -> '_Opening':
    """Return how the engines of a node with this configuration are opened."""
    precision = choose_precision(config.precision, choice.backend, model)
    options = EngineOptions(
        config.engine_threads,
        config.allow_engine_build,
        config.engine_workspace_mb,
        on_progress,
    )
    return _Opening(model, choice.backend, precision, options, opener, Losses())


def _lane(
    camera: Camera,
    health: Health,
    proven: list[Proven],
    manifest: Manifest,
    config: NodeConfig,
    trusts_stamps: bool,
) -> Lane:
    """Return a camera's way through the engines, within its budget."""
    budget_ns = round(config.latency_budget_ms * 1e6)
    return Lane(
        _pipelines(proven, manifest, config),
        health,
        Deadlines(budget_ns, trusts_stamps),
        Budget(budget_ns, [each.alone_ns for each in proven], config.publish_late),
        camera.publish,
        camera.publish_extras,
    )


def _points(manifest: Manifest, wish: str) -> list[OperatingPoint]:
    """Return the operating points to serve with, best first."""
    points = [point for point in manifest.best_first if wish in ('auto', point.name)]
    if not points:
        names = ', '.join(point.name for point in manifest.best_first)
        raise RequestError(
            f"parameter 'operating_point' must be auto or one of {names}, not {wish!r}"
        )
    return points


class _Opening(NamedTuple):
    """How engines are opened: of which model, by which backend, in which precision."""

    model: Model
    backend: str
    precision: str
    options: EngineOptions
    opener: OpenEngine
    losses: Losses

    def proven(self, point: OperatingPoint, engines: ExitStack) -> Proven:
        """Open an engine, to be closed by `engines`; it proves itself whenever it is opened.

        Opened again, while images come, it is not built: its plan is there, or it can't serve.
        """
        artifact = self.model.manifest.artifact(self.precision, point)
        golden = golden_of(self.model, point)
        iou: list[float] = []

        def open_proven() -> Engine:
            options = self.options._replace(may_build=False) if iou else self.options
            engine = self.opener(self.backend, self.model, artifact, options)
            with ExitStack() as unproven:
                unproven.callback(engine.close)
                iou[:] = check_golden(engine, golden)
                unproven.pop_all()
            return engine

        engine = ReopenedEngine(open_proven, self.losses)
        engines.callback(engine.close)
        return Proven(point, artifact, engine, min(iou), _alone_ns(engine, golden))


def _alone_ns(engine: Engine, golden: Golden) -> int:
    """Return how long an inference takes at best, of a few."""
    times_ns = []
    for _ in range(TIMED_RUNS):
        start = perf_counter_ns()
        engine.infer(golden.image[None])
        times_ns.append(perf_counter_ns() - start)
    return min(times_ns)


def _pipelines(
    proven: list[Proven], manifest: Manifest, config: NodeConfig
) -> list[SegmentationPipeline]:
    """Return a camera's own pipelines, best first, on the engines that all cameras share."""
    cleaning = Cleaning(config.opening_px, config.closing_px, config.min_region_px)
    return [
        SegmentationPipeline(
            each.engine,
            manifest.resize,
            config.unknown_threshold,
            Decoder(round(config.max_megapixels * 1e6), installed_bridge()),
            cleaning.scaled(each.point.height / proven[0].point.height),
        )
        for each in proven
    ]


def _model_values(model: Model, proven: list[Proven]) -> dict[str, str]:
    manifest, best = model.manifest, proven[0]
    calibration = manifest.calibration
    return {
        'name': manifest.name,
        'version': manifest.version,
        'task': manifest.task,
        'folder': str(model.folder),
        'file': best.artifact.file.file,
        'sha256': best.artifact.file.sha256,
        'precision': best.artifact.precision,
        'input_size': f'{best.point.width}x{best.point.height}',
        'classes': ', '.join(info.name for info in manifest.classes),
        'temperature': str(calibration.temperature),
        'calibrated': 'yes' if calibration.data_sha256 else 'no',
        **{
            f'score_{name}_{each.point.name}': f'{value:.4f}'
            for each in proven
            for name, value in each.point.scores.items()
        },
    }

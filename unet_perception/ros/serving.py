"""What a configured node holds: model, engine, pipeline and the camera's ROS ends.

Knows the order in which they are acquired; releases in reverse, also when acquiring fails.
"""

from collections.abc import Callable
from contextlib import ExitStack
from types import MappingProxyType
from typing import NamedTuple

from rclpy.node import Node

from ..core.cleaning import Cleaning
from ..core.decode import Decoder
from ..core.engine import Engine
from ..core.frame import Frame
from ..core.golden import check_golden, golden_from_bytes
from ..core.manifest import Artifact, Model, OperatingPoint, model_from_folder
from ..core.paths import model_folder
from ..core.pipeline import SegmentationPipeline
from ..engines import Choice, choose_backend, default_artifact, open_engine
from .bridge import installed_bridge
from .camera import Camera
from .parameters import NodeConfig

OpenEngine = Callable[[str, Model, Artifact, int], Engine]
WARM_UP_RUNS = 3


class Serving(NamedTuple):
    """All that is open between configure and cleanup; `close` gives it back."""

    config: NodeConfig
    pipeline: SegmentationPipeline
    camera: Camera
    model_values: MappingProxyType[str, str]
    engine_values: MappingProxyType[str, str]
    close: Callable[[], None]


def open_serving(
    node: Node,
    config: NodeConfig,
    on_frame: Callable[[Frame], None],
    opener: OpenEngine = open_engine,
) -> Serving:
    """Verify the model, open, warm up and prove the engine, then create the topics."""
    with ExitStack() as acquired:
        model = model_from_folder(model_folder(config.model))
        artifact, point = default_artifact(model)
        choice = choose_backend(config.backend)
        golden = golden_from_bytes(model.read(point.golden), point.golden.file)
        engine = opener(choice.backend, model, artifact, config.engine_threads)
        acquired.callback(engine.close)
        golden_iou = check_golden(engine, golden)
        for _ in range(WARM_UP_RUNS):
            engine.infer(golden.image[None])
        pipeline = SegmentationPipeline(
            engine,
            model.manifest.resize,
            config.unknown_threshold,
            Decoder(round(config.max_megapixels * 1e6), installed_bridge()),
            Cleaning(config.opening_px, config.closing_px, config.min_region_px),
        )
        camera = Camera(node, config.image_transport, model.manifest, on_frame)
        acquired.callback(camera.close)
        camera.publish_label_info(config.unknown_threshold)
        return Serving(
            config,
            pipeline,
            camera,
            MappingProxyType(_model_values(model, artifact, point)),
            MappingProxyType(_engine_values(engine, choice, config, min(golden_iou))),
            acquired.pop_all().close,
        )


def _model_values(model: Model, artifact: Artifact, point: OperatingPoint) -> dict[str, str]:
    manifest = model.manifest
    calibration = manifest.calibration
    return {
        'name': manifest.name,
        'version': manifest.version,
        'task': manifest.task,
        'folder': str(model.folder),
        'file': artifact.file.file,
        'sha256': artifact.file.sha256,
        'precision': artifact.precision,
        'input_size': f'{artifact.width}x{artifact.height}',
        'classes': ', '.join(info.name for info in manifest.classes),
        'temperature': str(calibration.temperature),
        'calibrated': 'yes' if calibration.data_sha256 else 'no',
        **{f'score_{name}': f'{value:.4f}' for name, value in point.scores.items()},
    }


def _engine_values(
    engine: Engine, choice: Choice, config: NodeConfig, golden_iou: float
) -> dict[str, str]:
    return {
        'backend': choice.backend,
        'reason': choice.reason,
        'device': engine.spec.device,
        'precision': engine.spec.precision,
        'threads': str(config.engine_threads or 'all cores'),
        'golden_iou': f'{golden_iou:.4f}',
    }

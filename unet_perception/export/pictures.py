"""The pictures beside a model card: the reliability diagram, and the images it does worst on.

Knows how they are drawn; not what is written under them.
"""

from collections.abc import Mapping, Sequence
import heapq
from typing import Any

import cv2
import numpy as np

from ..core.engine import Engine
from ..core.frame import U8, frame_from_pixels
from ..core.geometry import Resize
from ..core.overlay import Color, bgr_table, overlay
from ..core.pipeline import SegmentationPipeline
from ..core.scores import IGNORE
from ..report.calibration import reliability_diagram
from ..report.plots import svg_file
from ..training.dataset import Pair, read_pair
from .calibration_views import AS_THEY_ARE

WORST, WIDTH = 5, 240


def reliability_picture(calibration: Mapping[str, Any]) -> bytes:
    """Return the diagram of the images as they are, as SVG."""
    return svg_file(reliability_diagram(calibration, AS_THEY_ARE))


def failures_picture(engine: Engine, pairs: Sequence[Pair], colors: Sequence[Color]) -> bytes:
    """Return the images with the most wrong pixels, as JPEG: image, truth and answer side by side.

    Of a run of neighbours, which fail alike, only the worst is shown.
    """
    pipeline = SegmentationPipeline(engine, Resize.LETTERBOX)
    errors = [_error(pipeline, pair) for pair in pairs]
    run = max(1, len(pairs) // (3 * WORST))
    runs = [range(k, min(k + run, len(pairs))) for k in range(0, len(pairs), run)]
    leading = [max(places, key=errors.__getitem__) for places in runs]
    worst = heapq.nlargest(WORST, leading, key=errors.__getitem__)
    sheet = np.vstack([_row(pipeline, pairs[k], bgr_table(colors)) for k in worst])
    return cv2.imencode('.jpg', sheet, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def _error(pipeline: SegmentationPipeline, pair: Pair) -> float:
    """Return the share of the labelled pixels that are answered wrongly."""
    image, truth = read_pair(pair, pipeline.spec.classes)
    mask = pipeline.run(frame_from_pixels(image, 'rgb8')).mask
    labelled = truth != IGNORE
    return float((mask != truth)[labelled].mean()) if labelled.any() else 0.0


def _row(pipeline: SegmentationPipeline, pair: Pair, colors: U8) -> U8:
    """Draw an image, its truth and the answer."""
    image, truth = read_pair(pair, pipeline.spec.classes)
    mask = pipeline.run(frame_from_pixels(image, 'rgb8')).mask
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    panels = (bgr, overlay(bgr, truth, colors), overlay(bgr, mask, colors))
    size = (WIDTH, max(1, round(WIDTH * len(bgr) / bgr.shape[1])))
    return np.hstack([cv2.resize(panel, size, interpolation=cv2.INTER_AREA) for panel in panels])

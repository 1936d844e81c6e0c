"""Every score of a segmentation, from one image after another.

Knows which counts there are and how their scores are called; counts nothing itself.
"""

from collections.abc import Mapping
import math
from typing import Any, NamedTuple

from .boundary import BoundaryIoU
from .frame import U8
from .islands import Islands
from .reliability import Reliability, ReliabilityCounts
from .scores import Confusion


class ReliabilityReport(NamedTuple):
    """Confidence against accuracy: of all answers, near true boundaries, by predicted class."""

    overall: Reliability
    near_boundary: Reliability
    by_class: list[Reliability]


class Scores(NamedTuple):
    """All scores over a set of images; lists are by class. NaN: there was nothing to score."""

    images: int
    miou: float
    iou: list[float]
    boundary_iou: float
    class_boundary_iou: list[float]
    dice: list[float]
    precision: list[float]
    recall: list[float]
    pixel_accuracy: float
    coverage: float
    class_coverage: list[float]
    islands: list[int]
    island_pixels: list[int]
    reliability: ReliabilityReport

    @property
    def ece(self) -> float:
        """Expected calibration error of all answers."""
        return self.reliability.overall.ece()

    @property
    def ece_boundary(self) -> float:
        """Expected calibration error near boundaries between two true classes."""
        return self.reliability.near_boundary.ece()

    @property
    def class_ece(self) -> list[float]:
        """Expected calibration error of the answers with each class."""
        return [each.ece() for each in self.reliability.by_class]

    def as_json(self) -> dict[str, Any]:
        """Return every score under its name as plain JSON values; NaN becomes null."""
        counted = {k: v for k, v in self._asdict().items() if k != 'reliability'}
        errors = {k: getattr(self, k) for k in ('ece', 'ece_boundary', 'class_ece')}
        return {name: json_from(value) for name, value in {**counted, **errors}.items()}


class SegmentationScores:
    """Scores masks and confidences against the truth, over any number of images.

    Scores of overlap are of a class and its `parts` together (see `Confusion`); boundaries,
    islands and reliability are of each class by itself.
    """

    def __init__(self, classes: int, parts: Mapping[int, int] | None = None) -> None:
        self._images = 0
        self._confusion = Confusion(classes, parts)
        self._boundary = BoundaryIoU(classes)
        self._islands = Islands(classes)
        self._reliability = ReliabilityCounts(classes)

    def add(self, truth: U8, prediction: U8, confidence: U8) -> None:
        """Count one image: arrays of one shape (H, W)."""
        self._images += 1
        self._confusion.add(truth, prediction)
        self._boundary.add(truth, prediction)
        self._islands.add(truth, prediction)
        self._reliability.add(truth, prediction, confidence)

    def result(self) -> Scores:
        """Return the scores of all images so far."""
        confusion, reliability = self._confusion, self._reliability
        return Scores(
            images=self._images,
            miou=confusion.miou(),
            iou=confusion.iou().tolist(),
            boundary_iou=self._boundary.miou(),
            class_boundary_iou=self._boundary.iou().tolist(),
            dice=confusion.dice().tolist(),
            precision=confusion.precision().tolist(),
            recall=confusion.recall().tolist(),
            pixel_accuracy=confusion.pixel_accuracy(),
            coverage=confusion.coverage(),
            class_coverage=confusion.class_coverage().tolist(),
            islands=self._islands.counts.tolist(),
            island_pixels=self._islands.pixels.tolist(),
            reliability=ReliabilityReport(
                reliability.overall(), reliability.near_boundary(), reliability.by_class()
            ),
        )


def json_from(value: Any) -> Any:
    """Replace NaN by None, in lists too."""
    if isinstance(value, list):
        return [json_from(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value

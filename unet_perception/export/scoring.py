"""What an exported file is worth: its scores on labelled images, through the runtime's pipeline.

Knows pairs, pipeline and scores; not how the file came to be.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..core.frame import frame_from_pixels
from ..core.pipeline import SegmentationPipeline
from ..core.scores import Confusion, Reliability
from ..training.dataset import Pair, read_pair


class Scores(NamedTuple):
    """Scores at image resolution over a set of pairs."""

    images: int
    backend: str
    miou: float
    iou: list[float]
    pixel_accuracy: float
    ece: float


def score_pairs(
    pipeline: SegmentationPipeline,
    pairs: Sequence[Pair],
    classes: int,
    on_progress: Callable[[int], None],
) -> Scores:
    """Segment every image at its own size and compare with its mask."""
    confusion, reliability = Confusion(classes), Reliability()
    for done, pair in enumerate(pairs, 1):
        image, truth = read_pair(pair, classes)
        result = pipeline.run(frame_from_pixels(image, 'rgb8'))
        confusion.add(truth, result.mask)
        reliability.add(truth, result.mask, result.confidence)
        on_progress(done)
    return Scores(
        len(pairs),
        pipeline.spec.backend,
        confusion.miou(),
        [float(value) for value in confusion.iou()],
        confusion.pixel_accuracy(),
        reliability.ece(),
    )

"""What an exported file is worth: its scores on labelled images, through the runtime's pipeline.

Knows pairs, pipeline and scores; not how the file came to be.
"""

from collections.abc import Callable, Mapping, Sequence
import math
from typing import Any, NamedTuple

from ..core.frame import frame_from_pixels
from ..core.pipeline import SegmentationPipeline
from ..core.segmentation_scores import Scores, SegmentationScores
from ..errors import DataError
from ..training.dataset import Pair, read_pair


class Scored(NamedTuple):
    """Scores at image resolution over a set of pairs, and what ran the file."""

    backend: str
    scores: Scores

    def as_json(self) -> dict[str, Any]:
        """Return the manifest's `scores`, without what it says of the data."""
        return {'backend': self.backend, **self.scores.as_json()}

    def of_point(self, names: Sequence[str]) -> Mapping[str, float]:
        """Return the numbers that an operating point holds, classes by name; none is NaN."""
        values = self.scores.as_json()
        iou = {f'iou_{name}': value for name, value in zip(names, values['iou'], strict=True)}
        single = {key: values[key] for key in ('boundary_iou', 'ece', 'ece_boundary')}
        numbers = {'miou': values['miou'], **iou, **single}
        return {key: value for key, value in numbers.items() if value is not None}


def score_pairs(
    pipeline: SegmentationPipeline,
    pairs: Sequence[Pair],
    classes: int,
    on_progress: Callable[[int], None],
) -> Scored:
    """Segment every image at its own size and compare with its mask; DataError without labels."""
    scores = SegmentationScores(classes)
    for done, pair in enumerate(pairs, 1):
        image, truth = read_pair(pair, classes)
        result = pipeline.run(frame_from_pixels(image, 'rgb8'))
        scores.add(truth, result.mask, result.confidence)
        on_progress(done)
    total = scores.result()
    if math.isnan(total.coverage):
        raise DataError('no pixel of the validation images has a label; label some of them')
    return Scored(pipeline.spec.backend, total)

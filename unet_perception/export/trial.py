"""Every file of a model on trial: what it answers on labelled images, and what fp32 does.

Knows files, pipeline and scores; not how a file was made. Whatever the file's precision, it is
run by the reference engine, so that differences are the file's own.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
import math
from typing import NamedTuple

from ..core.engine import Engine
from ..core.frame import U8, Frame, frame_from_pixels
from ..core.geometry import Resize, Size
from ..core.golden import LEAST_IOU, check_golden
from ..core.manifest import Artifact
from ..core.pipeline import SegmentationPipeline
from ..core.progress import OnProgress
from ..core.scores import Confusion
from ..core.segmentation_scores import Scores, SegmentationScores, json_from
from ..errors import DataError, GoldenError
from ..training.dataset import Pair, read_pair
from .files import Made
from .reference_engine import reference_engine

MOST_LOSS = 0.01
"""Of the IoU of any class, against fp32 at the same size."""

IoU = list[float | None]
"""By class; None for a class that never occurs."""


class Classes(NamedTuple):
    """The names of the classes, and the whole of each that is a part."""

    names: Sequence[str]
    parts: Mapping[int, int]


class Outcome(NamedTuple):
    """What one file is worth."""

    artifact: Artifact
    iou: IoU
    class_iou_to_fp32: IoU
    """Of its masks with those of fp32, each class by itself."""
    refusal: str
    """Why it must not be published; empty if it may be."""


class Verdict(NamedTuple):
    """All scores of fp32 by size, and the outcome of every file."""

    scores: dict[Size, Scores]
    outcomes: list[Outcome]


def try_files(
    files: Sequence[Made], pairs: Sequence[Pair], classes: Classes, on_progress: OnProgress
) -> Verdict:
    """Run every file on every pair at the pair's own size; DataError if no pixel has a label.

    Of each size, fp32 comes first among `files`: the others are compared with its masks.
    """
    with ExitStack() as engines:
        trials: dict[Size, _SizeTrial] = {}
        for made in files:
            opened = reference_engine(made.content, made.artifact, len(classes.names))
            engine = engines.enter_context(opened)
            if made.artifact.precision == 'fp32':
                trials[made.artifact.size] = _SizeTrial(made, engine, classes)
            else:
                trials[made.artifact.size].others.append(_Trial(made, engine, classes))
        for done, pair in enumerate(pairs, 1):
            image, truth = read_pair(pair, len(classes.names))
            for trial in trials.values():
                trial.add(frame_from_pixels(image, 'rgb8'), truth)
            on_progress('scoring every file', done, len(pairs))
    scores = {size: trial.scores.result() for size, trial in trials.items()}
    if any(math.isnan(each.coverage) for each in scores.values()):
        raise DataError('no pixel of the validation images has a label; label some of them')
    outcomes = [each for size, trial in trials.items() for each in trial.outcomes(scores[size])]
    return Verdict(scores, outcomes)


class _Trial:
    """A file that is compared with fp32."""

    def __init__(self, made: Made, engine: Engine, classes: Classes) -> None:
        self._artifact, self._names = made.artifact, classes.names
        self._golden_problem = _golden_problem(engine, made)
        self._pipeline = SegmentationPipeline(engine, Resize.LETTERBOX)
        count = len(classes.names)
        self._truth, self._agreement = Confusion(count, classes.parts), Confusion(count)

    def add(self, frame: Frame, truth: U8, reference: U8) -> None:
        """Compare its mask with the truth and with fp32's."""
        mask = self._pipeline.run(frame).mask
        self._truth.add(truth, mask)
        self._agreement.add(reference, mask)

    def outcome(self, reference: Scores) -> Outcome:
        """Judge it, now that all images are counted."""
        iou: IoU = json_from(self._truth.iou().tolist())
        to_fp32: IoU = json_from(self._agreement.iou().tolist())
        losses = {
            name: (theirs or 0.0) - (ours or 0.0)
            for name, theirs, ours in zip(self._names, json_from(reference.iou), iou, strict=True)
        }
        return Outcome(self._artifact, iou, to_fp32, self._refusal(losses))

    def _refusal(self, losses: Mapping[str, float]) -> str:
        name, loss = max(losses.items(), key=lambda each: each[1])
        if loss > MOST_LOSS:
            return (
                f'{self._artifact.file.file}: class {name!r} loses {100 * loss:.1f} points of IoU '
                f'against fp32, and {100 * MOST_LOSS:g} may be lost; leave that precision out, or '
                f'train longer'
            )
        return self._golden_problem


class _SizeTrial:
    """The fp32 file of a size, and the others that are compared with it."""

    def __init__(self, made: Made, engine: Engine, classes: Classes) -> None:
        self._artifact = made.artifact
        self._pipeline = SegmentationPipeline(engine, Resize.LETTERBOX)
        self.scores = SegmentationScores(len(classes.names), classes.parts)
        self.others: list[_Trial] = []

    def add(self, frame: Frame, truth: U8) -> None:
        """Run all on one image."""
        result = self._pipeline.run(frame)
        self.scores.add(truth, result.mask, result.confidence)
        for other in self.others:
            other.add(frame, truth, result.mask)

    def outcomes(self, scores: Scores) -> list[Outcome]:
        """Judge all files of the size."""
        iou: IoU = json_from(scores.iou)
        own = Outcome(self._artifact, iou, [None if v is None else 1.0 for v in iou], '')
        return [own, *(other.outcome(scores) for other in self.others)]


def _golden_problem(engine: Engine, made: Made) -> str:
    """Return why a node would refuse the file by its golden image; empty if it would not."""
    try:
        check_golden(engine, made.golden)
    except GoldenError:
        least = LEAST_IOU[made.artifact.precision]
        return (
            f'{made.artifact.file.file}: its answer to the golden image differs from that of fp32 '
            f'(IoU below {least:g}), so no node would serve it; leave that precision out'
        )
    return ''

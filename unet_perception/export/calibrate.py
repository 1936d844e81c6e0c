"""Calibration of a checkpoint: its temperature, what that is worth, and how its images look.

Knows network, pipeline and scores; not how the result is shown. Nothing is trained.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ..core.calibration import Logits, negative_log_likelihood, temperature_from_logits
from ..core.engine import Engine
from ..core.frame import frame_from_pixels
from ..core.geometry import Resize, Size, letterboxed
from ..core.manifest import Artifact, ModelFile
from ..core.pipeline import SegmentationPipeline
from ..core.progress import OnProgress
from ..core.reference import ReferenceStatistics, reference_as_json
from ..core.reliability import ReliabilityCounts
from ..core.scores import I64, IGNORE
from ..core.segmentation_scores import ReliabilityReport, json_from
from ..errors import DataError, RequestError
from ..training.checkpoint import load_checkpoint, weights_of_folder
from ..training.dataset import Pair
from ..training.labels import classes_from_folder, groups_from_folder
from ..training.split import sha256_from_split, split_of_folder
from ..training.unet import UNet
from ..training.validation import label_on_canvas, normalised
from .calibration_file import UNCALIBRATED
from .calibration_views import AS_THEY_ARE, KINDS, View, halves_of_pairs
from .onnx_from_checkpoint import onnx_from_network
from .reference_engine import reference_engine
from .wrap import wrap

PIXELS_A_VIEW = 2000


class Samples(NamedTuple):
    """Some pixels: logits (N, C) and the true ids (N,)."""

    logits: Logits
    labels: I64


class Measured(NamedTuple):
    """What a temperature is worth on one kind of views."""

    nll: float
    """Mean negative log-likelihood of sampled pixels at network size."""
    reliability: ReliabilityReport
    """Of every labelled pixel at the views' own size, through the runtime's pipeline."""

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; NaN becomes null."""
        overall, near, by_class = self.reliability
        return {
            'nll': json_from(self.nll),
            'ece': json_from(overall.ece()),
            'ece_boundary': json_from(near.ece()),
            'class_ece': [json_from(each.ece()) for each in by_class],
            'bins': [[each.pixels, *map(json_from, each[1:])] for each in overall.bins()],
        }


class Calibrated(NamedTuple):
    """The temperature, and what was measured before and after, by kind of views."""

    weights: str
    """Name of the weights that all this is true of."""
    temperature: float
    data_sha256: str
    images: int
    before: dict[str, Measured]
    after: dict[str, Measured]
    usual: ReferenceStatistics

    def as_json(self) -> dict[str, Any]:
        """Return the manifest's `calibration`."""
        before, after = (
            {kind: measured.as_json() for kind, measured in each.items()}
            for each in (self.before, self.after)
        )
        return {
            'temperature': self.temperature,
            'data_sha256': self.data_sha256,
            'images': self.images,
            'ece_before': before[AS_THEY_ARE]['ece'],
            'ece_after': after[AS_THEY_ARE]['ece'],
            'before': before,
            'after': after,
            'confidence_histogram': self.usual.confidence_histogram(),
        }

    def reference(self) -> dict[str, Any]:
        """Return the manifest's `reference`."""
        return reference_as_json(self.usual.histograms())


def calibrate(checkpoint: Path, data: Path, on_progress: OnProgress) -> Calibrated:
    """Choose the temperature on the validation images; tell what such a choice is worth.

    What a temperature does is measured on each half of the images with the one chosen on the
    other half. Images are looked at as they are and shifted, since a robot will see both.
    RequestError if the data has other classes than the checkpoint, DataError for bad data.
    """
    weights = weights_of_folder(checkpoint)  # first: a training may go on there
    network, training = load_checkpoint(checkpoint)
    names = _same_classes(training, data)
    split = split_of_folder(data)
    halves = halves_of_pairs(split.validation, groups_from_folder(data))
    look = _Look(network, training, names, on_progress)
    samples = [{kind: look.sampled(half, kind) for kind in KINDS} for half in halves]
    first, second = (_temperature(half.values()) for half in samples)
    temperature = _temperature(sample for half in samples for sample in half.values())
    plain = UNCALIBRATED.temperature
    before, after = (
        look.measured(halves, samples, temperatures)
        for temperatures in ((plain, plain), (second, first))
    )
    usual = look.usual(split.validation, temperature)
    sha256, images = sha256_from_split(split), len(split.validation)
    return Calibrated(weights, temperature, sha256, images, before, after, usual)


class _Look:
    """A network that looks at pairs, with the progress shown."""

    def __init__(
        self, network: UNet, training: dict[str, Any], names: list[str], on_progress: OnProgress
    ) -> None:
        self._network, self._names, self._on_progress = network, names, on_progress
        self._normalisation = training['normalisation']
        self._size = Size(*training['plan']['size'])

    def sampled(self, pairs: Sequence[Pair], kind: str) -> Samples:
        """Return what the network says of some pixels of each pair."""
        views = self._views(pairs, kind, 'choosing a temperature')
        with torch.inference_mode():
            return sampled(self._network, views, self._size)

    def measured(
        self,
        halves: Sequence[Sequence[Pair]],
        samples: Sequence[Mapping[str, Samples]],
        temperatures: Sequence[float],
    ) -> dict[str, Measured]:
        """Measure each half at its temperature, and tell of both together, by kind."""
        counts = {kind: ReliabilityCounts(len(self._names)) for kind in KINDS}
        for pairs, temperature in zip(halves, temperatures, strict=True):
            with self._engine(temperature) as engine:
                pipeline = SegmentationPipeline(engine, Resize.LETTERBOX)
                for kind in KINDS:
                    what = f'at temperature {temperature:.3f}'
                    for image, mask in self._views(pairs, kind, what):
                        result = pipeline.run(frame_from_pixels(image, 'rgb8'))
                        counts[kind].add(mask, result.mask, result.confidence)
        return {
            kind: Measured(
                _mean_nll([half[kind] for half in samples], temperatures),
                ReliabilityReport(found.overall(), found.near_boundary(), found.by_class()),
            )
            for kind, found in counts.items()
        }

    def usual(self, pairs: Sequence[Pair], temperature: float) -> ReferenceStatistics:
        """Collect how the images look that the network is made for, and what it says of them."""
        usual = ReferenceStatistics(self._names)
        with self._engine(temperature) as engine:
            pipeline = SegmentationPipeline(engine, Resize.LETTERBOX)
            for image, _ in self._views(pairs, AS_THEY_ARE, 'how images look'):
                result = pipeline.run(frame_from_pixels(image, 'rgb8'))
                canvas, placement = letterboxed(image, self._size)
                usual.add(placement.content(canvas), result.mask, result.confidence)
        return usual

    def _views(self, pairs: Sequence[Pair], kind: str, what: str) -> Iterator[View]:
        views = KINDS[kind](pairs, len(self._names), self._size)
        for done, view in enumerate(views, 1):
            yield view
            self._on_progress(f'{what}, images {kind}', done, len(pairs))

    def _engine(self, temperature: float) -> Engine:
        core = onnx_from_network(self._network, self._size)
        graph = wrap(core, **self._normalisation, temperature=temperature)
        content = graph.SerializeToString()
        artifact = Artifact(ModelFile('calibrated', '', len(content)), 'fp32', *self._size)
        return reference_engine(content, artifact, len(self._names))


def _temperature(samples: Iterable[Samples]) -> float:
    logits, labels = (np.concatenate(parts) for parts in zip(*samples, strict=True))
    return temperature_from_logits(logits, labels)


def _mean_nll(samples: Sequence[Samples], temperatures: Sequence[float]) -> float:
    """Return the mean over all pixels, each set of them at its temperature."""
    each = [
        negative_log_likelihood(*sample, temperature)
        for sample, temperature in zip(samples, temperatures, strict=True)
    ]
    return float(np.average(each, weights=[len(sample.labels) for sample in samples]))


def _same_classes(training: dict[str, Any], data: Path) -> list[str]:
    """Return the names of the classes; RequestError if the data has others."""
    names = [entry['name'] for entry in training['classes']]
    theirs = [entry.name for entry in classes_from_folder(data)]
    if theirs != names:
        raise RequestError(
            f'{str(data)!r} has the classes {", ".join(theirs)}, the checkpoint '
            f'{", ".join(names)}; give data of the same classes'
        )
    return names


def sampled(network: UNet, views: Iterable[View], size: Size) -> Samples:
    """Return what the network says of labelled pixels at network size, drawn at random."""
    logits, labels = [], []
    for seed, (image, mask) in enumerate(views):
        canvas, placement = letterboxed(image, size)
        ids = label_on_canvas(mask, placement).ravel()
        labelled = np.flatnonzero(ids != IGNORE)
        chosen = np.random.default_rng(seed).permutation(labelled)[:PIXELS_A_VIEW]
        answer = network(normalised(torch.from_numpy(canvas)[None])).float()[0]  # (C, H, W)
        logits.append(answer.flatten(1).T[torch.from_numpy(chosen)].numpy())
        labels.append(ids[chosen].astype(np.int64))
    if not sum(map(len, labels)):
        raise DataError('no pixel of half of the validation images has a label; label some there')
    samples = Samples(np.concatenate(logits), np.concatenate(labels))
    if not np.isfinite(samples.logits).all():
        raise DataError('the network answers with what is no number; train it again')
    return samples

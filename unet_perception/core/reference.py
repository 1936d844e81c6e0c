"""How images and masks usually look: the histograms that later images are compared with.

Knows pixels and class names; not thresholds, nor what a difference means.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from .frame import U8
from .scores import F64, I64, IGNORE

BINS = 10
CONFIDENCE_BINS = 32


class Histogram(NamedTuple):
    """Counts between edges; what lies beyond the outer edges counts in the outer bins."""

    edges: list[float]  # (bins + 1,), rising
    counts: list[int]  # (bins,)


def statistics_of_image(image: U8) -> dict[str, float]:
    """Return what tells light, colour and lens of an RGB image (H, W, 3) at network size.

    brightness, contrast: mean and standard deviation of the grey levels, 0 to 255; saturation:
    mean of HSV's, 0 to 255; sharpness: log10 of 1 + the variance of the Laplacian (Pech-Pacheco
    et al. 2000); red, green, blue: means, 0 to 255.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    saturation = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1]
    mean, deviation = cv2.meanStdDev(grey)
    _, edges = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))
    red, green, blue, _ = cv2.mean(image)
    return {
        'brightness': float(mean.item()),
        'contrast': float(deviation.item()),
        'saturation': cv2.mean(saturation)[0],
        'sharpness': float(np.log10(1.0 + edges.item() ** 2)),
        'red': red,
        'green': green,
        'blue': blue,
    }


def class_shares(mask: U8, names: Sequence[str]) -> dict[str, float]:
    """Return the share of each class of a mask's known pixels, `share_NAME`; 0 without any."""
    counts = np.bincount(mask.ravel(), minlength=256)
    known = max(1, int(counts.sum() - counts[IGNORE]))
    return {f'share_{name}': int(counts[k]) / known for k, name in enumerate(names)}


class ReferenceStatistics:
    """Collects the statistics of many images and their masks."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._values: dict[str, list[float]] = {}
        self._confidence = np.zeros(256, np.int64)

    def add(self, image: U8, mask: U8, confidence: U8) -> None:
        """Count an image (H, W, 3) at network size, and its mask and confidence of any size."""
        for name, value in {
            **statistics_of_image(image),
            **class_shares(mask, self._names),
        }.items():
            self._values.setdefault(name, []).append(value)
        self._confidence += np.bincount(confidence.ravel(), minlength=256)

    def histograms(self) -> dict[str, Histogram]:
        """Return a histogram by statistic, each bin as full as can be (edges at deciles)."""
        return {name: histogram_of(np.array(values)) for name, values in self._values.items()}

    def confidence_histogram(self) -> list[int]:
        """Return the pixels in each of `CONFIDENCE_BINS` equal bins of confidence, 0 to 255."""
        counts: list[int] = self._confidence.reshape(CONFIDENCE_BINS, -1).sum(1).tolist()
        return counts


def histogram_of(values: F64) -> Histogram:
    """Return the histogram of values (N,), N > 0, at their deciles; equal edges become one."""
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, BINS + 1)).round(6))
    if len(edges) == 1:
        edges = np.array([edges[0], edges[0] + 1.0])
    return Histogram(edges.tolist(), counts_between(values, edges).tolist())


def counts_between(values: F64, edges: F64) -> I64:
    """Count values in the bins of `edges`, the outer bins open."""
    index = np.searchsorted(edges[1:-1], values, side='right')
    counts: I64 = np.bincount(index, minlength=len(edges) - 1).astype(np.int64)
    return counts


def reference_as_json(histograms: Mapping[str, Histogram]) -> dict[str, Any]:
    """Return the manifest's `reference`."""
    return {'statistics': {name: each._asdict() for name, each in histograms.items()}}

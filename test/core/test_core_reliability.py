"""The calibration error equals its definition, overall, by class and near boundaries."""

from fractions import Fraction
import math

from hypothesis import given
from hypothesis import strategies as st
from labelled import Labelled, labelled
import numpy as np
import pytest

from unet_perception.core.frame import U8
from unet_perception.core.reliability import (
    BINS,
    NEAR_PX,
    Reliability,
    ReliabilityCounts,
)
from unet_perception.core.scores import IGNORE

SEEDS = st.integers(0, 2**32)
CLASSES = 3


def counted(*images: Labelled) -> ReliabilityCounts:
    counts = ReliabilityCounts(CLASSES)
    for image in images:
        counts.add(*image)
    return counts


def groups_of(image: Labelled) -> list[tuple[Reliability, np.ndarray]]:
    """Return every group beside the pixels it should hold, found one by one."""
    counts, used = counted(image), image.used
    near = np.zeros_like(used)
    labels = [(y, x, int(image.truth[y, x])) for y, x in np.argwhere(image.truth != IGNORE)]
    for y, x, k in labels:
        near[y, x] = any(
            k != other and (y - v) ** 2 + (x - u) ** 2 <= NEAR_PX**2 for v, u, other in labels
        )
    by_class = [used & (image.prediction == k) for k in range(CLASSES)]
    return [
        (counts.overall(), used),
        (counts.near_boundary(), used & near),
        *zip(counts.by_class(), by_class, strict=True),
    ]


def ece_by_definition(image: Labelled, pixels: np.ndarray) -> float:
    """Guo et al. 2017, eq. 3, with exact fractions: bin m is ((m - 1) / M, m / M]."""
    answers = [
        (t == p, Fraction(int(c), 255))
        for t, p, c in zip(*(a[pixels] for a in image), strict=True)
    ]
    total = Fraction(0)
    for m in range(1, BINS + 1):
        low, high = Fraction(m - 1, BINS), Fraction(m, BINS)
        inside = [(hit, c) for hit, c in answers if low < c <= high or (m == 1 and c == 0)]
        total += abs(sum(int(hit) - c for hit, c in inside))
    return float(total / len(answers)) if answers else math.nan


@given(SEEDS, st.sampled_from([1, 17]))
def test_every_ece_equals_its_definition(seed: int, step: int) -> None:
    """With steps of 17 every confidence lies on the border of two bins."""
    image = labelled(seed, CLASSES, most=16)
    image = image._replace(confidence=image.confidence // step * step)
    for reliability, pixels in groups_of(image):
        expected = ece_by_definition(image, pixels)
        assert reliability.ece() == pytest.approx(expected, abs=1e-12, nan_ok=True)
        assert sum(row.pixels for row in reliability.bins()) == pixels.sum()


@pytest.mark.parametrize('seed', range(3))
def test_every_ece_is_that_of_torchmetrics(seed: int) -> None:
    """No confidence on the border of two bins, which the library closes below and not above."""
    reason = 'torchmetrics is not installed'
    library = pytest.importorskip('torchmetrics.functional.classification', reason=reason)
    from torch import from_numpy, set_num_threads

    set_num_threads(1)
    image = labelled(seed, CLASSES, most=40)
    levels = [level for level in range(128, 255) if level % 17]
    confidence = np.random.default_rng(seed).choice(np.uint8(levels), image.truth.shape)
    image = image._replace(confidence=confidence)
    for reliability, pixels in groups_of(image):
        truth, prediction, sure = (a[pixels].astype(int) for a in image)
        planes = np.repeat((1 - sure / 255)[:, None] / (CLASSES - 1), CLASSES, 1)  # (N, C)
        np.put_along_axis(planes, prediction[:, None], (sure / 255)[:, None], 1)
        theirs = library.multiclass_calibration_error(
            from_numpy(planes), from_numpy(truth), CLASSES, n_bins=BINS, norm='l1'
        )
        assert reliability.ece() == pytest.approx(float(theirs), abs=1e-6)


def answers(accuracy_at: float, confidence: int, pixels: int = 10_000) -> Reliability:
    """Return the reliability of answers with one confidence and a given accuracy."""
    truth = np.zeros((1, pixels), np.uint8)
    prediction = (np.arange(pixels)[None] >= accuracy_at * pixels).astype(np.uint8)
    return counted(Labelled(truth, prediction, np.full_like(truth, confidence))).overall()


@pytest.mark.parametrize(
    ('accuracy', 'confidence', 'ece'),
    [(1.0, 255, 0.0), (0.6, 153, 0.0), (0.6, 255, 0.4), (1.0, 102, 0.6), (0.0, 255, 1.0)],
)
def test_ece_is_the_gap_between_confidence_and_accuracy(
    accuracy: float, confidence: int, ece: float
) -> None:
    assert answers(accuracy, confidence).ece() == pytest.approx(ece)


def test_calibrated_answers_have_next_to_no_ece() -> None:
    random = np.random.default_rng(0)
    confidence = random.integers(85, 256, (600, 600)).astype(np.uint8)
    prediction = (random.random(confidence.shape) > confidence / 255).astype(np.uint8)
    calibrated = Labelled(np.zeros_like(prediction), prediction, confidence)
    bolder = np.minimum(confidence + 40.0, 255).astype(np.uint8)
    assert counted(calibrated).overall().ece() < 0.005
    assert counted(calibrated._replace(confidence=bolder)).overall().ece() > 0.08


def test_overconfidence_at_the_edge_shows_there_and_hardly_overall() -> None:
    truth = np.zeros((100, 400), np.uint8)
    truth[:, 200:] = 1
    prediction = np.roll(truth, 4, 1)  # wrong in 4 of 16 columns near the boundary
    prediction[:, :4] = 0
    counts = counted(Labelled(truth, prediction, np.full_like(truth, 255)))
    assert counts.near_boundary().ece() == pytest.approx(4 / 16)
    assert counts.overall().ece() == pytest.approx(4 / 400)
    assert [each.ece() for each in counts.by_class()[:2]] == pytest.approx([4 / 204, 0.0])


def test_bins_hold_every_pixel_once_and_their_own_confidences() -> None:
    confidence: U8 = np.arange(256, dtype=np.uint8)[None]
    truth = np.zeros_like(confidence)
    rows = counted(Labelled(truth, truth, confidence)).overall().bins()
    assert [row.pixels for row in rows] == [18] + [17] * 14
    assert all(m / BINS <= row.confidence <= (m + 1) / BINS for m, row in enumerate(rows))
    assert {row.accuracy for row in rows} == {1.0}


def test_without_pixels_there_is_no_ece() -> None:
    for reliability in (counted().overall(), *counted().by_class(), counted().near_boundary()):
        assert math.isnan(reliability.ece())
        assert all(row.pixels == 0 and math.isnan(row.accuracy) for row in reliability.bins())

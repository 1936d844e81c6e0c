"""Scores equal their definitions, by hand and by brute force."""

from fractions import Fraction
import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.frame import U8
from unet_perception.core.scores import IGNORE, Confusion, Reliability

SEEDS = st.integers(0, 2**32)
BINS = 15


def masks(seed: int, classes: int) -> tuple[U8, U8]:
    """Return truth and prediction; some pixels of both are ignored."""
    random = np.random.default_rng(seed)
    ids = np.append(np.arange(classes), IGNORE).astype(np.uint8)
    shape = tuple(random.integers(1, 12, 2))
    return random.choice(ids, shape), random.choice(ids, shape)


def scored(truth: U8, prediction: U8, classes: int) -> Confusion:
    confusion = Confusion(classes)
    confusion.add(truth, prediction)
    return confusion


def test_by_hand() -> None:
    truth = np.array([[0, 0, 1, 1], [1, 1, 2, 255]], np.uint8)
    prediction = np.array([[0, 1, 1, 1], [1, 255, 0, 2]], np.uint8)
    confusion = scored(truth, prediction, 3)
    assert confusion.counts.tolist() == [[1, 1, 0], [0, 3, 0], [1, 0, 0]]
    assert confusion.iou().tolist() == [1 / 3, 3 / 4, 0.0]
    assert confusion.miou() == pytest.approx((1 / 3 + 3 / 4) / 3)
    assert confusion.pixel_accuracy() == 4 / 6


@given(SEEDS, st.integers(2, 8))
def test_iou_and_accuracy_equal_their_definition_on_sets_of_pixels(
    seed: int, classes: int
) -> None:
    truth, prediction = masks(seed, classes)
    used = (truth != IGNORE) & (prediction != IGNORE)
    confusion = scored(truth, prediction, classes)
    for k, value in enumerate(confusion.iou()):
        both = ((truth == k) & (prediction == k) & used).sum()
        either = (((truth == k) | (prediction == k)) & used).sum()
        assert math.isnan(value) if not either else value == both / either
    right = ((truth == prediction) & used).sum()
    total = used.sum()
    assert confusion.pixel_accuracy() == right / total if total else True


@given(SEEDS, SEEDS)
def test_counting_two_masks_is_counting_both(one: int, two: int) -> None:
    both = scored(*masks(one, 4), 4)
    both.add(*masks(two, 4))
    apart = scored(*masks(one, 4), 4).counts + scored(*masks(two, 4), 4).counts
    assert np.array_equal(both.counts, apart)


def test_a_class_that_never_occurs_does_not_lower_the_mean() -> None:
    truth = np.array([0, 1], np.uint8)
    confusion = scored(truth, truth, 5)
    assert np.isnan(confusion.iou()[2:]).all()
    assert confusion.miou() == 1.0


def test_without_pixels_scores_are_not_a_number() -> None:
    unlabelled = np.full((3, 3), IGNORE, np.uint8)
    confusion, reliability = scored(unlabelled, unlabelled, 3), Reliability()
    reliability.add(unlabelled, unlabelled, unlabelled)
    scores = [confusion.miou(), confusion.pixel_accuracy(), reliability.ece(), *confusion.iou()]
    assert all(math.isnan(score) for score in scores)
    assert all(row.pixels == 0 and math.isnan(row.accuracy) for row in reliability.bins())


def ece_by_definition(truth: U8, prediction: U8, confidence: U8) -> float:
    """Guo et al. 2017, eq. 3, with exact fractions: bin m is ((m - 1) / M, m / M]."""
    pixels = [
        (t == p, Fraction(int(c), 255))
        for t, p, c in zip(truth.flat, prediction.flat, confidence.flat, strict=True)
        if IGNORE not in (t, p)
    ]
    total = Fraction(0)
    for m in range(1, BINS + 1):
        low, high = Fraction(m - 1, BINS), Fraction(m, BINS)
        inside = [(hit, c) for hit, c in pixels if low < c <= high or (m == 1 and c == 0)]
        total += abs(sum(hit - c for hit, c in inside))
    return float(total / len(pixels)) if pixels else math.nan


@given(SEEDS, st.sampled_from([1, 17]))
def test_ece_equals_its_definition(seed: int, step: int) -> None:
    """With steps of 17 every confidence lies on the border of two bins."""
    truth, prediction = masks(seed, 3)
    levels = np.random.default_rng(seed).integers(0, 255 // step + 1, truth.shape)
    confidence = (levels * step).astype(np.uint8)
    reliability = Reliability()
    reliability.add(truth, prediction, confidence)
    expected = ece_by_definition(truth, prediction, confidence)
    assert reliability.ece() == pytest.approx(expected, abs=1e-12, nan_ok=True)


def answers(accuracy_at: float, confidence: int, pixels: int = 10_000) -> Reliability:
    """Return the reliability of answers with one confidence and a given accuracy."""
    truth = np.zeros(pixels, np.uint8)
    prediction = (np.arange(pixels) >= accuracy_at * pixels).astype(np.uint8)
    reliability = Reliability()
    reliability.add(truth, prediction, np.full(pixels, confidence, np.uint8))
    return reliability


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
    truth = np.zeros_like(prediction)
    calibrated, overconfident = Reliability(), Reliability()
    calibrated.add(truth, prediction, confidence)
    overconfident.add(truth, prediction, np.minimum(confidence + 40.0, 255).astype(np.uint8))
    assert calibrated.ece() < 0.005
    assert overconfident.ece() > 0.08


def test_bins_hold_every_pixel_once_and_their_own_confidences() -> None:
    confidence = np.arange(256, dtype=np.uint8)
    reliability = Reliability()
    reliability.add(np.zeros(256, np.uint8), np.zeros(256, np.uint8), confidence)
    rows = reliability.bins()
    assert [row.pixels for row in rows] == [18] + [17] * 14
    assert all(m / BINS <= row.confidence <= (m + 1) / BINS for m, row in enumerate(rows))
    assert {row.accuracy for row in rows} == {1.0}

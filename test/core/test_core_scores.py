"""Scores equal their definitions, by hand, by brute force and by the field's libraries."""

from collections.abc import Callable
import math

from hypothesis import given
from hypothesis import strategies as st
from labelled import Labelled, labelled
import numpy as np
import pytest

from unet_perception.core.scores import F64, IGNORE, Confusion, mean_defined

SEEDS = st.integers(0, 2**32)


def scored(*images: Labelled, classes: int) -> Confusion:
    confusion = Confusion(classes)
    for image in images:
        confusion.add(image.truth, image.prediction)
    return confusion


def confusion_of(truth: list[int], prediction: list[int], classes: int) -> Confusion:
    confusion = Confusion(classes)
    confusion.add(np.array(truth, np.uint8), np.array(prediction, np.uint8))
    return confusion


def by_class(confusion: Confusion) -> list[F64]:
    return [
        confusion.iou(),
        confusion.dice(),
        confusion.precision(),
        confusion.recall(),
        confusion.class_coverage(),
    ]


def test_by_hand() -> None:
    confusion = confusion_of([0, 0, 1, 1, 1, 1, 2, 255], [0, 1, 1, 1, 1, 255, 0, 2], 3)
    assert confusion.counts.tolist() == [[1, 1, 0], [0, 3, 0], [1, 0, 0]]
    assert confusion.unknown.tolist() == [0, 1, 0]
    assert confusion.iou().tolist() == [1 / 3, 3 / 4, 0.0]
    assert confusion.dice().tolist() == [2 / 4, 6 / 7, 0.0]
    assert confusion.precision()[:2].tolist() == [1 / 2, 3 / 4]
    assert confusion.recall().tolist() == [1 / 2, 1.0, 0.0]
    assert confusion.class_coverage().tolist() == [1.0, 3 / 4, 1.0]
    assert confusion.miou() == pytest.approx((1 / 3 + 3 / 4) / 3)
    assert confusion.pixel_accuracy() == 4 / 6
    assert confusion.coverage() == 6 / 7


@given(SEEDS, st.integers(3, 8))
def test_a_class_is_scored_with_its_parts_as_if_they_were_one_class(
    seed: int, classes: int
) -> None:
    image, (part, whole) = labelled(seed, classes), (classes - 1, 1)
    with_parts, plain, merged = Confusion(classes, {part: whole}), *map(Confusion, [classes] * 2)
    one = np.arange(256).astype(np.uint8)
    one[part] = whole
    with_parts.add(image.truth, image.prediction)
    plain.add(image.truth, image.prediction)
    merged.add(one[image.truth], one[image.prediction])
    for found, apart, together in zip(*map(by_class, (with_parts, plain, merged)), strict=True):
        assert found[whole] == pytest.approx(together[whole], nan_ok=True)
        others = [k for k in range(classes) if k != whole]
        assert found[others] == pytest.approx(apart[others], nan_ok=True)
    assert with_parts.pixel_accuracy() == pytest.approx(plain.pixel_accuracy(), nan_ok=True)
    assert with_parts.coverage() == pytest.approx(merged.coverage(), nan_ok=True)


@given(SEEDS, st.integers(2, 8))
def test_scores_equal_their_definition_on_sets_of_pixels(seed: int, classes: int) -> None:
    image = labelled(seed, classes)
    confusion, used = scored(image, classes=classes), image.used
    for k, (iou, dice, precision, recall, coverage) in enumerate(
        zip(*by_class(confusion), strict=True)
    ):
        true, found = (image.truth == k) & used, (image.prediction == k) & used
        both = (true & found).sum()
        for score, part, whole in (
            (iou, both, (true | found).sum()),
            (dice, 2 * both, true.sum() + found.sum()),
            (precision, both, found.sum()),
            (recall, both, true.sum()),
            (coverage, true.sum(), (image.truth == k).sum()),
        ):
            assert math.isnan(score) if not whole else score == part / whole


@given(SEEDS)
def test_recall_times_coverage_is_the_share_found_of_all_labelled_pixels(seed: int) -> None:
    image = labelled(seed, 3)
    confusion = scored(image, classes=3)
    for k, share in enumerate(confusion.recall() * confusion.class_coverage()):
        true = image.truth == k
        if not math.isnan(share):
            assert share == pytest.approx((image.prediction[true] == k).mean())


@given(SEEDS, SEEDS)
def test_counting_two_masks_in_any_order_or_in_halves_is_counting_both(one: int, two: int) -> None:
    first, second = labelled(one, 4), labelled(two, 4)
    middle = first.truth.shape[0] // 2
    halves = [Labelled(*(a[part] for a in first)) for part in (slice(middle), slice(middle, None))]
    both = scored(first, second, classes=4)
    for other in (scored(second, first, classes=4), scored(*halves, second, classes=4)):
        assert np.array_equal(both.counts, other.counts)
        assert np.array_equal(both.unknown, other.unknown)


@given(SEEDS, st.permutations(range(4)))
def test_permuting_the_classes_permutes_the_scores(seed: int, order: list[int]) -> None:
    image = labelled(seed, 4)
    before = by_class(scored(image, classes=4))
    after = by_class(scored(image.permuted(np.array(order)), classes=4))
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one, other[order], equal_nan=True)


def test_a_class_that_never_occurs_does_not_lower_the_mean() -> None:
    confusion = confusion_of([0, 1], [0, 1], 5)
    assert np.isnan(confusion.iou()[2:]).all()
    assert confusion.miou() == 1.0


def test_a_class_that_is_never_predicted_has_recall_0_and_no_precision() -> None:
    confusion = confusion_of([0, 1], [0, 0], 2)
    assert (confusion.recall()[1], confusion.dice()[1]) == (0.0, 0.0)
    assert math.isnan(confusion.precision()[1])


def test_unknown_answers_lower_coverage_and_no_other_score() -> None:
    sure, unsure = confusion_of([0, 1], [0, 1], 2), confusion_of([0, 1, 1, 1], [0, 1, 255, 255], 2)
    assert (sure.coverage(), unsure.coverage()) == (1.0, 0.5)
    assert unsure.class_coverage().tolist() == [1.0, 1 / 3]
    assert sure.miou() == unsure.miou() == 1.0


def test_without_pixels_scores_are_not_a_number() -> None:
    unlabelled = np.full((3, 3), IGNORE, np.uint8)
    confusion = Confusion(3)
    confusion.add(unlabelled, unlabelled)
    means = [confusion.miou(), confusion.pixel_accuracy(), confusion.coverage()]
    assert np.isnan([*means, *np.ravel(by_class(confusion))]).all()
    assert math.isnan(mean_defined(np.full(2, np.nan)))


@pytest.mark.parametrize(('truth', 'prediction'), [(3, 0), (0, 3), (3, 255)])
def test_an_id_that_is_no_class_is_our_own_mistake(truth: int, prediction: int) -> None:
    with pytest.raises(AssertionError, match='neither a class nor IGNORE'):
        confusion_of([truth], [prediction], 3)


def sklearn_scores(image: Labelled, classes: int) -> list[F64]:
    metrics = pytest.importorskip('sklearn.metrics', reason='scikit-learn is not installed')
    pixels = image.truth[image.used], image.prediction[image.used]
    options = {'labels': range(classes), 'average': None, 'zero_division': 0}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(*pixels, **options)
    return [metrics.jaccard_score(*pixels, **options), f1, precision, recall]


def torchmetrics_scores(image: Labelled, classes: int) -> list[F64]:
    """Truth that is `IGNORE` is left to the library; it knows no unknown answers."""
    reason = 'torchmetrics is not installed'
    library = pytest.importorskip('torchmetrics.functional.classification', reason=reason)
    from torch import from_numpy, set_num_threads

    set_num_threads(1)
    known = image.prediction != IGNORE
    answers = [from_numpy(mask[known].astype(int)) for mask in (image.prediction, image.truth)]
    options = {'num_classes': classes, 'average': 'none', 'ignore_index': IGNORE}
    names = ('jaccard_index', 'f1_score', 'precision', 'recall')
    return [getattr(library, f'multiclass_{n}')(*answers, **options).numpy() for n in names]


def monai_scores(image: Labelled, classes: int) -> list[F64]:
    metrics = pytest.importorskip('monai.metrics', reason='MONAI is not installed')
    from torch import from_numpy, set_num_threads

    set_num_threads(1)
    pixels = image.prediction[image.used], image.truth[image.used]
    planes = [from_numpy(mask == np.arange(classes)[:, None])[None].float() for mask in pixels]
    overlaps = [metrics.compute_iou(*planes)[0], metrics.compute_dice(*planes)[0]]
    counts = metrics.get_confusion_matrix(*planes)
    rates = [metrics.compute_confusion_matrix_metric(n, counts)[0] for n in ('precision', 'tpr')]
    return [score.numpy() for score in (*overlaps, *rates)]


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('library', [sklearn_scores, torchmetrics_scores, monai_scores])
def test_iou_dice_precision_and_recall_are_those_of(
    library: Callable[[Labelled, int], list[F64]], seed: int
) -> None:
    image = labelled(seed, 4, most=60)
    assert set(image.truth.flat) == set(image.prediction.flat) == {0, 1, 2, 3, IGNORE}
    ours = by_class(scored(image, classes=4))[:4]
    for own, theirs in zip(ours, library(image, 4), strict=True):
        assert own == pytest.approx(theirs, abs=1e-6)

"""All scores at once: each under its name, whole, and the same in whatever order images come."""

import json

from hypothesis import given
from hypothesis import strategies as st
from labelled import Labelled, labelled
import numpy as np
import pytest

from unet_perception.core.boundary import BoundaryIoU
from unet_perception.core.islands import Islands
from unet_perception.core.reliability import ReliabilityCounts
from unet_perception.core.scores import IGNORE, Confusion
from unet_perception.core.segmentation_scores import Scores, SegmentationScores

SEEDS = st.integers(0, 2**32)
CLASSES = 3
NAMES = {
    *('images', 'miou', 'iou', 'boundary_iou', 'class_boundary_iou', 'dice', 'precision'),
    *('recall', 'pixel_accuracy', 'coverage', 'class_coverage', 'islands', 'island_pixels'),
    *('ece', 'ece_boundary', 'class_ece'),
}


def scores_of(*images: Labelled, classes: int = CLASSES) -> Scores:
    scores = SegmentationScores(classes)
    for image in images:
        scores.add(*image)
    return scores.result()


def answered(truth: np.ndarray) -> Labelled:
    """Return a perfect and sure answer."""
    return Labelled(truth, truth, np.full_like(truth, 255))


def quarters() -> np.ndarray:
    """Draw four classes, each in a quarter of the image."""
    return np.kron(np.uint8([[0, 1], [2, 3]]), np.ones((60, 60), np.uint8))


def test_a_perfect_and_sure_answer_has_every_score_at_its_best() -> None:
    told = scores_of(answered(quarters()), classes=4).as_json()
    ones, zeros = dict.fromkeys(NAMES, 1.0), dict.fromkeys(NAMES, 0.0)
    errors = ('islands', 'island_pixels', 'ece', 'ece_boundary', 'class_ece')
    for name, value in told.items():
        best = (zeros if name in errors else ones)[name]
        assert value == ([best] * 4 if isinstance(value, list) else best), name


@given(SEEDS, st.permutations(range(CLASSES)))
def test_permuting_the_classes_permutes_the_scores(seed: int, order: list[int]) -> None:
    image = labelled(seed, CLASSES)
    before = scores_of(image).as_json()
    after = scores_of(image.permuted(np.array(order))).as_json()
    for name, value in before.items():
        if isinstance(value, list):
            assert value == [after[name][k] for k in order], name
        else:
            assert value == pytest.approx(after[name], abs=1e-12), name


@given(st.lists(SEEDS, min_size=2, max_size=4), st.randoms())
def test_images_give_the_same_scores_in_any_order(seeds: list[int], random: object) -> None:
    images = [labelled(seed, CLASSES) for seed in seeds]
    told = scores_of(*images).as_json()
    random.shuffle(images)
    assert scores_of(*images).as_json() == told
    assert told['images'] == len(images)


def test_every_name_holds_the_score_that_it_says() -> None:
    image = labelled(3, CLASSES, most=60)
    parts = confusion, boundary, islands = (
        Confusion(CLASSES),
        BoundaryIoU(CLASSES),
        Islands(CLASSES),
    )
    for part in parts:
        part.add(image.truth, image.prediction)
    reliability = ReliabilityCounts(CLASSES)
    reliability.add(*image)
    own = ('miou', 'iou', 'dice', 'precision', 'recall', 'pixel_accuracy', 'coverage')
    expected = {name: getattr(confusion, name)() for name in (*own, 'class_coverage')} | {
        'images': 1,
        'boundary_iou': boundary.miou(),
        'class_boundary_iou': boundary.iou(),
        'islands': islands.counts,
        'island_pixels': islands.pixels,
        'ece': reliability.overall().ece(),
        'ece_boundary': reliability.near_boundary().ece(),
        'class_ece': [each.ece() for each in reliability.by_class()],
    }
    assert len({str(value) for value in expected.values()}) == len(NAMES)
    assert scores_of(image).as_json() == {k: np.array(v).tolist() for k, v in expected.items()}


def test_other_images_have_other_scores() -> None:
    one, other = (scores_of(labelled(seed, CLASSES, most=60)).as_json() for seed in (1, 2))
    assert {name for name in NAMES if one[name] == other[name]} == {'images'}


def test_what_cannot_be_scored_is_null_in_json_and_the_rest_is_kept() -> None:
    blank = np.full((9, 9), IGNORE, np.uint8)
    told = scores_of(Labelled(blank, blank, blank)).as_json()
    assert told.keys() == NAMES
    assert (told['images'], told['islands'], told['miou']) == (1, [0, 0, 0], None)
    assert told['dice'] == told['class_ece'] == told['class_boundary_iou'] == [None] * 3
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_a_result_is_not_changed_by_later_images() -> None:
    scores = SegmentationScores(CLASSES)
    scores.add(*labelled(1, CLASSES))
    result = scores.result()
    told, bins = result.as_json(), result.reliability.overall.bins()
    scores.add(*labelled(2, CLASSES))
    assert result.as_json() == told != scores.result().as_json()
    assert result.reliability.overall.bins() == bins

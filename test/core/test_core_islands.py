"""An island is a region of a class that touches none of it."""

from hypothesis import given
from hypothesis import strategies as st
from labelled import Labelled, labelled
import numpy as np
import pytest

from unet_perception.core.islands import Islands
from unet_perception.core.scores import IGNORE

SEEDS = st.integers(0, 2**32)


def islands_of(*images: Labelled, classes: int = 3) -> Islands:
    islands = Islands(classes)
    for image in images:
        islands.add(image.truth, image.prediction)
    return islands


def drawn(truth: str, prediction: str) -> tuple[list[int], list[int]]:
    """Count islands of two classes in drawings: '.' is class 0, '#' class 1, '?' 255."""
    truth_ids, ids = (
        np.array([['.#'.find(c) % 256 for c in row] for row in rows.split()], np.uint8)
        for rows in (truth, prediction)
    )
    islands = islands_of(Labelled(truth_ids, ids, ids), classes=2)
    return islands.counts.tolist(), islands.pixels.tolist()


@pytest.mark.parametrize(
    ('truth', 'prediction', 'counts', 'pixels'),
    [
        ('##... ##...', '##..# ##..#', [0, 1], [0, 2]),  # one of two pixels
        ('##... ##...', '####. ####.', [0, 0], [0, 0]),  # too large, but in part true
        ('##... .....', '##.#. ....#', [0, 1], [0, 2]),  # connected over the corner
        ('##... .....', '##..# ###.#', [0, 1], [0, 2]),  # two regions, one of them true
        ('##... .....', '..### .....', [0, 1], [0, 3]),  # beside the truth is not on it
        ('##### #####', '##### ##.##', [1, 0], [1, 0]),  # a hole is an island of the background
        ('##.?? ##.??', '##.?? ##.##', [0, 0], [0, 0]),  # nobody knows what is there
        ('##.?. ##.?.', '##.?? ##.##', [0, 1], [0, 1]),  # labelled in part
        ('..... .....', '#.?.# ..?..', [0, 2], [0, 2]),  # unknown is no class, so no bridge
    ],
)
def test_by_hand(truth: str, prediction: str, counts: list[int], pixels: list[int]) -> None:
    assert drawn(truth, prediction) == (counts, pixels)


@given(SEEDS)
def test_islands_are_those_that_scipy_finds(seed: int) -> None:
    ndimage = pytest.importorskip('scipy.ndimage', reason='SciPy is not installed')
    image = labelled(seed, 3, most=40)
    islands = islands_of(image)
    for k in range(3):
        regions, found = ndimage.label(image.prediction == k, np.ones((3, 3)))
        inside = [image.truth[regions == part + 1] for part in range(found)]
        false = [t for t in inside if (t != IGNORE).any() and not (t == k).any()]
        assert islands.counts[k] == len(false)
        assert islands.pixels[k] == sum((t != IGNORE).sum() for t in false)


@given(SEEDS, SEEDS)
def test_images_are_apart_and_their_order_is_all_one(one: int, two: int) -> None:
    first, second = labelled(one, 3), labelled(two, 3)
    forth, back = islands_of(first, second), islands_of(second, first)
    apart = islands_of(first).counts + islands_of(second).counts
    assert forth.counts.tolist() == back.counts.tolist() == apart.tolist()
    assert forth.pixels.tolist() == back.pixels.tolist()


@given(SEEDS)
def test_a_perfect_answer_has_no_islands(seed: int) -> None:
    truth = labelled(seed, 3).truth
    assert not islands_of(Labelled(truth, truth, truth)).counts.any()

"""Statistics tell light, colour and lens apart, and histograms hold every image once."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from unet_perception.core.reference import (
    BINS,
    CONFIDENCE_BINS,
    ReferenceStatistics,
    class_shares,
    counts_between,
    histogram_of,
    statistics_of_image,
)

NOISE = np.random.default_rng(0).integers(60, 180, (48, 64, 3), np.uint8)


def test_statistics_of_a_plain_colour_are_that_colour() -> None:
    found = statistics_of_image(np.full((8, 8, 3), (200, 100, 50), np.uint8))
    assert (found['red'], found['green'], found['blue']) == (200, 100, 50)
    assert (found['contrast'], found['sharpness']) == (0, 0)
    assert found['saturation'] == pytest.approx(255 * 150 / 200, abs=1)
    assert found['brightness'] == pytest.approx(0.299 * 200 + 0.587 * 100 + 0.114 * 50, abs=1)


@pytest.mark.parametrize(
    ('statistic', 'changed'),
    [
        ('brightness', NOISE + 40),
        ('contrast', (NOISE.astype(int) - 120) * 3 // 2 + 120),
        ('sharpness', np.repeat(np.repeat(NOISE[::4, ::4], 4, 0), 4, 1)[::-1] * [[[1, 1, 1]]]),
        ('red', NOISE + np.uint8([30, 0, 0])),
    ],
)
def test_what_is_changed_shows_in_its_statistic(statistic: str, changed: np.ndarray) -> None:
    before, after = (statistics_of_image(i.astype(np.uint8)) for i in (NOISE, changed))
    assert abs(after[statistic] - before[statistic]) > 0.02 * before[statistic]


def test_shares_are_of_the_known_pixels() -> None:
    mask = np.uint8([[0, 0, 1, 255], [0, 2, 255, 255]])
    assert class_shares(mask, 'abc') == {'share_a': 0.6, 'share_b': 0.2, 'share_c': 0.2}
    assert class_shares(np.full((2, 2), 255, np.uint8), 'a') == {'share_a': 0.0}


@given(hnp.arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e3, 1e3)))
def test_a_histogram_counts_every_value_once(values: np.ndarray) -> None:
    edges, counts = histogram_of(values)
    assert sum(counts) == len(values)
    assert 1 <= len(counts) == len(edges) - 1 <= BINS
    assert np.all(np.diff(edges) > 0)


def test_bins_are_as_full_as_can_be() -> None:
    values = np.random.default_rng(1).normal(size=1000)
    assert set(histogram_of(values).counts) <= set(range(95, 106))


def test_what_lies_beyond_the_edges_counts_in_the_outer_bins() -> None:
    assert counts_between(np.array([-9.0, 0.5, 9.0]), np.array([0.0, 1.0, 2.0])).tolist() == [2, 1]


def test_of_many_images_there_is_a_histogram_by_statistic_and_one_of_confidence() -> None:
    usual = ReferenceStatistics(['background', 'road'])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mask = rng.integers(0, 2, (30, 40), np.uint8)
        usual.add(NOISE, mask, np.full((30, 40), 255, np.uint8))
    found = usual.histograms()
    assert {*statistics_of_image(NOISE), 'share_background', 'share_road'} == found.keys()
    assert all(sum(each.counts) == 20 for each in found.values())
    confidence = usual.confidence_histogram()
    assert len(confidence) == CONFIDENCE_BINS
    assert confidence[-1] == sum(confidence) == 20 * 30 * 40

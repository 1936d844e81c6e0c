"""Lines are found up to the tolerance and not beyond it; false pixels cost precision only."""

from collections.abc import Sequence
import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.line_labels import Line
from unet_perception.core.line_scores import Bools, LineScores

SEEDS = st.integers(0, 2**32)
SHAPE = (60, 90)


def upright(column: float, first: int, last: int, width: float = 3.0) -> Line:
    return np.array([[column, last, width], [column, first, width]])


def mask_of(*columns: int, rows: slice = slice(None)) -> Bools:
    mask = np.zeros(SHAPE, np.bool_)
    mask[rows, columns] = True
    return mask


def scored(lines: Sequence[Line], mask: Bools, **options: float) -> tuple[float, float]:
    scores = LineScores(**options)
    scores.add(lines, mask)
    return scores.recall(), scores.precision()


def random_frame(seed: int) -> tuple[list[Line], Bools]:
    """Draw up to three bent lines, and predicted pixels anywhere."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(random.integers(0, 4)):
        rows = np.sort(random.choice(2 * SHAPE[0] - 1, 3, replace=False) / 2)[
            :: random.choice([-1, 1])
        ]
        columns, widths = random.uniform(0, SHAPE[1] - 1, 3), random.uniform(0.2, 25.0, 3)
        lines.append(np.stack([columns, rows, widths], 1))
    return lines, random.random(SHAPE) < random.choice([0.0, 0.002, 0.02])


def rows_of(line: Line) -> list[tuple[int, float, float]]:
    """Return row, centre and width wherever the line crosses the middle of a pixel row."""
    x, y, width = line[line[:, 1].argsort()].T
    rows = [row for row in range(SHAPE[0]) if y[0] <= row <= y[-1]]
    return [(row, np.interp(row, y, x), np.interp(row, y, width)) for row in rows]


def by_definition(lines: Sequence[Line], mask: Bools, limit: int) -> tuple[float, float]:
    """Score pixel by pixel."""
    rows = [cut for line in lines for cut in rows_of(line)]
    predicted = np.argwhere(mask).tolist()
    paint = {
        (row, column)
        for row, centre, width in rows
        for column in range(SHAPE[1])
        if abs(column - centre) <= max(width, 1) / 2
    }
    found = [
        any(
            math.dist((row, round(centre)), pixel) <= 5
            or (pixel[0] == row and abs(pixel[1] - centre) <= width / 2)
            for pixel in predicted
        )
        for row, centre, width in rows
        if row >= limit
    ]
    right = [
        any(math.dist(pixel, other) <= 5 for other in paint)
        for pixel in predicted
        if pixel[0] >= limit
    ]
    return tuple(sum(s) / len(s) if s else math.nan for s in (found, right))


def test_by_hand() -> None:
    mask = mask_of(
        24, rows=slice(10, 20)
    )  # 4 beside the centre; 3 rows below its end are within 5
    assert scored([upright(20, 10, 29)], mask) == (13 / 20, 1.0)


@given(SEEDS, st.sampled_from([0, 1, 30, 59]))
def test_scores_equal_their_definition_pixel_by_pixel(seed: int, limit: int) -> None:
    lines, mask = random_frame(seed)
    expected = by_definition(lines, mask, limit)
    assert scored(lines, mask, ignore_above=limit) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(('shift', 'recall'), [(0, 1), (4, 1), (5, 1), (6, 0), (8, 0)])
@pytest.mark.parametrize('side', [-1, 1])
def test_a_line_is_found_up_to_the_tolerance_and_not_beyond(
    shift: int, recall: float, side: int
) -> None:
    assert scored([upright(40, 0, 59)], mask_of(40 + side * shift))[0] == recall


@pytest.mark.parametrize(('shift', 'precision'), [(0, 1), (6, 1), (7, 0), (8, 0)])
def test_a_pixel_is_right_up_to_the_tolerance_from_the_edge_of_the_stripe(
    shift: int, precision: float
) -> None:
    assert scored([upright(40, 0, 59, width=3.0)], mask_of(40 + shift))[1] == precision


@given(st.floats(0.5, 12.0), st.integers(0, 20))
def test_the_tolerance_is_the_one_that_was_asked_for(tolerance: float, shift: int) -> None:
    recall, _ = scored([upright(40, 0, 59)], mask_of(40 + shift), tolerance_px=tolerance)
    assert recall == (shift <= max(tolerance, 1.5))


def test_a_pixel_between_the_edges_finds_a_wide_stripe_however_far_from_its_centre() -> None:
    assert scored([upright(40, 0, 59, width=31.0)], mask_of(55)) == (1.0, 1.0)
    assert scored([upright(40, 0, 59, width=29.0)], mask_of(55)) == (0.0, 1.0)


def test_a_stripe_thinner_than_a_pixel_has_its_paint_in_the_nearest_one() -> None:
    assert scored([upright(40.4, 0, 59, width=0.1)], mask_of(45)) == (1.0, 1.0)
    assert scored([upright(40.4, 0, 59, width=0.1)], mask_of(46)) == (0.0, 0.0)


@given(st.lists(st.booleans(), min_size=5, max_size=5))
def test_missing_dashes_lower_recall_by_their_share_and_not_precision(found: list[bool]) -> None:
    dashes = [upright(9 + 18 * k, 20, 39) for k in range(5)]
    columns = [9 + 18 * k for k in range(5) if found[k]]
    recall, precision = scored(dashes, mask_of(*columns, rows=slice(20, 40)))
    assert recall == sum(found) / 5
    assert precision == 1.0 if any(found) else math.isnan(precision)


@given(SEEDS, st.integers(1, 300))
def test_false_pixels_lower_precision_by_their_share_and_not_recall(seed: int, false: int) -> None:
    line, mask = upright(10, 0, 59), mask_of(10)
    places = np.random.default_rng(seed).choice(60 * 60, false, replace=False)
    mask[places // 60, 30 + places % 60] = True
    assert scored([line], mask) == (1.0, 60 / (60 + false))


@given(SEEDS, SEEDS)
def test_frames_add_up_in_any_order_and_lines_may_run_either_way(one: int, two: int) -> None:
    frames = [random_frame(one), random_frame(two)]
    forth, back = LineScores(), LineScores()
    for lines, mask in frames:
        forth.add(lines, mask)
    for lines, mask in reversed(frames):
        back.add([line[::-1] for line in reversed(lines)], mask)
    assert str((forth.recall(), forth.precision())) == str((back.recall(), back.precision()))


def test_what_lies_above_the_limit_is_not_counted_but_is_near_what_lies_below() -> None:
    above, below = upright(20, 0, 29), upright(70, 30, 59)
    mask = mask_of(45, rows=slice(0, 30)) | mask_of(70, rows=slice(30, 60))
    assert scored([above, below], mask, ignore_above=30) == (1.0, 1.0)
    assert scored([above, below], mask) == (0.5, 0.5)
    ends_above, begins_below = upright(20, 0, 29), mask_of(20, rows=slice(30, 33))
    assert scored([ends_above], begins_below, ignore_above=30)[1] == 1.0


def test_without_lines_there_is_no_recall_and_without_predictions_no_precision() -> None:
    nothing, something = mask_of(), mask_of(40)
    assert [math.isnan(s) for s in scored([], nothing)] == [True, True]
    assert str(scored([upright(40, 0, 59)], nothing)) == '(0.0, nan)'
    assert str(scored([], something)) == '(nan, 0.0)'

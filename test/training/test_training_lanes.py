"""Painted roads: masks are exact, paint obeys light and perspective, real lines are not taught."""

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.frame import U8
from unet_perception.core.geometry import Size
from unet_perception.core.scores import F64, IGNORE
from unet_perception.training.synthetic import lanes_scene, lanes_world
from unet_perception.training.synthetic.lanes_ground import Road, road_from_mask
from unet_perception.training.synthetic.lanes_ridges import ridges
from unet_perception.training.synthetic.lanes_scene import Scene, paint_scene
from unet_perception.training.synthetic.paint_extras import DISTRACTORS, EXTRAS
from unet_perception.training.synthetic.paint_layout import (
    FAR_M,
    LINE,
    ROAD,
    STYLES,
    Brush,
    Paint,
    dashes,
    random_brush,
    random_lines,
)
from unet_perception.training.synthetic.paint_strips import (
    Ground,
    Strip,
    coverage,
    ground_from_road,
)
from unet_perception.training.synthetic.paint_surface import blur_from_image

SIZE = Size(240, 320)
FAR, HORIZON, MIDDLE, SPREAD = 60, 52.0, 150.0, 1.4
ASPHALT = 60
SEEDS = st.integers(0, 2**32)
WHOLE = ((0.0, FAR_M),)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def sides(row: float, bend: float) -> tuple[float, float]:
    """Return the columns of the drawn road's sides; `bend` moves the far end to the right."""
    t = row + 0.5 - HORIZON
    centre = MIDDLE + bend / t
    return centre - SPREAD * t / 2, centre + SPREAD * t / 2


def drawn(bend: float = 0.0, asphalt: int = ASPHALT, seed: int = 0) -> tuple[U8, U8]:
    """Draw a road of grainy asphalt between meadows, RGB, and its mask."""
    image = np.full((*SIZE, 3), (70, 95, 50), np.float64)
    mask = np.zeros(SIZE, np.uint8)
    columns = np.arange(SIZE.width) + 0.5
    for row in range(FAR, SIZE.height):
        left, right = sides(row, bend)
        mask[row, (columns > left) & (columns < right)] = ROAD
    image[mask == ROAD] = asphalt
    image += rng(seed).normal(0.0, 2.5, (*SIZE, 1))
    return np.clip(image, 0, 255).astype(np.uint8), mask


def ground() -> Ground:
    """Return the drawn road, 8 m wide, seen from an upright camera."""
    road = Road(HORIZON, FAR, -SPREAD / 2, SPREAD / 2, MIDDLE, 0.0, 0.0)
    return Ground(road, 8.0, 400.0, 0.0, 400.0 / (SIZE.height - HORIZON))


def strip(across: float = 4.0, width: float = 0.5, spans=WHOLE) -> Strip:
    return Strip((0.0,), (across,), (width,), spans)


def columns_of(road: Road, across: float) -> F64:
    return road.columns(np.arange(FAR, SIZE.height) + 0.5, across)


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Leave out shadows, glare, other places and all that is no line."""
    for chance in ('SHADOWS', 'GLARE', 'PAVEMENT', 'PARALLEL'):
        monkeypatch.setattr(lanes_scene, chance, 0.0)
    for chance in ('NEW_SKY', 'RECOLORED'):
        monkeypatch.setattr(lanes_world, chance, 0.0)
    monkeypatch.setattr(lanes_scene, 'random_distractors', lambda *_: ())
    monkeypatch.setattr(lanes_scene, 'random_extras', lambda *_: ())
    return monkeypatch


def painted_with(calm: pytest.MonkeyPatch, *paints: Paint, source: tuple[U8, U8]) -> Scene:
    """Paint just that, on ground of a known scale."""
    calm.setattr(lanes_scene, 'ground_from_road', lambda *_: ground())
    calm.setattr(lanes_scene, 'random_lines', lambda *_: paints)
    calm.setattr(lanes_scene, 'random_brush', lambda *_: Brush(0.1, 4.0, 0.0, 3.0, 3.0))
    return paint_scene(*source, rng())


# the ground


@pytest.mark.parametrize('bend', [0.0, 600.0, -900.0])
def test_the_sides_of_a_road_are_found_in_its_mask(bend: float) -> None:
    road = road_from_mask(drawn(bend)[1])
    assert road is not None
    truth = np.array([sides(row, bend) for row in range(FAR, SIZE.height)])
    for across in (0, 1):
        assert np.abs(columns_of(road, across) - truth[:, across]).max() < 4.0


def test_the_horizon_is_where_the_sides_would_meet() -> None:
    road = road_from_mask(drawn()[1])
    assert road is not None
    assert road.horizon == pytest.approx(HORIZON, abs=4.0)


def test_lines_bend_with_the_road() -> None:
    straight, curved = (road_from_mask(drawn(bend)[1]) for bend in (0.0, 900.0))
    assert straight is not None
    assert curved is not None
    for road, bent in ((straight, False), (curved, True)):
        x = columns_of(road, 0.5)
        chord = np.linspace(x[0], x[-1], len(x))
        assert (np.abs(x - chord).max() > 10.0) == bent


def test_a_car_on_the_road_does_not_move_its_sides() -> None:
    mask = drawn()[1]
    mask[100:130, 90:140] = 0
    road = road_from_mask(mask)
    assert road is not None
    truth = np.array([sides(row, 0.0)[0] for row in range(FAR, SIZE.height)])
    assert np.abs(columns_of(road, 0.0) - truth).max() < 4.0


def test_there_is_no_road_in_a_mask_without_one() -> None:
    rows = np.zeros(SIZE, np.uint8)
    rows[120:] = ROAD
    speckle = (rng().random(SIZE) < 0.1).astype(np.uint8)
    assert [road_from_mask(m) for m in (rows, speckle, np.zeros(SIZE, np.uint8))] == [None] * 3


# strips


@given(st.floats(0.5, 7.5), st.floats(0.05, 0.8))
def test_a_strip_covers_exactly_its_area(across: float, width: float) -> None:
    cover = coverage(ground(), [strip(across, width)], SIZE).all
    rows = np.arange(FAR, SIZE.height) + 0.5
    expected = width * SPREAD * (rows - HORIZON) / 8.0
    inside = slice(len(rows) // 3)  # nearer, it may leave the image
    np.testing.assert_allclose(cover[FAR:].sum(axis=1)[inside], expected[inside], rtol=2e-3)


def test_a_strip_converges_to_the_vanishing_point() -> None:
    cover = coverage(ground(), [strip(1.0)], SIZE).all
    centres = [np.average(np.arange(SIZE.width) + 0.5, weights=cover[r]) for r in range(70, 160)]
    slope, start = np.polyfit(np.arange(70, 160) + 0.5 - HORIZON, centres, 1)
    assert start == pytest.approx(MIDDLE, abs=0.5)
    assert slope == pytest.approx(SPREAD * (1 / 8 - 0.5), abs=0.01)


def test_a_strip_thinner_than_a_pixel_is_not_firm() -> None:
    cover = coverage(ground(), [strip(width=0.1)], SIZE)
    row = int(HORIZON + 8.0 / 0.1 / SPREAD)
    assert cover.all[FAR : row - 1].any()
    assert not cover.firm[: row - 1].any()
    assert np.array_equal(cover.firm[row + 1 :], cover.all[row + 1 :])


def test_dashes_are_foreshortened() -> None:
    spans = dashes(Brush(0.1, 4.0, 0.0, 2.0, 2.0), 0.0)
    on = coverage(ground(), [strip(spans=spans)], SIZE).all.max(axis=1) > 0.5
    lengths = [len(run) for run in ''.join('x' if k else ' ' for k in on).split()]
    assert len(lengths) > 4
    assert lengths == sorted(lengths)
    solid = coverage(ground(), [strip()], SIZE).all.max(axis=1) > 0.5
    assert on.sum() < 0.75 * solid.sum()


@given(SEEDS)
def test_random_lines_lie_on_the_ground(seed: int) -> None:
    random = rng(seed)
    here = ground_from_road(ground().road, SIZE, random)
    for paint in random_lines(here, random_brush(here, random), random):
        assert paint.label == LINE
        assert paint.gain > 1.0
        for one in paint.strips:
            assert all(-2.0 < x < here.width_m + 2.0 for x in one.across_m)
            bounds = np.ravel(one.spans)
            assert (np.diff(bounds) > 0).all()


def test_chances_of_styles_are_shares() -> None:
    assert sum(style.between for style in STYLES.values()) == pytest.approx(1.0)
    assert sum(style.at_edge for style in STYLES.values()) == pytest.approx(1.0)


# real markings


def with_stripe(value: int, width_m: float = 0.3) -> tuple[U8, U8, U8]:
    """Return image, mask and where a stripe of the value `value` is drawn along the road."""
    image, mask = drawn()
    stripe = (coverage(ground(), [strip(2.5, width_m)], SIZE).all > 0.5) & (mask == ROAD)
    image[stripe] = np.clip(value + image[stripe].astype(int) - ASPHALT, 0, 255)
    return image, mask, stripe.astype(np.uint8)


@pytest.mark.parametrize('value', [90, 150, 250])
def test_a_bright_stripe_in_the_photo_is_never_taught_as_road(value: int) -> None:
    image, mask, stripe = with_stripe(value)
    for seed in range(8):
        labels = paint_scene(image, mask, rng(seed)).mask
        assert (labels[stripe > 0] != ROAD).mean() > 0.98
        assert (labels[stripe > 0] == IGNORE).any()


def test_a_yellow_stripe_as_bright_as_the_road_is_found() -> None:
    image, mask, stripe = with_stripe(ASPHALT)
    image[stripe > 0] = (75, 70, 25)
    found = ridges(image, mask, road_from_mask(mask))
    assert found[stripe > 0].mean() > 0.9


def test_a_line_just_outside_the_label_is_found() -> None:
    image, mask = drawn()
    edge = coverage(ground(), [strip(-0.12, 0.2)], SIZE).all > 0.5
    edge &= mask == 0
    image[edge] = 220
    found = ridges(image, mask, road_from_mask(mask))
    assert found[100:][edge[100:]].mean() > 0.5


def test_a_stripe_across_the_road_is_found_without_a_road_shape() -> None:
    image, mask = drawn()
    image[150:154][mask[150:154] == ROAD] = 200
    assert ridges(image, mask, None)[151:153][mask[151:153] == ROAD].mean() > 0.9


def test_neither_a_dark_seam_nor_plain_asphalt_is_taken_for_a_marking() -> None:
    for value in (20, ASPHALT):
        image, mask, stripe = with_stripe(value)
        found = ridges(image, mask, road_from_mask(mask))
        assert found[stripe > 0].mean() < 0.05
        assert found[mask == ROAD].mean() < 0.05


# scenes


@pytest.mark.parametrize('seed', range(12))
def test_labels_are_background_road_line_or_none_and_lines_lie_on_the_road(seed: int) -> None:
    image, mask = drawn(bend=300.0, seed=seed)
    mask[200:210, 100:120] = IGNORE
    labels = paint_scene(image, mask, rng(seed)).mask
    assert set(np.unique(labels)) <= {0, ROAD, LINE, IGNORE}
    assert (mask[labels == LINE] == ROAD).all()
    assert (mask[labels == ROAD] == ROAD).all()
    assert (labels[mask == IGNORE] == IGNORE).all()


@pytest.mark.usefixtures('calm')
def test_what_is_labelled_line_became_brighter_and_what_is_road_stayed() -> None:
    image, mask = drawn()
    painted = 0
    for seed in range(20):
        scene = paint_scene(image, mask, rng(seed))
        rise = (scene.image.astype(int) - image)[..., :2].mean(axis=2)
        line = scene.mask == LINE
        near = cv2.dilate((scene.mask != mask).astype(np.uint8), np.ones((13, 13), np.uint8))
        assert np.abs(rise[near == 0]).max() <= 1
        if line.any():
            painted += 1
            assert np.median(rise[line]) >= 8
            assert (rise[line] > 0).mean() > 0.8, 'wear may leave holes'
    assert painted > 15


def test_the_mask_is_exact(calm: pytest.MonkeyPatch) -> None:
    source = drawn()
    scene = painted_with(calm, Paint((strip(),), LINE, 6.0), source=source)
    cover = coverage(ground(), [strip()], SIZE)
    assert np.array_equal(scene.mask == LINE, cover.firm >= 0.5)
    far = (cover.all > 0.1) & (cover.all < 0.5) & (cover.firm == 0)
    assert (scene.mask[far] == IGNORE).all()
    rim = (cover.firm > 0.1) & (cover.firm < 0.5)
    assert (scene.mask[rim][-100:] == ROAD).all(), 'near, less than half paint is road'


@pytest.mark.parametrize('paint', [{'gain': 1.02}, {'gain': 6.0, 'wear': 1.0}])
def test_paint_that_can_hardly_be_seen_is_not_labelled(
    calm: pytest.MonkeyPatch, paint: dict[str, float]
) -> None:
    scene = painted_with(calm, Paint((strip(),), LINE, **paint), source=drawn())
    cover = coverage(ground(), [strip()], SIZE).firm >= 0.5
    assert (scene.mask[cover] == IGNORE).mean() > 0.95


def test_worn_paint_has_holes_and_stays_a_line(calm: pytest.MonkeyPatch) -> None:
    whole, worn = (
        painted_with(calm, Paint((strip(),), LINE, 6.0, wear=wear), source=drawn())
        for wear in (0.0, 0.5)
    )
    line = whole.mask == LINE
    bright = [scene.image[line].mean(axis=1) > 110 for scene in (whole, worn)]
    assert bright[0].mean() > 0.9
    assert 0.3 < bright[1].mean() < 0.8
    assert (worn.mask[line] == LINE).mean() > bright[1].mean()


def test_paint_lies_in_the_shadow_that_its_road_lies_in(calm: pytest.MonkeyPatch) -> None:
    image, mask = drawn()
    image[150:] = image[150:] // 2
    scene = painted_with(calm, Paint((strip(),), LINE, 6.0), source=(image, mask))
    line = scene.mask == LINE
    rows = slice(130, 145), slice(160, 175)
    sunny, shaded = (scene.image[part][line[part]].mean() for part in rows)
    assert shaded / sunny == pytest.approx(0.5, abs=0.08)


def test_an_occluder_stays_before_the_paint(calm: pytest.MonkeyPatch) -> None:
    image, mask = drawn()
    image[130:160, 120:180], mask[130:160, 120:180] = (150, 20, 20), 0
    scene = painted_with(calm, Paint((strip(),), LINE, 6.0), source=(image, mask))
    inside = (slice(131, 159), slice(121, 179))
    assert np.abs(scene.image[inside].astype(int) - image[inside]).max() <= 1
    assert not (scene.mask[inside] == LINE).any()
    assert (scene.mask[165:] == LINE).any()


def test_a_road_too_bright_for_brighter_paint_is_darkened(calm: pytest.MonkeyPatch) -> None:
    source = drawn(asphalt=235)
    scene = painted_with(calm, Paint((strip(),), LINE, 4.0), source=source)
    line, road = scene.mask == LINE, scene.mask == ROAD
    assert line.any()
    assert scene.image[line].mean() > scene.image[road].mean() + 60


@pytest.mark.parametrize('row', DISTRACTORS, ids=lambda row: row[2].__name__)
def test_what_looks_like_a_line_but_is_none_stays_road(calm: pytest.MonkeyPatch, row) -> None:
    image, mask = drawn()
    changed = 0
    for seed in range(6):
        paint = row[2](ground(), rng(seed))
        assert paint.label == ROAD
        calm.setattr(lanes_scene, 'random_distractors', lambda *_, paint=paint: (paint,))
        scene = painted_with(calm, source=(image, mask))
        bare = np.where(scene.real > 0, IGNORE, mask)
        assert np.array_equal(scene.mask, bare)
        changed += (scene.image != image).any()
    assert changed


@pytest.mark.parametrize('row', EXTRAS, ids=lambda row: row[2].__name__)
def test_other_paint_is_labelled_as_the_table_says(calm: pytest.MonkeyPatch, row) -> None:
    seen = 0
    for seed in range(6):
        strips = tuple(row[2](ground(), random_brush(ground(), rng(seed)), rng(seed)))
        scene = painted_with(calm, Paint(strips, row[1], 8.0), source=drawn())
        fresh = (scene.mask == LINE) | ((scene.mask == IGNORE) & (scene.real == 0))
        assert not ((scene.mask == LINE).any() and row[1] == IGNORE)
        seen += (scene.mask[fresh] == row[1]).any()
    assert seen


def test_without_a_road_nothing_is_painted() -> None:
    image = drawn()[0]
    scene = paint_scene(image, np.zeros(SIZE, np.uint8), rng())
    assert not scene.has_road
    assert np.array_equal(scene.image, image)
    assert not scene.mask.any()


@given(st.floats(0.9, 2.2))
def test_the_blur_of_a_photo_is_measured(sigma: float) -> None:
    sharp = np.zeros((120, 160, 3), np.uint8)
    cv2.fillPoly(sharp, [np.array([[30, 20], [140, 45], [80, 110]])], (200, 200, 200))
    blurred = cv2.GaussianBlur(sharp, (0, 0), sigma)
    assert blur_from_image(blurred) == pytest.approx(sigma, abs=0.35)


def test_the_seed_alone_decides() -> None:
    source = drawn()
    for seed in range(5):
        first, again, other = (paint_scene(*source, rng(s)) for s in (seed, seed, seed + 100))
        assert np.array_equal(first.image, again.image)
        assert np.array_equal(first.mask, again.mask)
        assert not np.array_equal(first.image, other.image)

"""Other places: skies, pavements and colours change, lines and what is labelled road do not."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.frame import U8
from unet_perception.core.geometry import Size
from unet_perception.core.scores import IGNORE
from unet_perception.training.synthetic import lanes_scene, lanes_world
from unet_perception.training.synthetic.lanes_clouds import KINDS, random_sky
from unet_perception.training.synthetic.lanes_ground import Road, road_from_mask
from unet_perception.training.synthetic.lanes_paving import (
    KERB,
    MATERIALS,
    Spot,
    random_paving,
    textured,
)
from unet_perception.training.synthetic.lanes_recolor import RESTS, ROADS, recolored
from unet_perception.training.synthetic.lanes_scene import Scene, paint_scene
from unet_perception.training.synthetic.lanes_sky import sky_from_photo, under_new_sky
from unet_perception.training.synthetic.paint_layout import ROAD
from unet_perception.training.synthetic.paint_strips import Ground
from unet_perception.training.synthetic.paint_surface import places, random_tile

SIZE = Size(240, 320)
FAR, HORIZON, MIDDLE, SPREAD = 90, 82.0, 150.0, 1.4
TREES = 60  # row of the tops
MEADOW, SKY = (70, 95, 50), (150, 185, 240)
CHANCES = {
    'PAVEMENT': lanes_scene,
    'PARALLEL': lanes_scene,
    'SHADOWS': lanes_scene,
    'GLARE': lanes_scene,
    'NEW_SKY': lanes_world,
    'LOWERED': lanes_world,
    'RECOLORED': lanes_world,
}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(sky: tuple[int, int, int] = SKY) -> tuple[U8, U8]:
    """Draw sky, trees, meadow and a road of grainy asphalt, RGB, and its mask."""
    image = np.full((*SIZE, 3), MEADOW, np.float64)
    mask = np.zeros(SIZE, np.uint8)
    columns = np.arange(SIZE.width) + 0.5
    for row in range(FAR, SIZE.height):
        mask[row, np.abs(columns - MIDDLE) < SPREAD * (row + 0.5 - HORIZON) / 2] = ROAD
    image[mask == ROAD] = 60
    image[TREES:FAR] = (30, 45, 25)
    image += rng().normal(0.0, 2.5, (*SIZE, 1))
    image[:TREES] = sky
    return np.clip(image, 0, 255).astype(np.uint8), mask


def shape() -> Road:
    road = road_from_mask(drawn()[1])
    assert road is not None
    return road


def light_of(image: U8) -> np.ndarray:
    return (image.astype(np.float32) / 255) ** 2


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch):
    """Return a function that sets the chances named to 1 and all others to 0."""

    def set_chances(*names: str) -> None:
        for name, module in CHANCES.items():
            monkeypatch.setattr(module, name, float(name in names))

    return set_chances


def painted(only, *names: str, seed: int = 0) -> Scene:
    only(*names)
    return paint_scene(*drawn(), rng(seed))


# skies


def test_the_sky_is_found_down_to_the_trees() -> None:
    image, mask = drawn()
    sky = sky_from_photo(image, light_of(image), mask, shape())
    assert sky is not None
    assert sky.matte[: TREES - 4].min() > 0.95
    assert sky.matte[TREES + 4 :].max() < 0.05


def test_the_sky_in_the_frame_of_a_turned_photo_is_found() -> None:
    image, mask = drawn()
    rows, columns = np.indices(SIZE)
    image[rows < 0.15 * (columns - 160)] = 0
    image[columns < 0.15 * (120 - rows)] = 0
    sky = sky_from_photo(image, light_of(image), mask, shape())
    assert sky is not None
    assert sky.matte[45:56, 20:].min() > 0.9
    assert sky.matte[2].mean() > 0.9, 'sky takes the place of the frame above it'


@pytest.mark.parametrize(
    'sky', [MEADOW, (30, 45, 25), (42, 57, 37)], ids=['meadow', 'trees', 'mist']
)
def test_where_nothing_stands_out_no_sky_is_found(sky: tuple[int, int, int]) -> None:
    image, mask = drawn(sky)
    assert sky_from_photo(image, light_of(image), mask, shape()) is None


def test_what_touches_the_road_is_no_sky() -> None:
    image, mask = drawn()
    image[TREES:FAR] = SKY
    sky = sky_from_photo(image, light_of(image), mask, shape())
    assert sky is None or sky.matte[mask == ROAD].max() == 0


def test_under_a_new_sky_all_else_is_tinted_as_one() -> None:
    image, mask = drawn()
    light = light_of(image)
    sky = sky_from_photo(image, light, mask, shape())
    assert sky is not None
    changed = under_new_sky(light, sky, HORIZON, rng())
    tint = changed[TREES + 4 :] / light[TREES + 4 :]
    assert np.ptp(tint, axis=(0, 1)).max() < 1e-3
    assert np.abs(changed[: TREES - 4] - light[: TREES - 4]).mean() > 0.02


@given(st.integers(0, 2**32))
def test_skies_differ_and_their_seed_alone_decides(seed: int) -> None:
    first, again, other = (random_sky((40, 60), 30.0, rng(s)) for s in (seed, seed, seed + 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.isfinite(first).all()
    assert (first >= 0).all()


def test_a_lowered_photo_takes_its_labels_along(only) -> None:
    image, mask = drawn()
    moved = 0
    for seed in range(6):
        only('NEW_SKY', 'LOWERED')
        scene = paint_scene(image, mask, rng(seed))
        rows = int(np.flatnonzero(scene.road.any(axis=1))[0]) - FAR
        assert np.array_equal(scene.road[rows:], mask[: SIZE.height - rows])
        assert not scene.road[:rows].any()
        assert not scene.mask[scene.road == 0].any()
        moved += rows > 0
    assert 4 <= moved <= 6, 'where the road would leave the picture, a photo stays'


# lines


@pytest.mark.parametrize('names', [('NEW_SKY',), ('PAVEMENT', 'PARALLEL')])
def test_lines_are_the_same_in_any_place(only, names: tuple[str, ...]) -> None:
    differ = 0
    for seed in range(6):
        here, there = painted(only, seed=seed), painted(only, *names, seed=seed)
        is_sure = (here.mask != IGNORE) & (there.mask != IGNORE)
        assert np.array_equal(here.mask[is_sure], there.mask[is_sure])
        assert (here.mask != there.mask).mean() < 0.01, 'a tint moves what can just be seen'
        differ += not np.array_equal(here.image, there.image)
    assert differ > 3


# pavements


def test_pavements_are_background_and_leave_the_road_as_it_is(only) -> None:
    changed = 0
    for seed in range(8):
        bare, paved = painted(only, seed=seed), painted(only, 'PAVEMENT', 'PARALLEL', seed=seed)
        road, rest = paved.road > 0, paved.road == 0
        assert np.array_equal(paved.image[road], bare.image[road])
        assert np.array_equal(paved.mask[road], bare.mask[road])
        assert not paved.mask[rest].any()
        changed += (paved.image[rest] != bare.image[rest]).any(axis=1).mean() > 0.01
    assert changed >= 6


def test_a_pavement_lies_below_the_horizon(only) -> None:
    for seed in range(4):
        bare, paved = painted(only, seed=seed), painted(only, 'PAVEMENT', seed=seed)
        assert np.array_equal(bare.image[:FAR], paved.image[:FAR])


def test_without_background_there_is_no_pavement(only) -> None:
    image, mask = drawn()
    mask[mask == 0] = 255
    only('PAVEMENT', 'PARALLEL')
    paved = paint_scene(image, mask, rng())
    assert np.array_equal(paved.image[mask == 255], image[mask == 255])


def spot() -> Spot:
    """Return the ground to the right of the drawn road, 8 m wide."""
    road = Road(HORIZON, FAR, -SPREAD / 2, SPREAD / 2, MIDDLE, 0.0, 0.0)
    ground = Ground(road, 8.0, 400.0, 0.0, 400.0 / (SIZE.height - HORIZON))
    where = places(ground, SIZE)
    scale = road.widths(np.arange(FAR, SIZE.height) + 0.5)[:, None] / 8.0
    return Spot(where, where.across - np.float32(8.0), scale.astype(np.float32))


@pytest.mark.parametrize('material', [*MATERIALS.values(), KERB])
def test_paving_has_its_tint_on_average_and_loses_its_stones_far_away(material) -> None:
    paving = random_paving(material, rng(1))._replace(grain=0.0, joint_m=0.0)
    tone = textured(paving, spot(), random_tile(rng()))
    np.testing.assert_allclose(tone.mean(axis=(0, 1)) / paving.tint, 1.0, atol=0.05)
    if material.along[1] and material is not KERB:
        far, near = tone[:4, :, 0].std(), tone[-60:, :, 0].std()
        assert far < near


# colours


@pytest.mark.parametrize('table', [ROADS, RESTS], ids=['road', 'rest'])
def test_other_colours_stay_on_their_side(monkeypatch: pytest.MonkeyPatch, table) -> None:
    monkeypatch.setattr(
        'unet_perception.training.synthetic.lanes_recolor.ROAD_SHARE', float(table is ROADS)
    )
    image, mask = drawn()
    light = light_of(image)
    inside = np.zeros(SIZE, bool)
    inside[170:230, 110:190] = True
    outside = np.zeros(SIZE, bool)
    outside[:TREES] = True
    changed = recolored(light, mask, rng(3))
    same, other = (outside, inside) if table is ROADS else (inside, outside)
    np.testing.assert_allclose(changed[same], light[same], atol=1e-4)
    assert np.abs(changed[other] - light[other]).mean() > 0.003


def test_chances_of_skies_materials_and_colours_are_shares() -> None:
    for table in (KINDS, MATERIALS, ROADS, RESTS):
        assert sum(row.share for row in table.values()) == pytest.approx(1.0)


def test_the_seed_alone_decides_on_the_place(only) -> None:
    for seed in range(3):
        scenes = [painted(only, *CHANCES, seed=s) for s in (seed, seed, seed + 50)]
        assert np.array_equal(scenes[0].image, scenes[1].image)
        assert np.array_equal(scenes[0].mask, scenes[1].mask)
        assert not np.array_equal(scenes[0].image, scenes[2].image)


def test_a_photo_that_must_stay_as_it_is_gets_the_same_lines_and_nothing_else() -> None:
    image, mask = drawn()
    changed = []
    for seed in range(20):
        moved, stays = (paint_scene(image, mask, rng(seed), is_elsewhere=e) for e in (True, False))
        background = (stays.mask == 0) & (mask == 0)
        assert np.abs(stays.image[background].astype(int) - image[background]).max() <= 1
        changed.append(bool(np.any(moved.image[background] != stays.image[background])))
    assert sum(changed) > 5


def test_a_road_never_leaves_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_world, '_LOWER', (0.9, 0.95))
    for name, module in CHANCES.items():
        monkeypatch.setattr(module, name, float(name in ('NEW_SKY', 'LOWERED')))
    image, mask = drawn()
    for seed in range(4):
        assert np.array_equal(paint_scene(image, mask, rng(seed)).road, mask == ROAD)

"""Streets: seeds decide every byte, the mask is the road's geometry, what is nearer hides it."""

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.cli.main import main
from unet_perception.core.geometry import Size
from unet_perception.core.scores import F64
from unet_perception.training.labels import classes_from_folder, groups_from_folder
from unet_perception.training.synthetic.lanes import LANE_CLASSES
from unet_perception.training.synthetic.lanes_ground import road_from_mask
from unet_perception.training.synthetic.streets_bodies import SHAPES
from unet_perception.training.synthetic.streets_buildings import DRAWERS, SIZES, build_sides
from unet_perception.training.synthetic.streets_camera import Camera, random_camera
from unet_perception.training.synthetic.streets_canvas import ROAD, Canvas, Face, clipped
from unet_perception.training.synthetic.streets_facades import GRAIN_DRAWERS, GROUND_DRAWERS
from unet_perception.training.synthetic.streets_ground import Shade, Site, paint_ground
from unet_perception.training.synthetic.streets_layout import Layout, SideRoad, random_layout
from unet_perception.training.synthetic.streets_light import KINDS, Light
from unet_perception.training.synthetic.streets_scene import picture_from_seed
from unet_perception.training.synthetic.streets_sprites import POLES, cyclist, person, tree
from unet_perception.training.synthetic.streets_stage import UP, Stage, one_texel, upright
from unet_perception.training.synthetic.streets_style import FAR, SHARES, STYLES, Style, Zone
from unet_perception.training.synthetic.streets_surfaces import (
    PAVEMENTS,
    ROADS,
    asphalt,
    grass,
    rough,
    surface_from_tile,
)
from unet_perception.training.synthetic.streets_things import furnish
from unet_perception.training.synthetic.streets_vehicles import Vehicle, park
from unet_perception.training.synthetic.streets_walls import WALLS
from unet_perception.training.synthetic.streets_wear import KINDS as WEAR
from unet_perception.training.synthetic.streets_wear import SHAPE, random_wear

SIZE = Size(96, 160)
RED, BLUE, GREY = one_texel((255, 0, 0)), one_texel((0, 0, 255)), (90, 90, 90)
STRAIGHT = Layout(width=7.0, offset=1.5, curvature=0.0, twist=0.0, rise=0.0)
CROSSING = SideRoad(20.0, 0.1, 6.0, has_left=True, has_right=False, is_end=False, radius=3.0)
SEEDS = st.integers(0, 2**32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def camera(height: float = 1.5) -> Camera:
    level = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    return Camera(SIZE, 100.0, np.array([0.0, height, 0.0]), level)


def site(layout: Layout = STRAIGHT) -> Site:
    """Return a road between asphalt of its own colour: nothing but geometry tells them apart."""
    same = asphalt(GREY, rng())
    zones = (Zone(2.0, same), Zone(FAR, same))
    return Site(layout, same, np.ones(SHAPE, np.float32), zones, zones, 0.0)


def canvas(layout: Layout = STRAIGHT) -> Canvas:
    """Return a canvas with a road on it."""
    painted = Canvas(camera())
    paint_ground(painted, site(layout))
    return painted


def light(kind: str = '_sunny') -> Light:
    return next(draw for draw in KINDS if draw.__name__ == kind)(rng())


def stage(layout: Layout = STRAIGHT, kind: str = '_sunny') -> Stage:
    painted, weather = canvas(layout), light(kind)
    return Stage(painted, Shade(painted, layout, weather), site(layout), weather)


def board(away: float, half: float = 1.0) -> F64:
    """Return an upright square in the middle of the view, (4, 3)."""
    return upright(np.array([-half, 0.5, away]), np.array([half, 0.5, away]), 2 * half)


# the picture


def test_seed_and_scene_decide_every_byte() -> None:
    first, again = (picture_from_seed(SIZE, 3, 1) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    for seed, scene in ((4, 1), (3, 2)):
        other = picture_from_seed(SIZE, seed, scene)
        assert not np.array_equal(first.image, other.image)
        assert not np.array_equal(first.mask, other.mask)


def test_pictures_show_a_road_and_much_else() -> None:
    shares = []
    for scene in range(8):
        image, mask = picture_from_seed(SIZE, 11, scene)
        assert image.shape == (*SIZE, 3)
        assert set(np.unique(mask)) == {0, 1}
        assert image.std() > 5
        shares.append(mask.mean())
        rows = np.flatnonzero(mask.any(axis=1))
        assert rows.mean() > SIZE.height / 2, 'a road lies in the lower half'
    assert 0.15 < np.median(shares) < 0.6
    assert min(shares) >= 0.02


def test_a_street_without_a_road_in_view_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from unet_perception.training.synthetic import streets_scene

    empty = streets_scene.Picture(np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8))
    good = empty._replace(mask=np.ones(SIZE, np.uint8))
    drawn = iter([empty, empty, good])
    monkeypatch.setattr(streets_scene, '_picture', lambda *_: next(drawn))
    assert streets_scene.picture_from_seed(SIZE, 0, 0) is good


# the ground


def test_the_mask_of_a_straight_road_is_a_trapezoid_to_the_pixel() -> None:
    labels = canvas().labels
    rows, columns = np.mgrid[: SIZE.height, : SIZE.width] + 0.5
    below = rows - SIZE.height / 2
    right = (columns - SIZE.width / 2) * 1.5 / np.maximum(below, 1e-6)
    expected = (below > 1.5 * 100 / 3000) & (np.abs(right + 1.5) < 3.5)
    assert np.array_equal(labels == ROAD, expected)


def test_a_pavement_of_the_road_s_own_surface_is_background() -> None:
    painted = canvas()
    near = painted.color[-10:].astype(int).mean(axis=2)
    on, off = (near[painted.labels[-10:] == k].mean() for k in (ROAD, 0))
    assert abs(on - off) < 8, 'no colour tells them apart'
    assert 0.1 < painted.labels.mean() < 0.45


@given(SEEDS)
@settings(max_examples=20)
def test_what_is_road_lies_within_the_layout(seed: int) -> None:
    layout = random_layout((1, 6), 0.5, rng(seed))
    painted = Canvas(random_camera(SIZE, rng(seed)))
    ground = paint_ground(painted, site(layout))
    if ground is not None:
        beyond = layout.beyond(ground.right, ground.ahead)
        assert np.array_equal(painted.labels[ground.top :] == ROAD, (beyond < 0) & ground.is_met)
        assert not painted.labels[: ground.top].any()


@given(SEEDS, st.floats(-15, 15), st.floats(1, 120))
def test_street_coordinates_and_the_middle_agree(seed: int, across: float, ahead: float) -> None:
    layout = random_layout((1, 6), 0.0, rng(seed))._replace(curvature=0.002, twist=0.0)
    x, _, z = layout.point(across, ahead).astype(np.float32)[:, None]
    assert layout.across(x, z)[0] == pytest.approx(across, abs=0.6)
    is_on = abs(across) < layout.width / 2 - 0.6
    assert not is_on or layout.beyond_at(layout.point(across, ahead)) < 0


def test_a_side_road_is_road_on_its_own_side_alone() -> None:
    layout = STRAIGHT._replace(side=CROSSING)
    left, right = (np.array([x, 0.0, 20.0]) for x in (-14.0, 14.0))
    assert layout.beyond_at(left) < 0 < layout.beyond_at(right)
    assert STRAIGHT.beyond_at(left) > 0


def test_a_road_that_ends_has_no_road_beyond_its_end() -> None:
    side = CROSSING._replace(has_right=True, is_end=True)
    layout = STRAIGHT._replace(side=side)
    assert layout.beyond_at(np.array([-1.5, 0.0, 15.0])) < 0
    assert layout.beyond_at(np.array([-1.5, 0.0, 30.0])) > 0


def test_what_lies_behind_a_crest_is_not_seen() -> None:
    descent = np.linspace(-0.1, 0.5, 400, dtype=np.float32)
    flat, crest, dip = (
        STRAIGHT._replace(rise=rise).nearness(descent, 1.5) for rise in (0.0, -1e-3, 1e-3)
    )
    assert np.allclose(flat[descent > 0.01], descent[descent > 0.01] / 1.5, rtol=1e-2)
    assert (flat[descent < 0] == 0).all()
    farthest = [1 / met[met > 0].min() for met in (flat, crest)]
    assert farthest[1] < 0.2 * farthest[0]
    assert (dip[descent < 0] > 0).any(), 'ground that rises is seen above the horizon'


@pytest.mark.parametrize('maker', [*ROADS, *PAVEMENTS, grass], ids=lambda maker: maker.__name__)
def test_a_surface_differs_by_seed_and_goes_on_at_its_border(maker) -> None:
    first, again, other = (maker((120, 110, 100), rng(seed)).levels[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    tone = first.astype(int).mean(axis=2)
    inside = np.abs(np.diff(tone, axis=1)).mean(axis=0)
    assert np.abs(tone[:, 0] - tone[:, -1]).mean() <= inside.max() + 3


def test_noise_has_its_spread() -> None:
    noise = rough(rng(), 128, {4: 1.0, 128: 0.5})
    assert noise.mean() == pytest.approx(0, abs=1e-3)
    assert noise.std() == pytest.approx(1, abs=1e-3)


def test_a_surface_keeps_its_tone_at_all_distances() -> None:
    levels = surface_from_tile(asphalt(GREY, rng()).levels[0], 5.0).levels
    means = [level.mean() for level in levels]
    assert len(levels) > 5
    assert max(means) - min(means) < 3


@pytest.mark.parametrize('draw', WEAR, ids=lambda draw: draw.__name__)
def test_wear_changes_the_road_and_leaves_it_visible(draw) -> None:
    changed = 0
    for seed in range(5):
        sheet = np.ones(SHAPE, np.float32)
        draw(sheet, 7.0, rng(seed))
        changed += (sheet != 1).any()
        assert sheet.min() > 0.05
    assert changed == 5
    assert not np.array_equal(random_wear(7.0, rng(0)), random_wear(7.0, rng(1)))


# what stands on it


@pytest.mark.parametrize('is_near_first', [True, False])
def test_what_is_nearer_hides_what_is_behind_in_any_order(is_near_first: bool) -> None:
    faces = [Face(board(5.0, 0.5), RED), Face(board(10.0, 2.0), BLUE)]
    painted = canvas()
    for face in faces if is_near_first else reversed(faces):
        painted.paint(face)
    middle = (48 + 5, 80)
    assert tuple(painted.color[middle]) == (255, 0, 0)
    assert painted.nearness[middle] == pytest.approx(1 / 5, rel=1e-3)
    assert (painted.color == BLUE[0, 0]).all(axis=2).any()


def test_a_face_on_the_road_is_background_and_the_road_around_it_stays() -> None:
    before, painted = canvas(), canvas()
    painted.paint(Face(upright(np.array([-3.0, 0.0, 8.0]), np.array([0.0, 0.0, 8.0]), 1.2), RED))
    is_face = (painted.color == (255, 0, 0)).all(axis=2)
    assert is_face.sum() > 300
    assert not painted.labels[is_face].any()
    assert np.array_equal(painted.labels[~is_face], before.labels[~is_face])


def test_a_face_that_the_ground_hides_is_not_seen() -> None:
    painted = canvas()
    below = board(8.0) - np.array([0.0, 5.0, 0.0])
    painted.paint(Face(below, RED))
    assert not (painted.color == (255, 0, 0)).all(axis=2).any()


def test_a_texture_lies_upright_on_its_face() -> None:
    quarters = np.zeros((64, 64, 3), np.uint8)
    quarters[:32, :32], quarters[32:, 32:] = (255, 0, 0), (0, 0, 255)
    painted = canvas()
    painted.paint(Face(board(5.0), quarters))
    rows, columns = np.nonzero((painted.color == (255, 0, 0)).all(axis=2))
    assert rows.mean() < 48 - 10
    assert columns.mean() < 80
    rows, columns = np.nonzero((painted.color == (0, 0, 255)).all(axis=2))
    assert columns.mean() > 80


def test_a_wall_that_begins_behind_the_camera_is_cut_at_its_nearest() -> None:
    wall = upright(np.array([3.0, 0.0, -10.0]), np.array([3.0, 0.0, 30.0]), 4.0)
    assert clipped(wall, np.array([0.0, 0.0, 1.0]), 0.25)[:, 2].min() == pytest.approx(0.25)
    painted = canvas()
    painted.paint(Face(wall, RED))
    is_wall = (painted.color == (255, 0, 0)).all(axis=2)
    assert is_wall[48, -1]
    assert not is_wall[:, :80].any()
    depth = 1 / painted.nearness[48]
    columns = np.flatnonzero(is_wall[48])
    assert depth[columns] == pytest.approx(3.0 * 100 / (columns + 0.5 - 80), rel=1e-3)


def solid(shape: str = 'hatchback') -> Vehicle:
    body = SHAPES[shape]
    size = np.array([np.mean(span) for span in (body.length, body.height, body.width)])
    return Vehicle(body, size, (200, 30, 30), (60, 70, 80), is_lit=False)


@pytest.mark.parametrize('shape', SHAPES)
def test_a_vehicle_covers_the_road_it_stands_on(shape: str) -> None:
    bare, street = canvas(), stage()
    park(street, solid(shape), np.array([-1.5, 0.0, 12.0]), np.array([0.0, 0.0, 1.0]))
    hidden = (bare.labels == ROAD) & (street.canvas.labels == 0)
    assert hidden.sum() > 100
    assert (street.canvas.color[hidden] != bare.color[hidden]).any(axis=1).mean() > 0.99
    assert not ((bare.labels == 0) & (street.canvas.labels == ROAD)).any()


def test_shadows_darken_the_ground_and_stay_road() -> None:
    street = stage(kind='_sunny')
    before = street.canvas.color.copy()
    street.shade.cast(upright(np.array([-4.0, 0.0, 8.0]), np.array([1.0, 0.0, 8.0]), 3.0))
    street.shade.apply(street.canvas.color, street.canvas.nearness > 0)
    is_darker = (street.canvas.color < before).all(axis=2)
    assert is_darker.any()
    assert (street.canvas.color <= before).all()
    assert np.array_equal(street.canvas.labels, canvas().labels)


def test_without_sun_nothing_casts_a_shadow() -> None:
    street = stage(kind='_overcast')
    before = street.canvas.color.copy()
    street.shade.cast(board(8.0))
    street.shade.apply(street.canvas.color, street.canvas.nearness > 0)
    assert np.array_equal(street.canvas.color, before)


@pytest.mark.parametrize('draw', [tree, person, cyclist, *POLES], ids=lambda draw: draw.__name__)
def test_a_sprite_stands_on_its_foot_and_is_seen(draw) -> None:
    for seed in range(5):
        sprite = draw(rng(seed))
        opaque = sprite.alpha > 127
        assert opaque[-max(2, len(opaque) // 8) :].any()
        assert opaque.mean() > 0.02


@pytest.mark.parametrize('name', STYLES)
def test_no_building_and_no_tree_stands_on_the_road(name: str) -> None:
    layout = STRAIGHT._replace(side=CROSSING)
    street = stage(layout, '_overcast')
    style: Style = STYLES[name]._replace(traffic=(0, 0), parked=0.0, people=0.0)
    for seed in range(3):
        build_sides(street, style, rng(seed))
        furnish(street, style, rng(seed))
    lane = np.zeros((*SIZE,), bool)
    lane[70:, 70:80] = True
    assert (street.canvas.labels[lane] == canvas(layout).labels[lane]).all()


def test_tables_agree() -> None:
    kinds = {kind for style in STYLES.values() for kind in style.buildings} - {'none'}
    assert kinds == set(DRAWERS) == set(SIZES)
    assert {kind for style in STYLES.values() for kind in style.walls} - {'none'} == set(WALLS)
    assert set(SHARES) == set(STYLES)
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert sum(KINDS.values()) == pytest.approx(1.0)
    assert GROUND_DRAWERS
    assert GRAIN_DRAWERS
    assert (UP == (0, 1, 0)).all()


# the folder


def drawn(folder: Path, *words: str) -> Path:
    assert main(['synth', 'streets', str(folder), '--size', '96', '160', *words]) == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob('*') if f.is_file()}


def test_a_folder_repeats_by_seed_and_its_classes_are_those_of_lanes(tmp_path: Path) -> None:
    words = ('--images', '3', '--seed')
    first, again, other = (
        drawn(tmp_path / name, *words, seed)
        for name, seed in (('first', '5'), ('again', '5'), ('other', '6'))
    )
    assert contents(first) == contents(again)
    assert contents(first) != contents(other)
    assert list(classes_from_folder(first)) == list(LANE_CLASSES[:2])
    groups = groups_from_folder(first)
    assert len(groups) == len(set(groups.values())) == 3
    recipe = json.loads((first / 'synthesis.json').read_text())
    assert '--seed 5 --size 96 160' in recipe['command']


@pytest.mark.parametrize('height', [1.0, 1.6, 2.2])
def test_lanes_finds_both_sides_of_a_straight_road(height: float) -> None:
    painted = Canvas(camera(height))
    paint_ground(painted, site())
    road = road_from_mask(painted.labels)
    assert road is not None
    row = np.array([60.5])
    for across, right in ((0.0, -5.0), (1.0, 2.0)):
        expected = SIZE.width / 2 + right * (row[0] - 48) / height
        assert road.columns(row, across)[0] == pytest.approx(expected, abs=2.0)


def test_json_tells_what_was_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn(tmp_path / 'streets', '--images', '2', '--json')
    told = json.loads(capsys.readouterr().out)
    assert told['images'] == 2
    assert 0 < told['road_share']['p5'] <= told['road_share']['p95'] < 1


@pytest.mark.parametrize(
    ('words', 'reason'),
    [
        (('--images', '0'), 'draws nothing'),
        (('--seed', '-1'), 'give 0 or more'),
        (('--size', '32', '512'), '64 to 2048 pixels'),
    ],
)
def test_what_cant_be_drawn_is_refused_with_a_reason(
    words: tuple[str, ...], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['synth', 'streets', str(tmp_path / 'out'), *words]) == 2
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

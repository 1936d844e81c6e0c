"""`synth lanes`: a folder in, a folder out, whole or not at all, and the same every time."""

import argparse
from collections.abc import Callable
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from unet_perception.cli import synth_lanes
from unet_perception.errors import DataError, RequestError, UnetPerceptionError
from unet_perception.training.dataset import pairs_from_folder, read_pair
from unet_perception.training.labels import classes_from_folder, groups_from_folder
from unet_perception.training.split import split_of_folder

HEIGHT, WIDTH = 160, 200
CLASSES = 'classes: [{id: 0, name: road}, {id: 1, name: sky}, {id: 2, name: meadow}]'
ROAD, SKY, MEADOW = range(3)


def write_roads(root: Path, names: tuple[str, ...] = ('2', '10')) -> Path:
    """Write photos of a straight road; its class has another id than in the result."""
    for part in ('images', 'masks'):
        (root / part).mkdir(parents=True)
    mask = np.full((HEIGHT, WIDTH), SKY, np.uint8)
    mask[40:] = MEADOW
    cv2.fillPoly(mask, [np.array([[95, 40], [105, 40], [190, 159], [10, 159]])], (ROAD,))
    mask[60:70, 90:100] = 255
    for k, name in enumerate(names):
        grain = np.random.default_rng(k).normal(0, 3, (HEIGHT, WIDTH, 1))
        image = np.where((mask == ROAD)[..., None], 70, (60, 100, 60)) + grain
        cv2.imwrite(str(root / 'images' / f'{name}.png'), image.clip(0, 255).astype(np.uint8))
        cv2.imwrite(str(root / 'masks' / f'{name}.png'), mask)
    (root / 'classes.yaml').write_text(CLASSES)
    return root


def synth(*words: object) -> int:
    parser = argparse.ArgumentParser()
    synth_lanes.add_arguments(parser)
    return synth_lanes.run(parser.parse_args([str(word) for word in words]))


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in root.rglob('*')
        if file.is_file()
    }


@pytest.fixture(scope='module')
def roads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roads(tmp_path_factory.mktemp('roads') / 'data')


def test_the_result_is_a_data_folder_in_the_order_of_its_source(
    roads: Path, tmp_path: Path
) -> None:
    assert synth(roads, tmp_path / 'out', '--variants', 2) == 0
    classes = [entry.name for entry in classes_from_folder(tmp_path / 'out')]
    assert classes == ['background', 'road', 'line']
    pairs = pairs_from_folder(tmp_path / 'out')
    assert [pair.name for pair in pairs] == ['2_0', '2_1', '10_0', '10_1']
    for pair in pairs:
        image, mask = read_pair(pair, len(classes))
        assert image.shape == (HEIGHT, WIDTH, 3)
        assert (mask[:30] == 0).all(), 'the sky is background'
        assert (mask[62:68, 92:98] == 255).all(), 'what had no label has none'
        assert (mask == 1).mean() > 0.2


def test_variants_of_a_photo_are_one_group(roads: Path, tmp_path: Path) -> None:
    synth(roads, tmp_path / 'out', '--variants', 2)
    assert groups_from_folder(tmp_path / 'out') == {
        '2_0': '2', '2_1': '2', '10_0': '10', '10_1': '10'
    }  # fmt: skip


def test_groups_of_the_source_are_kept(tmp_path: Path) -> None:
    roads = write_roads(tmp_path / 'roads')
    (roads / 'groups.csv').write_text('name,group\n2,monday\n10,tuesday\n')
    synth(roads, tmp_path / 'out')
    assert groups_from_folder(tmp_path / 'out') == {'2_0': 'monday', '10_0': 'tuesday'}


def test_the_same_command_writes_the_same_bytes_and_another_seed_others(
    roads: Path, tmp_path: Path
) -> None:
    for name, seed in (('first', 3), ('again', 3), ('other', 4)):
        synth(roads, tmp_path / name, '--seed', seed)
    first, again, other = (contents(tmp_path / name) for name in ('first', 'again', 'other'))
    assert first == again
    for name in ('images/2_0.jpg', 'images/10_0.jpg'):
        assert first[name] != other[name]


def test_an_image_depends_on_its_source_and_variant_alone(roads: Path, tmp_path: Path) -> None:
    few = write_roads(tmp_path / 'few', ('2',))
    synth(few, tmp_path / 'one')
    synth(roads, tmp_path / 'all', '--variants', 2)
    one, all_ = contents(tmp_path / 'one'), contents(tmp_path / 'all')
    for name in ('images/2_0.jpg', 'masks/2_0.png'):
        assert one[name] == all_[name]
    assert all_['images/2_0.jpg'] != all_['images/2_1.jpg']


def test_how_to_make_the_folder_again_lies_in_it(roads: Path, tmp_path: Path) -> None:
    synth(roads, tmp_path / 'out', '--seed', 7)
    told = json.loads((tmp_path / 'out' / 'synthesis.json').read_text())
    assert told['command'] == 'unet_perception synth lanes ROADS OUT --variants 1 --seed 7'
    assert set(told['versions']) == {'unet_perception', 'python', 'numpy', 'opencv'}


def test_the_version_of_the_source_is_its_content_not_its_place(tmp_path: Path) -> None:
    hashes = []
    for place, names in (('a', '12'), ('b', '12'), ('c', '13')):
        synth(write_roads(tmp_path / place, tuple(names)), tmp_path / f'out_{place}')
        recipe = json.loads((tmp_path / f'out_{place}' / 'synthesis.json').read_text())
        hashes.append(recipe['sources'][0]['sha256'])
    assert hashes[0] == hashes[1] != hashes[2]


def test_json_tells_what_was_written_and_nothing_else_is_printed(
    roads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synth(roads, tmp_path / 'out', '--json')
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told['images'], told['without_plausible_road'], err) == (2, 0, '')
    assert 0 < told['line_share'] < 0.3
    assert 0 <= told['real_share'] <= told['ignored_share'] < 0.3


def test_a_photo_without_a_plausible_road_passes_unpainted_and_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roads = write_roads(tmp_path / 'roads', ('a', 'b'))
    plaza = np.full((HEIGHT, WIDTH), MEADOW, np.uint8)
    plaza[80:] = ROAD
    cv2.imwrite(str(roads / 'masks' / 'b.png'), plaza)
    synth(roads, tmp_path / 'out', '--json')
    assert json.loads(capsys.readouterr().out)['without_plausible_road'] == 1
    assert 2 not in cv2.imread(str(tmp_path / 'out' / 'masks' / 'b_0.png'), cv2.IMREAD_UNCHANGED)


def test_an_empty_folder_may_be_filled(roads: Path, tmp_path: Path) -> None:
    (tmp_path / 'out').mkdir()
    assert synth(roads, tmp_path / 'out') == 0


# several sources


def write_split(root: Path, training: str, validation: str) -> Path:
    sides = {'training': training.split(), 'validation': validation.split()}
    (root / 'split.json').write_text(json.dumps(sides))
    return root


def two_sources(tmp_path: Path, names: tuple[str, ...] = ('7', '8')) -> list[Path]:
    """Write photos 1 to 3 with a split, and others without one."""
    real = write_split(write_roads(tmp_path / 'real', ('1', '2', '3')), '1 3', '2')
    return [real, write_roads(tmp_path / 'drawn', names)]


def test_what_comes_from_a_validation_photo_only_judges(tmp_path: Path) -> None:
    synth(*two_sources(tmp_path), tmp_path / 'out', '--variants', 2)
    split = json.loads((tmp_path / 'out' / 'split.json').read_text())
    assert split == {
        'training': ['1_0', '1_1', '3_0', '3_1', '7_0', '7_1', '8_0', '8_1'],
        'validation': ['2_0', '2_1'],
    }
    assert split_of_folder(tmp_path / 'out').names().keys() == split.keys()


def test_without_any_split_none_is_written(roads: Path, tmp_path: Path) -> None:
    synth(roads, write_roads(tmp_path / 'more', ('7',)), tmp_path / 'out')
    assert not (tmp_path / 'out' / 'split.json').exists()
    assert len(pairs_from_folder(tmp_path / 'out')) == 3


@pytest.mark.parametrize(
    ('places', 'names'),
    [
        (('a', 'b'), ['a-2_0', 'a-10_0', 'b-2_0', 'b-10_0']),
        (('x/data', 'y/data'), ['1-2_0', '1-10_0', '2-2_0', '2-10_0']),
    ],
)
def test_photos_of_one_name_are_told_apart_by_their_source(
    tmp_path: Path, places: tuple[str, str], names: list[str]
) -> None:
    synth(*(write_roads(tmp_path / place) for place in places), tmp_path / 'out')
    groups = groups_from_folder(tmp_path / 'out')
    assert list(groups) == names
    assert len(set(groups.values())) == 4
    images = contents(tmp_path / 'out')
    first, other = (images[f'images/{name}.jpg'] for name in names[::2])
    assert first != other, 'the name is part of the seed'


def test_groups_of_one_name_are_told_apart_by_their_source(tmp_path: Path) -> None:
    sources = two_sources(tmp_path)
    for root, photo in zip(sources, '17', strict=True):
        (root / 'groups.csv').write_text(f'name,group\n{photo},monday\n')
    synth(*sources, tmp_path / 'out')
    groups = groups_from_folder(tmp_path / 'out')
    assert groups['1_0'] != groups['7_0']


def test_more_sources_change_no_image_of_the_first(roads: Path, tmp_path: Path) -> None:
    synth(roads, tmp_path / 'one')
    synth(roads, write_roads(tmp_path / 'more', ('7',)), tmp_path / 'both')
    one, both = contents(tmp_path / 'one'), contents(tmp_path / 'both')
    assert one['images/10_0.jpg'] == both['images/10_0.jpg']


def test_every_source_is_recorded(tmp_path: Path) -> None:
    synth(*two_sources(tmp_path), tmp_path / 'out')
    told = json.loads((tmp_path / 'out' / 'synthesis.json').read_text())
    assert told['command'].startswith('unet_perception synth lanes ROADS ROADS OUT ')
    assert [source['photos'] for source in told['sources']] == [3, 2]
    assert len({source['sha256'] for source in told['sources']}) == 2


def test_a_source_given_twice_is_refused(roads: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match='is given twice; name each folder once'):
        synth(roads, roads / '.', tmp_path / 'out')
    assert not list(tmp_path.iterdir())


def test_a_split_that_names_no_image_is_refused(tmp_path: Path) -> None:
    roads = write_split(write_roads(tmp_path / 'roads'), '2 10', '11')
    with pytest.raises(DataError, match="names '11', which has no image"):
        synth(roads, tmp_path / 'out')


# what goes wrong


def no_road(root: Path) -> None:
    (root / 'classes.yaml').write_text('classes: [{id: 0, name: lawn}, {id: 1, name: path}]')


def no_classes(root: Path) -> None:
    (root / 'classes.yaml').unlink()


def no_images(root: Path) -> None:
    for file in (root / 'images').iterdir():
        file.unlink()


def corrupt(root: Path) -> None:
    file = root / 'images' / '10.png'
    file.write_bytes(file.read_bytes()[:200])


def tiny(root: Path) -> None:
    for part in ('images', 'masks'):
        file = str(root / part / '10.png')
        cv2.imwrite(file, cv2.imread(file, cv2.IMREAD_UNCHANGED)[:50])


@pytest.mark.parametrize(
    ('spoil', 'error', 'words'),
    [
        (no_road, RequestError, 'no class named road, only lawn, path; rename'),
        (no_classes, DataError, 'classes.yaml'),
        (no_images, DataError, 'holds no image'),
        (corrupt, DataError, '10.png'),
        (tiny, DataError, '10.png.* is 200x50, too small to paint; give photos of 64x64'),
    ],
)
def test_what_cannot_be_painted_is_named_and_leaves_nothing_behind(
    tmp_path: Path, spoil: Callable[[Path], None], error: type[UnetPerceptionError], words: str
) -> None:
    spoil(write_roads(tmp_path / 'roads'))
    with pytest.raises(error, match=words) as raised:
        synth(tmp_path / 'roads', tmp_path / 'out')
    assert '\n' not in str(raised.value)
    assert [file.name for file in tmp_path.iterdir()] == ['roads']


@pytest.mark.parametrize(('option', 'value'), [('--variants', 0), ('--seed', -1)])
def test_impossible_numbers_are_refused(
    roads: Path, tmp_path: Path, option: str, value: int
) -> None:
    with pytest.raises(RequestError, match=f'{option} {value} is not possible; give .* or more'):
        synth(roads, tmp_path / 'out', option, value)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(roads: Path, tmp_path: Path) -> None:
    (tmp_path / 'mine.txt').write_text('dear to me')
    with pytest.raises(RequestError, match='is not an empty folder; name a new one'):
        synth(roads, tmp_path)
    assert contents(tmp_path) == {'mine.txt': b'dear to me'}

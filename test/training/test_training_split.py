"""Which pairs teach and which judge: whole groups, whole blocks, and a file that says so."""

from collections.abc import Callable
from itertools import groupby
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
import pytest
from toy import write_noise

from unet_perception.errors import DataError
from unet_perception.training.dataset import Pair, pairs_from_folder
from unet_perception.training.split import (
    SPLIT,
    Split,
    sha256_from_split,
    split_by_blocks,
    split_of_folder,
)


def numbered(count: int) -> list[Pair]:
    return [Pair(f'{k:04}', Path(f'i{k:04}.png'), Path(f'm{k:04}.png')) for k in range(count)]


def halves(root: Path) -> Split:
    pairs = pairs_from_folder(root)
    return Split(pairs[:2], pairs[2:])


@pytest.mark.parametrize('count', [3, 4, 7, 19, 20, 37, 40, 722])
def test_every_pair_is_on_exactly_one_side(count: int) -> None:
    split = split_by_blocks(numbered(count))
    assert sorted(split.training + split.validation) == numbered(count)
    assert 0.12 < len(split.validation) / count < 0.34


@pytest.mark.parametrize('count', [19, 20, 37, 40, 722])
def test_validation_is_whole_runs_of_neighbours(count: int) -> None:
    pairs = numbered(count)
    validation = set(split_by_blocks(pairs).validation)
    blocks = [list(run) for _, run in groupby(range(count), lambda k: k * 19 // count)]
    sides = [{pairs[k] in validation for k in block} for block in blocks]
    assert all(len(side) == 1 for side in sides), 'a block has pairs on both sides'
    assert [k for k, side in enumerate(sides) if True in side] == [2, 7, 12, 17]
    assert {len(block) for block in blocks} <= {count // 19, count // 19 + 1}


@given(st.lists(st.integers(0, 30), min_size=1, max_size=120))
def test_a_group_is_never_on_both_sides(group_numbers: list[int]) -> None:
    pairs = numbered(len(group_numbers))
    groups = {pair.name: str(k) for pair, k in zip(pairs, group_numbers, strict=True)}
    if len(set(group_numbers)) < 3:
        with pytest.raises(DataError, match='too few to split'):
            split_by_blocks(pairs, groups)
        return
    split = split_by_blocks(pairs, groups)
    sides = [{groups[pair.name] for pair in side} for side in split]
    assert all(sides)
    assert not sides[0] & sides[1]


@pytest.mark.parametrize('count', [1, 2])
def test_too_few_images_are_refused_with_what_is_needed(count: int) -> None:
    with pytest.raises(DataError, match=rf'{count} image\(s\) .* too few .* at least 3 groups'):
        split_by_blocks(numbered(count))


def test_a_split_is_made_once_and_then_kept(tmp_path: Path) -> None:
    made = split_of_folder(write_noise(tmp_path, 'abcdef'))
    assert json.loads((tmp_path / SPLIT).read_text()) == made.names()
    (tmp_path / SPLIT).write_text('{"training": ["b", "c", "d", "e"], "validation": ["a", "f"]}')
    assert split_of_folder(tmp_path).names()['validation'] == ['a', 'f']


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('{', "can't be used"),
        ('[]', "can't be used"),
        ('{"training": ["a"]}', "can't be used"),
        ('{"training": [["a"]], "validation": ["b"]}', 'has no image'),
        ('[' * 100_000, "can't be used"),
        ('{"training": ["a", "b", "c", "d", "z"], "validation": []}', "'z', which has no image"),
        ('{"training": ["a", "b", "c"], "validation": ["c", "d"]}', "names 'c' twice"),
        ('{"training": ["a", "b"], "validation": ["c"]}', "does not name 'd'"),
        ('{"training": ["a", "b", "c", "d"], "validation": []}', 'leaves a side empty'),
    ],
)
def test_a_wrong_split_is_refused_and_left_alone(
    tmp_path: Path, text: str, complaint: str
) -> None:
    (write_noise(tmp_path) / SPLIT).write_text(text)
    with pytest.raises(DataError, match=rf'split\.json.*{complaint}'):
        split_of_folder(tmp_path)
    assert (tmp_path / SPLIT).read_text() == text


def test_the_version_is_the_same_for_the_same_files_elsewhere(tmp_path: Path) -> None:
    here, there = (halves(write_noise(tmp_path / name)) for name in ('here', 'there'))
    assert sha256_from_split(here) == sha256_from_split(there) == sha256_from_split(here)


def other_byte(root: Path) -> Split:
    file = root / 'masks' / 'c.png'
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    return halves(root)


def other_name(root: Path) -> Split:
    for part in ('images', 'masks'):
        (root / part / 'd.png').rename(root / part / 'e.png')
    return halves(root)


def other_side(root: Path) -> Split:
    pairs = pairs_from_folder(root)
    return Split(pairs[:1], pairs[1:])


def swapped_files(root: Path) -> Split:
    return Split(*([Pair(p.name, p.mask, p.image) for p in side] for side in halves(root)))


@pytest.mark.parametrize('change', [other_byte, other_name, other_side, swapped_files])
def test_the_version_changes_with(tmp_path: Path, change: Callable[[Path], Split]) -> None:
    before = sha256_from_split(halves(write_noise(tmp_path)))
    assert sha256_from_split(change(tmp_path)) != before

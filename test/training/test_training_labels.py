"""classes.yaml and groups.csv: what is accepted, and how a mistake is told."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
import pytest

from unet_perception.core.manifest import ClassInfo, parts_of
from unet_perception.errors import DataError
from unet_perception.training.labels import (
    classes_from_folder,
    groups_from_folder,
    write_classes,
    write_groups,
)

TWO = [ClassInfo(0, 'background', (0, 0, 0)), ClassInfo(1, 'road', (128, 64, 128))]


def test_classes_survive_the_file(tmp_path: Path) -> None:
    write_classes(tmp_path, TWO)
    assert classes_from_folder(tmp_path) == tuple(TWO)


def test_a_part_survives_the_file_and_the_whole_needs_no_word(tmp_path: Path) -> None:
    classes = (*TWO, ClassInfo(2, 'line', (255, 0, 0), part_of='road'))
    write_classes(tmp_path, classes)
    assert classes_from_folder(tmp_path) == classes
    assert parts_of(classes) == {2: 1}
    assert (tmp_path / 'classes.yaml').read_text().count('part_of') == 1


def test_a_class_without_a_colour_is_black(tmp_path: Path) -> None:
    (tmp_path / 'classes.yaml').write_text('classes: [{id: 0, name: a}, {id: 1, name: b}]')
    assert classes_from_folder(tmp_path)[1].color == (0, 0, 0)


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('', 'expected classes'),
        ('classes: 3', 'expected classes'),
        ('classes: [{id: 0, name: a}]', 'names 1 classes; 2 to 8'),
        ('classes: [{id: 1, name: a}, {id: 0, name: b}]', 'class 0 has id 1; ids count up from 0'),
        ('classes: [{id: 0, name: a}, {id: 1, name: a}]', 'two classes one name'),
        ('classes: [{id: 0, name: a}, {id: 1, name: ""}]', 'class 1 has no name'),
        ('classes: [{id: 0, name: a}, {id: 1, name: 7}]', 'class 1 has no name'),
        ('classes: [{id: 0, name: a}, {id: 1}]', "'name'"),
        ('classes: [{id: 0, name: a}, {id: 1, name: b, color: [1, 2]}]', r'color \[1, 2\]'),
        ('classes: [{id: 0, name: a}, {id: 1, name: b, color: red}]', "color 'red'"),
        ('classes: [{id: 0, name: a}, {id: 1, name: b, part_of: c}]', "part_of 'c', which is no"),
        ('classes: [{id: 0, name: a}, {id: 1, name: b, part_of: b}]', "part_of 'b', which is no"),
        ('classes: [{id: 0, name: a}, {id: 1, name: b, part_of: 5}]', 'part_of 5; write a class'),
        ('classes: [', 'expected classes'),
        ('[' * 20_000, 'expected classes'),
        ('classes: [{id: false, name: a}, {id: true, name: b}]', 'class 0 has id False'),
        ('!!python/object/apply:os.system ["true"]', 'expected classes'),
    ],
)
def test_a_wrong_classes_file_is_refused_in_one_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    (tmp_path / 'classes.yaml').write_text(text)
    with pytest.raises(DataError, match=complaint) as refusal:
        classes_from_folder(tmp_path)
    assert 'classes.yaml' in str(refusal.value)
    assert '\n' not in str(refusal.value)


def test_without_a_classes_file_an_example_is_given(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'is missing; write one: classes: \[\{id: 0'):
        classes_from_folder(tmp_path)


words = st.text(st.characters(codec='utf-8', exclude_characters='\0\r\n'), min_size=1, max_size=8)


@given(groups=st.dictionaries(words, words, min_size=1))
def test_groups_survive_the_file(
    tmp_path_factory: pytest.TempPathFactory, groups: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp('groups')
    write_groups(folder, groups)
    assert groups_from_folder(folder) == groups


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / 'groups.csv').write_bytes(b'\xef\xbb\xbfname,group\r\na,1\r\n\r\n')
    assert groups_from_folder(tmp_path) == {'a': '1'}


def test_without_a_groups_file_there_are_none(tmp_path: Path) -> None:
    assert groups_from_folder(tmp_path) == {}


@pytest.mark.parametrize(
    'text', ['image,drive\na,1\n', 'name;group\na;1\n', '', 'name,group\na\n']
)
def test_a_wrong_groups_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / 'groups.csv').write_text(text)
    with pytest.raises(DataError, match=r'groups\.csv.* must be: name,group'):
        groups_from_folder(tmp_path)

"""A byte that changes anywhere in a folder is found, and its file is named."""

from pathlib import Path
import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from unet_perception.core.checksums import SUMS, problems_by_file, sums_of, visible_files
from unet_perception.errors import ModelError

CONTENTS = {'a.onnx': b'weights', 'b c.md': b'# card\n', 'empty': b''}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path)


def filled(folder: Path) -> Path:
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    (folder / SUMS).write_bytes(sums_of(visible_files(folder)))
    return folder


def test_a_folder_as_it_was_has_no_problem(folder: Path) -> None:
    assert problems_by_file(folder) == dict.fromkeys(CONTENTS, '')


def test_the_standard_tool_reads_the_sums(folder: Path) -> None:
    command = ['sha256sum', '--check', '--strict', SUMS]
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(['a.onnx', 'b c.md', SUMS]), st.integers(0, 300), st.integers(1, 255))
def test_any_byte_that_changes_is_caught(
    tmp_path_factory: pytest.TempPathFactory, name: str, position: int, change: int
) -> None:
    folder = filled(tmp_path_factory.mktemp('sums'))
    content = bytearray((folder / name).read_bytes())
    content[position % len(content)] ^= change
    (folder / name).write_bytes(content)
    caught = ' '.join(complaints_of(folder))
    assert name in caught


def complaints_of(folder: Path) -> list[str]:
    """Return what is said of a folder's files, and of its sums."""
    try:
        problems = problems_by_file(folder)
    except ModelError as exc:
        return [str(exc)]
    return [f'{name} {problem}' for name, problem in problems.items() if problem]


def test_what_is_missing_or_was_added_is_named(folder: Path) -> None:
    (folder / 'a.onnx').unlink()
    (folder / 'stray').write_text('')
    problems = problems_by_file(folder)
    assert 'missing' in problems['a.onnx']
    assert f'is not in {SUMS}' in problems['stray']
    assert problems['empty'] == ''


@pytest.mark.parametrize('content', [b'\xff\n', b'abc  a.onnx\n', b'x' * 3_000_000])
def test_sums_that_are_none_are_refused_by_name(folder: Path, content: bytes) -> None:
    (folder / SUMS).write_bytes(content)
    with pytest.raises(ModelError, match=SUMS):
        problems_by_file(folder)


def test_without_sums_the_cure_is_named(folder: Path) -> None:
    (folder / SUMS).unlink()
    with pytest.raises(ModelError, match=f'{SUMS}.*export the model again'):
        problems_by_file(folder)


def test_hidden_files_are_of_no_model_and_a_folder_is_refused(folder: Path) -> None:
    (folder / '.left.over').write_text('')
    (folder / 'more').mkdir()
    problems = {name: problem for name, problem in problems_by_file(folder).items() if problem}
    assert list(problems) == ['more']


def test_a_name_that_would_break_the_sums_is_refused(folder: Path) -> None:
    (folder / 'a\nb').write_text('')
    with pytest.raises(ModelError, match='rename it'):
        sums_of(visible_files(folder))

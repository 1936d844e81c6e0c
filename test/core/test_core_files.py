"""A file is the old one or the new one, whatever happens in between."""

import os
from pathlib import Path

import pytest

from unet_perception.core.files import replace_file


def test_content_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / 'manifest.json'
    for content in (b'old', b'', bytes(100_000)):
        replace_file(file, content)
        assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize('step', ['os.fsync', 'pathlib.Path.chmod', 'pathlib.Path.replace'])
def test_a_failure_at_any_step_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    file = tmp_path / 'manifest.json'
    file.write_bytes(b'old')
    monkeypatch.setattr(step, refuse)
    with pytest.raises(OSError, match='No space left'):
        replace_file(file, b'new')
    assert file.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [file]


def test_content_is_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    fsync, replace = os.fsync, Path.replace

    def noting_fsync(handle: int) -> None:
        steps.append(('flushed', os.fstat(handle).st_size))
        fsync(handle)

    def noting_replace(part: Path, target: Path) -> Path:
        steps.append(('renamed', part.parent))
        return replace(part, target)

    monkeypatch.setattr(os, 'fsync', noting_fsync)
    monkeypatch.setattr(Path, 'replace', noting_replace)
    replace_file(tmp_path / 'file', b'12345')
    assert steps == [('flushed', 5), ('renamed', tmp_path)]


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / 'missing' / 'file', b'new')

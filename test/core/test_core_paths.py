"""Models are found by name or path, and caches are private or not used."""

from itertools import islice
from pathlib import Path

from helpers import LANE, ROOT, SHIPPED
import pytest

from unet_perception.core.footage import frames_from_path
from unet_perception.core.paths import (
    model_folder,
    private_cache_folder,
    sample_footage,
    share_folder,
)
from unet_perception.errors import RequestError


@pytest.fixture
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path


def test_a_checkout_is_its_own_share_folder() -> None:
    assert share_folder() == ROOT


@pytest.mark.parametrize('shipped', SHIPPED, ids=lambda f: f.name)
def test_a_shipped_model_is_found_by_its_name(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert model_folder(shipped.name) == shipped


def test_any_folder_is_found_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'mine').mkdir()
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert model_folder(str(tmp_path / 'mine')) == tmp_path / 'mine'
    assert model_folder('~/mine') == tmp_path / 'mine'
    assert model_folder('mine').resolve() == tmp_path / 'mine'


@pytest.mark.parametrize(
    'name', ['no_such', '/no/such', 'models/no_such', '~no_such_user/x', 'x' * 5000, 'a\0b']
)
def test_an_unknown_model_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(RequestError, match=f'shipped: .*{LANE.name}') as caught:
        model_folder(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize('path', ['./{}', '../models/{}', '{}/'])
def test_a_path_is_not_looked_up_among_the_shipped(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError):
        model_folder(path.format(LANE.name))


@pytest.mark.parametrize(
    ('task', 'name'), [('lane', 'highway'), ('grasp', 'tabletop'), ('cake', 'highway')]
)
def test_a_task_has_its_clip_and_an_unknown_one_the_highway(task: str, name: str) -> None:
    clip = sample_footage(task)
    assert clip.stem == name
    assert len(list(islice(frames_from_path(clip), 5))) == 5


class TestCache:
    def test_it_is_this_users_alone(self, cache_home: Path) -> None:
        folder = private_cache_folder('openvino')
        assert folder == cache_home / 'unet_perception' / 'openvino'
        assert folder.stat().st_mode & 0o777 == 0o700
        assert private_cache_folder('openvino') == folder

    @pytest.mark.parametrize('mode', [0o770, 0o720, 0o702, 0o777])
    def test_a_folder_that_others_write_is_not_used(self, cache_home: Path, mode: int) -> None:
        folder = private_cache_folder('openvino')
        assert folder is not None
        folder.chmod(mode)
        assert private_cache_folder('openvino') is None

    def test_a_folder_of_another_user_is_not_used(
        self, cache_home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert private_cache_folder('openvino')
        monkeypatch.setattr('os.getuid', lambda: 12345)
        assert private_cache_folder('openvino') is None

    def test_without_a_place_for_it_there_is_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / 'file').touch()
        monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
        assert private_cache_folder('openvino') is None

    def test_a_user_without_a_home_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nobody() -> Path:
            raise RuntimeError('Could not determine home directory.')

        monkeypatch.delenv('XDG_CACHE_HOME')
        monkeypatch.setattr(Path, 'home', nobody)
        assert private_cache_folder('openvino') is None

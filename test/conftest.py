"""What every test gets: caches of its own, and the same generated examples on every run."""

from collections.abc import Iterator

from hypothesis import settings
import pytest

settings.register_profile('same', derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile('same')


@pytest.fixture(autouse=True, scope='session')
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's caches out of it, in subprocesses as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('caches')))
        yield

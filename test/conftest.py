"""What every test gets: the CPU, caches of its own, and the same examples on every run."""

from collections.abc import Iterator
import os

from hypothesis import settings
import pytest

from unet_perception.engines import ENGINES
from unet_perception.engines.gpu import has_gpu

if has_gpu():  # it is for bench.gpu_acceptance; tests have stand-ins
    os.environ['CUDA_VISIBLE_DEVICES'] = ''
    NO_GPU = ENGINES['tensorrt']._replace(lacks=lambda: 'tests do not use the GPU')
    ENGINES['tensorrt'] = NO_GPU

settings.register_profile('same', derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile('same')


@pytest.fixture(autouse=True, scope='session')
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's caches out of it, in subprocesses as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('caches')))
        yield

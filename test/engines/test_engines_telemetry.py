"""Opening an engine tells nobody: no request, no child process, no file in the home folder."""

import os
from pathlib import Path

from helpers import run_python
import pytest

from unet_perception.engines import available_engines

WATCH = """
import sys, time
seen = []
def hook(event, arguments):
    if event in ('socket.connect', 'socket.getaddrinfo', 'os.fork', 'subprocess.Popen'):
        seen.append(event)
sys.addaudithook(hook)
from unet_perception.cli.main import main
from unet_perception.core.manifest import model_from_folder
from unet_perception.core.paths import model_folder
from unet_perception.engines import default_artifact, open_engine
model = model_from_folder(model_folder('lane'))
with open_engine(sys.argv[1], model, default_artifact(model)[0]):
    time.sleep(1.0)
print(seen)
"""


@pytest.mark.parametrize('backend', available_engines())
def test_an_engine_is_opened_without_telemetry(tmp_path: Path, backend: str) -> None:
    caches = tmp_path / 'caches'
    home = tmp_path / 'home'
    home.mkdir()
    environment = {**os.environ, 'HOME': str(home), 'XDG_CACHE_HOME': str(caches)}
    run = run_python(WATCH, backend, env=environment)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == '[]'
    assert not list(home.iterdir())
    assert {file.name for file in caches.glob('*')} <= {'unet_perception'}

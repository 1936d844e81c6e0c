"""Importing an engine tells nobody: no request, no child process, no file in the home folder."""

from pathlib import Path

from helpers import run_python
import pytest

pytest.importorskip('openvino', reason='OpenVINO is not installed')

WATCH = """
import sys
seen = []
def hook(event, arguments):
    if event in ('socket.connect', 'socket.getaddrinfo', 'os.fork', 'subprocess.Popen'):
        seen.append(event)
sys.addaudithook(hook)
import unet_perception.engines.openvino
import time; time.sleep(0.5)
print(seen)
"""


def test_openvino_is_imported_without_telemetry(tmp_path: Path) -> None:
    import os

    run = run_python(WATCH, env={**os.environ, 'HOME': str(tmp_path)})
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == '[]'
    assert not (tmp_path / 'intel').exists()

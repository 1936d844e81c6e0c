"""A robot's build: colcon takes this for an ament_python package and installs what runs it."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]
COLCON = Path(sys.executable).with_name('colcon')

pytestmark = pytest.mark.skipif(
    not COLCON.exists(), reason='colcon is not beside this Python: make test brings it'
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A colcon workspace with a copy of the sources."""
    skip = shutil.ignore_patterns('.*', 'out', 'build', 'install', 'log', '*.egg-info')
    shutil.copytree(ROOT, tmp_path / 'src' / 'unet_perception', ignore=skip)
    return tmp_path


def colcon(workspace: Path, *arguments: str) -> str:
    run = subprocess.run(
        [COLCON, *arguments],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, 'COLCON_LOG_PATH': 'log', 'COLCON_HOME': str(workspace / 'home')},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_colcon_lists_an_ament_python_package(workspace: Path) -> None:
    assert '(ros.ament_python)' in colcon(workspace, 'list')


def test_colcon_installs_executables_launch_files_and_a_model_that_passes(
    workspace: Path,
) -> None:
    colcon(workspace, 'build')
    prefix = workspace / 'install' / 'unet_perception'
    programs = {file.name for file in (prefix / 'lib' / 'unet_perception').iterdir()}
    assert {'segmentation_node', 'camera_player', 'unet_perception'} <= programs
    share = prefix / 'share' / 'unet_perception'
    assert (share / 'launch' / 'segmentation.launch.py').is_file()
    assert (share / 'config' / 'lane.yaml').is_file()
    assert (share / 'examples' / 'footage' / 'highway.mp4').is_file()
    (packages,) = prefix.glob('lib/python*/site-packages')
    check = subprocess.run(
        [prefix / 'lib' / 'unet_perception' / 'unet_perception', 'check-model', 'lane'],
        cwd=workspace,
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(packages)},
    )
    assert check.returncode == 0, check.stdout + check.stderr
    assert str(share / 'models' / 'lane') in check.stdout

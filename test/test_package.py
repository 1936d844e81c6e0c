"""The package installs, ships what it needs, and declares what it imports."""

import ast
from collections.abc import Iterator
from email.parser import HeaderParser
from importlib.metadata import version
from importlib.util import find_spec
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree as ET

from helpers import LANE, ROOT, SHIPPED, run_python
import pytest
from test_layers import FILES, libraries_of

import unet_perception

XML = ET.parse(ROOT / 'package.xml').getroot()
SHARED = ('launch', 'config', 'models', 'examples')
MEGABYTE = 1_000_000
ROSDEP = {
    'cv2': 'python3-opencv',
    'hypothesis': 'python3-hypothesis',
    'matplotlib': 'python3-matplotlib',
    'numpy': 'python3-numpy',
    'onnxruntime': 'python3-onnxruntime-pip',
    'psutil': 'python3-psutil',
    'pytest': 'python3-pytest',
    'tqdm': 'python3-tqdm',
    'yaml': 'python3-yaml',
}
# pip's, and their absence is a sentence
EXTRAS = {'kornia', 'mujoco', 'onnx', 'openvino', 'safetensors', 'torch'}
EXTRAS |= {'tensorrt', 'tensorrt_rtx'}
CATKIN_EMAIL = re.compile(
    r'[-a-zA-Z0-9_%+]+(\.[-a-zA-Z0-9_%+]+)*@[-a-zA-Z0-9%]+(\.[-a-zA-Z0-9%]+)*\.[a-zA-Z]{2,}'
)


def setup_keywords() -> dict[str, ast.expr]:
    tree = ast.parse((ROOT / 'setup.py').read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    (call,) = (c for c in calls if isinstance(c.func, ast.Name) and c.func.id == 'setup')
    return {keyword.arg or '': keyword.value for keyword in call.keywords}


def dependencies(*kinds: str) -> set[str]:
    return {element.text or '' for kind in kinds for element in XML.findall(kind)}


def files_below(folder: Path) -> set[str]:
    found = (file for file in folder.rglob('*') if file.is_file())
    return {str(f.relative_to(folder)) for f in found if f.parent.name != '__pycache__'}


class TestPackageXml:
    def test_version_and_name_are_the_same_everywhere(self) -> None:
        said = ast.literal_eval(setup_keywords()['version'])
        assert XML.findtext('version') == said == unet_perception.__version__
        assert XML.findtext('name') == unet_perception.__name__
        assert (ROOT / 'resource' / unet_perception.__name__).is_file()

    def test_it_is_a_format_3_ament_python_package(self) -> None:
        assert XML.get('format') == '3'
        assert [e.text for e in XML.iter('build_type')] == ['ament_python']
        assert XML.findtext('license') == 'Apache-2.0'
        assert 'Apache License' in (ROOT / 'LICENSE').read_text()

    def test_colcon_will_read_it(self) -> None:
        """With one invalid address it would treat the folder as plain Python."""
        emails = [maintainer.get('email', '') for maintainer in XML.findall('maintainer')]
        assert emails
        assert all(CATKIN_EMAIL.fullmatch(email) for email in emails)
        assert XML.findtext('description', '').strip()

    def test_ros2_run_finds_the_executables(self) -> None:
        text = (ROOT / 'setup.cfg').read_text()
        assert text.count('$base/lib/unet_perception') == 2  # [develop] and [install]

    def test_every_import_is_declared(self) -> None:
        launch_files = sorted((ROOT / 'launch').glob('*.py'))
        imported = {name for file in (*FILES, *launch_files) for name in libraries_of(file)}
        keys = {ROSDEP.get(name, name) for name in imported - EXTRAS}
        assert keys <= dependencies('depend', 'exec_depend')

    def test_every_import_of_the_tests_is_declared(self) -> None:
        files = sorted((ROOT / 'test').rglob('*.py'))
        imported = {name for file in files for name in libraries_of(file)}
        own = {'bench', 'docs', *(file.stem for file in (*files, *ROOT.glob('*/*.py')))}
        keys = {ROSDEP.get(name, name) for name in imported - EXTRAS - own}
        assert keys <= dependencies('depend', 'exec_depend', 'test_depend')


def test_console_scripts_are_functions_that_exist() -> None:
    scripts = ast.literal_eval(setup_keywords()['entry_points'])['console_scripts']
    for script in scripts:
        module, _, function = script.partition('=')[2].strip().partition(':')
        tree = ast.parse((ROOT / f'{module.replace(".", "/")}.py').read_text())
        assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, script
    assert len(scripts) >= 3


@pytest.fixture(scope='module')
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install a copy of the checkout with pip, without network and beside the environment."""
    pytest.importorskip('pip')
    if not find_spec('wheel') and int(version('setuptools').partition('.')[0]) < 71:
        pytest.skip('building a wheel takes setuptools 71 or the package wheel')
    source, prefix = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('prefix')
    for name in (*SHARED, unet_perception.__name__, 'resource'):
        shutil.copytree(ROOT / name, source / name)
    for name in ('package.xml', 'setup.py', 'setup.cfg', 'pyproject.toml'):
        shutil.copy(ROOT / name, source)
    options = '--quiet --no-index --no-deps --no-build-isolation --ignore-installed --no-compile'
    command = [sys.executable, '-m', 'pip', 'install', *options.split(), '--prefix', str(prefix)]
    done = subprocess.run(
        [*command, str(source)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return prefix


@pytest.fixture(scope='module')
def site(prefix: Path) -> Path:
    (package,) = prefix.rglob('unet_perception/__init__.py')
    return package.parents[1]


class TestPipInstall:
    @pytest.mark.parametrize('folder', SHARED)
    def test_all_shared_files_are_installed(self, prefix: Path, folder: str) -> None:
        (share,) = prefix.rglob('share/unet_perception')
        assert files_below(share / folder) == files_below(ROOT / folder)
        assert (share / 'package.xml').is_file()

    def test_ament_finds_the_package(self, prefix: Path) -> None:
        index = 'share/ament_index/resource_index/packages/unet_perception'
        assert [file.is_file() for file in prefix.rglob(index)] == [True]

    def test_every_module_and_the_types_are_installed(self, site: Path) -> None:
        name = unet_perception.__name__
        assert files_below(site / name) == files_below(ROOT / name)
        assert (site / name / 'py.typed').is_file()

    def test_the_installed_package_finds_and_trusts_its_own_models(
        self, prefix: Path, site: Path, tmp_path: Path
    ) -> None:
        result = run_python(
            'import json, sys\n'
            'from unet_perception.core import manifest, paths\n'
            'model = manifest.model_from_folder(paths.model_folder(sys.argv[1]))\n'
            'sizes = [len(model.read(file)) for file in model.files()]\n'
            'print(json.dumps([str(model.folder), sizes]))',
            LANE.name,
            cwd=tmp_path,
            env={**os.environ, 'PYTHONPATH': str(site)},
        )
        assert result.returncode == 0, result.stderr
        folder, sizes = json.loads(result.stdout)
        assert prefix in Path(folder).parents
        assert sum(sizes) > MEGABYTE

    def test_the_base_install_needs_no_torch(self, site: Path) -> None:
        (metadata,) = site.glob('unet_perception-*/METADATA')
        headers = HeaderParser().parsestr(metadata.read_text())
        base = {r for r in headers.get_all('Requires-Dist', []) if 'extra ==' not in r}
        libraries = {'matplotlib', 'numpy', 'opencv-python-headless', 'openvino'}
        assert base == libraries | {'PyYAML', 'tqdm'}
        assert 'train' in headers.get_all('Provides-Extra', [])


def model_files(pattern: str) -> Iterator[Path]:
    for folder in SHIPPED:
        yield from folder.glob(pattern)


def test_what_is_shipped_stays_small() -> None:
    footage = files_below(ROOT / 'examples' / 'footage')
    sizes = [(ROOT / 'examples' / 'footage' / name).stat().st_size for name in footage]
    assert sum(sizes) <= 5 * MEGABYTE
    models = list(model_files('*.onnx'))
    assert models
    assert all(file.stat().st_size <= 5 * MEGABYTE for file in models)


def test_whose_work_is_shipped_is_said_beside_it() -> None:
    text = (ROOT / 'examples' / 'footage' / 'README.md').read_text()
    videos = [f.name for f in (ROOT / 'examples' / 'footage').iterdir() if f.suffix != '.md']
    assert videos
    assert all(name in text for name in videos)
    assert re.search(r'https?://', text)
    assert re.search(r'licen[cs]e|CC|public domain', text, re.IGNORECASE)
    cards = [folder / 'MODEL_CARD.md' for folder in SHIPPED]
    assert all('licen' in card.read_text().lower() for card in cards)

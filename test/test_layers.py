"""Who may import whom, asserted from the syntax trees."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
import sys
from typing import NamedTuple

from helpers import ROOT, run_python
import pytest

from unet_perception.engines import ENGINES

PACKAGE = 'unet_perception'
SOURCE = ROOT / PACKAGE
FILES = sorted(SOURCE.rglob('*.py'))
ROS_NAMES = ('rclpy', 'ament_index_python')
ROS_ENDINGS = ('_msgs', '_srvs', '_interfaces')
NATIVE = ('rclpy', 'torch', 'tensorrt', 'onnx', 'onnxruntime', 'openvino', 'matplotlib')


class Layer(NamedTuple):
    """What the modules of one subpackage may import, besides themselves and `errors`."""

    ours: set[str]
    libraries: set[str]


PIXELS = {'numpy', 'cv2'}
TEXT = {'yaml', 'tqdm'}
TRAINING = {'torch', 'kornia', 'safetensors', 'mujoco'}
EXPORT = {'torch', 'onnx', 'onnxruntime'}
LAYERS = {
    '__init__': Layer(set(), set()),
    'errors': Layer(set(), set()),
    '__main__': Layer({'cli'}, set()),
    'core': Layer(set(), PIXELS),
    'engines': Layer({'core'}, PIXELS),
    'training': Layer({'core'}, PIXELS | TEXT | TRAINING),
    'export': Layer({'core', 'engines', 'training', 'report'}, PIXELS | EXPORT),
    'evaluation': Layer({'core', 'engines'}, PIXELS | {'rosbags'}),
    'report': Layer({'core'}, PIXELS | {'matplotlib'}),
    'ros': Layer({'core', 'engines'}, PIXELS),
    'cli': Layer({'core', 'engines', 'training', 'export', 'evaluation', 'report'}, PIXELS | TEXT),
}
LIBRARIES = {'openvino': {'openvino'}, 'ort': {'onnxruntime'}, 'precision': {'onnx'}}
BACKENDS = {SOURCE / 'engines' / f'{module}.py': names for module, names in LIBRARIES.items()}


def name_of(file: Path) -> str:
    return str(file.relative_to(SOURCE).with_suffix('')).replace('/', '.')


def layer_of(file: Path) -> str:
    return name_of(file).partition('.')[0]


def imports_of(file: Path) -> Iterator[str]:
    """Yield the dotted name of all that a file imports, anywhere in it; relative ones resolved."""
    here = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = here[: len(here) + 1 - node.level] if node.level else ()
            base = '.'.join([*parents, *([node.module] if node.module else [])])
            yield from (f'{base}.{alias.name}' for alias in node.names)


def our_imports(file: Path) -> set[Path]:
    """Return the package's files that a file imports from."""
    found = set()
    for name in imports_of(file):
        if name.partition('.')[0] == PACKAGE:
            path = SOURCE.joinpath(*name.split('.')[1:])
            places = (path.with_suffix('.py'), path / '__init__.py')
            outer = (path.parent.with_suffix('.py'), path.parent / '__init__.py')
            found.add(next(place for place in (*places, *outer) if place.is_file()))
    return found


def libraries_of(file: Path) -> set[str]:
    """Return the top-level names that a file imports from outside package and Python."""
    tops = {name.partition('.')[0] for name in imports_of(file)}
    return tops - set(sys.stdlib_module_names) - {PACKAGE}


def is_ros(library: str) -> bool:
    return library in ROS_NAMES or library.endswith(ROS_ENDINGS)


@pytest.mark.parametrize('file', FILES, ids=name_of)
def test_a_module_imports_only_what_its_layer_may(file: Path) -> None:
    layer = layer_of(file)
    ours = {layer_of(imported) for imported in our_imports(file)}
    assert ours <= LAYERS[layer].ours | {layer, 'errors', '__init__'}
    libraries = {name for name in libraries_of(file) if not (layer == 'ros' and is_ros(name))}
    assert libraries <= LAYERS[layer].libraries | BACKENDS.get(file, set())


def test_each_library_of_a_backend_is_imported_by_one_module() -> None:
    assert {file: libraries_of(file) - PIXELS for file in BACKENDS} == BACKENDS


def test_every_backend_has_its_module() -> None:
    files = {SOURCE / 'engines' / f'{entry.module}.py' for entry in ENGINES.values()}
    assert files <= set(FILES)


def test_no_imports_run_in_a_circle() -> None:
    graph = {file: our_imports(file) - {file} for file in FILES}
    order = list(TopologicalSorter(graph).static_order())  # CycleError names the modules
    assert set(order) >= set(FILES)


def test_only_tables_of_plug_ins_import_by_name() -> None:
    users = {layer_of(file) for file in FILES if 'import_module' in file.read_text()}
    assert users <= {'cli', 'engines', 'ros'}


def test_core_imports_without_ros_torch_or_any_backend() -> None:
    modules = [f'{PACKAGE}.{name_of(f)}' for f in FILES if layer_of(f) == 'core']
    result = run_python(
        f'import importlib, sys\n'
        f'sys.modules.update(dict.fromkeys({NATIVE}))\n'
        f'for name in {modules}: importlib.import_module(name)\n'
    )
    assert len(modules) > 10
    assert (result.returncode, result.stderr) == (0, '')


@pytest.mark.parametrize(
    ('code', 'absent'),
    [
        ('import unet_perception.engines', {'openvino', 'onnxruntime', 'tensorrt', 'torch'}),
        ('from unet_perception.engines import fake, base', {'openvino', 'onnxruntime'}),
        (
            'from unet_perception.cli.main import main\n'
            'try: main(["--help"])\n'
            'except SystemExit: pass',
            {'torch', 'cv2', 'numpy', 'rclpy', 'openvino', 'onnxruntime', 'matplotlib'},
        ),
    ],
    ids=['engines', 'fake engine', 'help'],
)
def test_what_is_not_needed_is_not_loaded(code: str, absent: set[str]) -> None:
    result = run_python(f'{code}\nimport sys; print(*sys.modules, sep="\\n")')
    assert result.returncode == 0, result.stderr
    assert not absent & set(result.stdout.splitlines())

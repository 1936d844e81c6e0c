"""The verb `synth` and its `tabletop`: what it writes, that it repeats, and how it refuses."""

import csv
from importlib.util import find_spec
import json
from pathlib import Path
import shlex

import cv2
from helpers import run_python
import numpy as np
import pytest

from unet_perception.cli.main import main
from unet_perception.cli.synth import COMMANDS
from unet_perception.errors import RequestError
from unet_perception.training.dataset import pairs_from_folder, read_pair
from unet_perception.training.labels import classes_from_folder, groups_from_folder

RUN = 'import sys; from unet_perception.cli.main import main; sys.exit(main(sys.argv[1:]))'
SMALL = ('--images', '5', '--views', '2', '--size', '64', '96')


@pytest.fixture(scope='module')
def offscreen() -> None:
    if find_spec('mujoco') is None:
        pytest.skip("mujoco is not installed: pip install '.[train]'")
    try:
        from unet_perception.training.synthetic.simulator import open_gl

        open_gl(64, 64).free()
    except RequestError as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope='module')
def drawn(offscreen: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('synth') / 'new' / 'tables'
    assert main(['synth', 'tabletop', str(folder), *SMALL]) == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob('*') if f.is_file()}


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(['synth', 'tabletop', *map(str, words)]) == 2
    return capsys.readouterr().err


def test_help_names_every_sub_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r'^0$'):
        main(['synth', '--help'])
    text = capsys.readouterr().out
    assert all(f'    {name}' in text for name in COMMANDS)


def test_the_help_of_tabletop_needs_neither_a_simulator_nor_opencv() -> None:
    code = (
        'import sys\n'
        'from unet_perception.cli.main import main\n'
        'try: main(["synth", "tabletop", "--help"])\n'
        'except SystemExit: pass\n'
        'print(*sys.modules, sep="\\n", file=sys.stderr)'
    )
    result = run_python(code)
    assert 'instances/scene00012_2.png' in result.stdout
    loaded = set(result.stderr.split())
    assert 'unet_perception.cli.synth_tabletop' in loaded
    assert not {'mujoco', 'cv2', 'torch', 'unet_perception.cli.synth_lanes'} & loaded


def test_the_folder_can_be_trained_on(drawn: Path) -> None:
    assert [c.name for c in classes_from_folder(drawn)] == ['background', 'object']
    pairs = pairs_from_folder(drawn)
    names = ['scene00000_0', 'scene00000_1', 'scene00001_0', 'scene00001_1', 'scene00002_0']
    assert [pair.name for pair in pairs] == names
    assert groups_from_folder(drawn) == {name: name.partition('_')[0] for name in names}
    for pair in pairs:
        image, mask = read_pair(pair, classes=2)
        assert image.shape == (64, 96, 3)
        assert set(np.unique(mask)) == {0, 1}
        file = drawn / 'instances' / f'{pair.name}.png'
        instances = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert instances.dtype == np.uint8
        assert np.array_equal(mask, instances > 0)


def test_the_recipe_draws_the_same_bytes_again(drawn: Path, tmp_path: Path) -> None:
    recipe = json.loads((drawn / 'synthesis.json').read_text())
    assert set(recipe['versions']) >= {'mujoco', 'numpy', 'opencv', 'unet_perception'}
    assert 'none from elsewhere' in recipe['assets']
    program, *words = shlex.split(recipe['command'])
    assert program == 'unet_perception'
    assert main([str(tmp_path) if word == 'OUT' else word for word in words]) == 0
    assert contents(tmp_path) == contents(drawn)


def test_a_shorter_order_is_the_beginning_of_a_longer_one(drawn: Path, tmp_path: Path) -> None:
    assert main(['synth', 'tabletop', str(tmp_path), *SMALL, '--images', '3']) == 0
    files, all_files = contents(tmp_path), contents(drawn)
    images = [name for name in files if name.startswith('images')]
    assert len(images) == 3
    assert all(files[name] == all_files[name] for name in images)


def test_another_seed_draws_others_and_json_tells_of_them(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tmp_path), *SMALL, '--images', '2', '--seed', '1', '--json']
    assert main(['synth', 'tabletop', *words]) == 0
    out, err = capsys.readouterr()
    assert err == '', 'no progress where nobody watches'
    told = json.loads(out)
    assert (told['images'], told['scenes']) == (2, 1)
    masks = [cv2.imread(str(f), cv2.IMREAD_UNCHANGED) for f in (tmp_path / 'masks').iterdir()]
    shares = [mask.mean() for mask in masks]
    assert told['object_share']['p50'] == pytest.approx(np.median(shares), abs=1e-4)
    assert min(shares) <= told['object_share']['p5'] < told['object_share']['p95'] <= max(shares)
    ours, theirs = contents(tmp_path), contents(drawn)
    assert all(ours[n] != theirs[n] for n in ours if n.startswith(('images', 'masks')))
    with (tmp_path / 'groups.csv').open() as stream:
        assert [row['group'] for row in csv.DictReader(stream)] == ['scene00000'] * 2


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        (('--images', 0), '--images 0 draws nothing; ask for 1 or more'),
        (('--seed', -1), '--seed -1 is not possible; give 0 or more'),
        (('--views', 0), '--views 0 is not possible; 1 to 100 are'),
        (('--size', 63, 96), '--size 63 96 is not possible; each side can be 64 to 2048 pixels'),
        (('--size', 64, 2049), '--size 64 2049 is not possible; each side can be 64 to 2048 pi'),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_written(
    words: tuple[object, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refusal(capsys, tmp_path / 'out', *words)
    assert not (tmp_path / 'out').exists()


@pytest.mark.usefixtures('offscreen')
def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / 'notes.txt'
    kept.write_text('mine')
    expected = f'{str(tmp_path)!r} is not an empty folder; name a new one, or empty it\n'
    assert refusal(capsys, tmp_path).endswith(expected)
    assert contents(tmp_path) == {'notes.txt': b'mine'}
    assert f'{str(kept)!r} is not an empty folder' in refusal(capsys, kept)
    assert "can't be written" in refusal(capsys, '/proc/no-folder')


@pytest.mark.parametrize(
    ('variable', 'value'),
    [('MUJOCO_EGL_DEVICE_ID', '77'), ('PYOPENGL_PLATFORM', 'glx'), ('MUJOCO_GL', 'paper')],
)
@pytest.mark.usefixtures('offscreen')
def test_without_opengl_the_cure_is_named(variable: str, value: str, tmp_path: Path) -> None:
    code = f'import os; os.environ[{variable!r}] = {value!r}; {RUN}'
    result = run_python(code, 'synth', 'tabletop', str(tmp_path / 'out'))
    assert result.returncode == 2
    assert result.stderr.startswith("unet_perception synth: MuJoCo can't render off screen with ")
    assert 'apt install libegl1' in result.stderr
    assert result.stderr.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_without_mujoco_the_cure_is_named(tmp_path: Path) -> None:
    code = f"import sys; sys.modules['mujoco'] = None; {RUN}"
    result = run_python(code, 'synth', 'tabletop', str(tmp_path / 'out'))
    assert result.returncode == 2
    assert result.stderr == (
        "unet_perception synth: mujoco is missing; pip install '.[train]' in the source folder\n"
    )

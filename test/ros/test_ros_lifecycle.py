"""Configure, activate, deactivate, cleanup: what is refused, and that nothing is left behind."""

from itertools import pairwise
import json
import os
from pathlib import Path
import shutil
from statistics import median
from typing import Any

from helpers import run_python
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from rig import Rig, fake_opener, wait_until
from unet_perception.core.paths import model_folder

ERROR = 2
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the shipped model, to damage."""
    return Path(shutil.copytree(model_folder('lane'), tmp_path / 'lane'))


def onnx_of(model: Path) -> Path:
    (file,) = model.glob('*.fp32.256x512.onnx')
    return file


def lose_the_folder(model: Path) -> None:
    shutil.rmtree(model)


def flip_a_byte(model: Path) -> None:
    content = bytearray(onnx_of(model).read_bytes())
    content[len(content) // 2] ^= 1
    onnx_of(model).write_bytes(content)


def truncate_the_onnx(model: Path) -> None:
    onnx_of(model).write_bytes(onnx_of(model).read_bytes()[:1000])


def truncate_the_onnx_and_sign_it(model: Path) -> None:
    import hashlib

    truncate_the_onnx(model)
    content = onnx_of(model).read_bytes()
    manifest = json.loads((model / 'manifest.json').read_text())
    manifest['artifacts'][0] |= {
        'bytes': len(content),
        'sha256': hashlib.sha256(content).hexdigest(),
    }
    (model / 'manifest.json').write_text(json.dumps(manifest))


def change_the_schema(model: Path) -> None:
    manifest = json.loads((model / 'manifest.json').read_text())
    (model / 'manifest.json').write_text(json.dumps({**manifest, 'schema': 99}))


REFUSALS = {
    lose_the_folder: 'is neither a folder nor a shipped model',
    flip_a_byte: 'model.fp32.256x512.onnx',
    truncate_the_onnx: 'truncated',
    truncate_the_onnx_and_sign_it: "can't open",
    change_the_schema: 'schema 99',
}


@pytest.mark.parametrize('damage', REFUSALS)
def test_a_bad_model_is_refused_in_one_sentence_and_a_good_one_then_served(
    model: Path, damage: Any
) -> None:
    damage(model)
    with Rig(model=str(model)) as rig:
        assert rig.node.trigger_configure() is FAILURE
        assert wait_until(lambda: rig.level_of('engine') == ERROR)
        message = rig.message_of('engine')
        assert REFUSALS[damage] in message
        assert '\n' not in message
        rig.node.set_parameters([Parameter('model', value='lane')])
        rig.start()
        assert wait_until(lambda: rig.level_of('engine') == 0)


def test_an_unforeseen_error_is_logged_and_leaves_the_node_usable(
    capfd: pytest.CaptureFixture[str],
) -> None:
    answers = [ZeroDivisionError('by surprise')]
    good = fake_opener()

    def opener(*arguments: Any) -> Any:
        if answers:
            raise answers.pop()
        return good(*arguments)

    with Rig(opener) as rig:
        assert rig.node.trigger_configure() is TransitionCallbackReturn.ERROR
        assert 'ZeroDivisionError: by surprise' in capfd.readouterr().err
        rig.start()


def test_a_failed_configure_leaves_no_topic_behind() -> None:
    def opener(*_: Any) -> Any:
        raise ZeroDivisionError

    with Rig(opener) as rig:
        rig.node.trigger_configure()
        assert not list(rig.node.subscriptions)
        names = {publisher.topic_name for publisher in rig.node.publishers}
        assert not {name for name in names if 'segmentation/mask' in name}


def test_many_lives_leave_no_thread_no_handle_and_no_memory() -> None:
    """Counted in a process of its own: in one that has run other tests the heap has moods."""
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    paths = os.pathsep.join([*folders, os.environ.get('PYTHONPATH', '')])
    environment = {**os.environ, 'PYTHONPATH': paths}
    result = run_python(Path(__file__).with_name('lives.py').read_text(), env=environment)
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout.splitlines()[-1])
    assert len(seen) == 25
    early = seen[2:5]  # the first two lives fill caches
    for kind in range(3):  # a socket of the middleware may come and go: growth is what counts
        most = max(row[kind] for row in early)  # a leak of each life is many more by the end
        assert min(row[kind] for row in seen[-3:]) <= most, seen
    memory_mb = [row[3] for row in seen[2:]]
    grown = [after - before for before, after in pairwise(memory_mb)]
    assert median(grown) < 1.0, memory_mb  # a leak is in every life, a fuller heap in some

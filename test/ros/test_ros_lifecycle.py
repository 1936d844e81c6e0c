"""Configure, activate, deactivate, cleanup: what is refused, and that nothing is left behind."""

import gc
from itertools import pairwise
import json
from pathlib import Path
import shutil
from statistics import median
import threading
from typing import Any

import psutil
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from rig import Rig, fake_opener, image_message, wait_until
from unet_perception.core.footage import frames_from_path
from unet_perception.core.paths import model_folder, share_folder

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


def test_ten_lives_leave_no_thread_no_handle_and_no_memory() -> None:
    footage = share_folder() / 'examples' / 'footage' / 'highway.mp4'
    highway = next(frames_from_path(footage))
    process = psutil.Process()
    seen: list[tuple[int, int, int, float]] = []
    with Rig() as rig:
        for life in range(13):
            rig.start()
            before = rig.health().received
            rig.images.publish(image_message(highway, (life, 0)))
            assert wait_until(lambda: rig.counters().get('published'))
            assert before == 0, 'each life counts anew'
            assert rig.node.trigger_deactivate() is SUCCESS
            assert rig.node.trigger_cleanup() is SUCCESS
            for messages in rig.received.values():
                messages.clear()
            gc.collect()
            handles = len(list(Path('/proc/self/fd').iterdir()))
            entities = len(list(rig.node.publishers)) + len(list(rig.node.subscriptions))
            memory_mb = process.memory_info().rss / 1e6
            seen.append((threading.active_count(), handles, entities, memory_mb))
    early = seen[2:5]  # the first two lives fill caches
    for kind in range(3):  # a socket of the middleware may come and go: growth is what counts
        most = max(
            row[kind] for row in early
        )  # what every life leaves behind is 6 more by the end
        assert min(row[kind] for row in seen[-3:]) <= most, seen
    memory_mb = [row[3] for row in seen]
    grown = [after - before for before, after in pairwise(memory_mb[2:])]
    assert median(grown) < 1.0, memory_mb  # a leak is in every life, a fuller heap in some

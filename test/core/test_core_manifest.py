"""A model folder is believed as it is, or refused with the name of the file that is wrong."""

from collections.abc import Callable
from hashlib import sha256
import json
from pathlib import Path
from typing import Any

from helpers import LANE, SHIPPED, edit_manifest, flip_byte, model_copy
from hypothesis import given
from hypothesis import strategies as st
import pytest

from unet_perception.core.geometry import Resize
from unet_perception.core.manifest import MANIFEST, MOST_CLASSES, Model, model_from_folder
from unet_perception.errors import ModelError

DOCUMENT = json.loads((LANE / MANIFEST).read_text())
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return model_copy(tmp_path)


@pytest.mark.parametrize('shipped', SHIPPED, ids=lambda f: f.name)
def test_a_shipped_model_is_what_its_manifest_says(shipped: Path) -> None:
    model = model_from_folder(shipped)
    document = json.loads((shipped / MANIFEST).read_text())
    assert model.manifest.document == document
    assert model.manifest.name == shipped.name
    assert [info.as_json() for info in model.manifest.classes] == document['classes']
    assert model.manifest.resize is Resize(document['input']['resize'])
    assert model.manifest.colors[0] == tuple(document['classes'][0]['color'])


@pytest.mark.parametrize('shipped', SHIPPED, ids=lambda f: f.name)
def test_every_file_of_a_shipped_model_is_read_whole_and_vouched_for(shipped: Path) -> None:
    model = model_from_folder(shipped)
    for file in model.files():
        content = model.read(file)
        assert content == (shipped / file.file).read_bytes()
        assert (len(content), sha256(content).hexdigest()) == (file.bytes, file.sha256)
    suffixes = {*shipped.glob('*.onnx'), *shipped.glob('*.npz')}
    assert {file.file for file in model.files()} == {f.name for f in suffixes}


def test_an_artifact_is_found_by_precision_and_size_or_missed_by_name() -> None:
    manifest = model_from_folder(LANE).manifest
    point = manifest.operating_points[0]
    found = manifest.artifact('fp32', point)
    assert (found.precision, found.height, found.width) == ('fp32', point.height, point.width)
    with pytest.raises(ModelError, match=f'{manifest.name!r} has no int8 file for 8x8'):
        manifest.artifact('int8', point._replace(height=8, width=8))


def test_the_best_point_is_the_one_with_the_highest_score() -> None:
    manifest = model_from_folder(LANE).manifest
    names = [point.name for point in manifest.best_first]
    assert names == ['256x512', '192x384', '128x256']
    worse = manifest.operating_points[0]._replace(scores={'miou': 0.1})
    others = manifest.operating_points[1:]
    turned = manifest._replace(operating_points=(worse, *others))
    assert [point.name for point in turned.best_first] == ['192x384', '128x256', '256x512']
    unscored = [point._replace(scores={}) for point in manifest.operating_points[::-1]]
    by_size = manifest._replace(operating_points=tuple(unscored)).best_first
    assert [point.name for point in by_size] == names


class TestFiles:
    def read_all(self, model: Model) -> None:
        for file in model.files():
            model.read(file)

    @pytest.mark.parametrize('pattern', ['*.fp32.256x512.onnx', '*.256x512.npz'])
    @pytest.mark.parametrize(
        ('damage', 'sentence'),
        [
            (lambda f: f.unlink(), "can't be read: No such file"),
            (flip_byte, 'sha256 differs'),
            (lambda f: flip_byte(f, 0), 'sha256 differs'),
            (lambda f: f.write_bytes(f.read_bytes()[:-1]), 'truncated or replaced'),
            (lambda f: f.write_bytes(f.read_bytes() + b'\0'), 'truncated or replaced'),
            (lambda f: f.write_bytes(b''), 'has 0 bytes'),
            (lambda f: (f.unlink(), f.mkdir()), "can't be read"),
        ],
        ids=['missing', 'end flipped', 'start flipped', 'cut', 'longer', 'empty', 'folder'],
    )
    def test_a_damaged_file_is_refused_by_name(
        self, folder: Path, pattern: str, damage: Callable[[Path], object], sentence: str
    ) -> None:
        (file,) = folder.glob(pattern)
        damage(file)
        with pytest.raises(ModelError, match=sentence) as caught:
            self.read_all(model_from_folder(folder))
        assert str(file) in str(caught.value)

    def test_a_file_too_large_to_be_true_is_not_read(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = model_from_folder(folder)
        monkeypatch.setattr('unet_perception.core.manifest._MODEL_BYTES', 1000)
        with pytest.raises(ModelError, match='larger than 1000 bytes'):
            self.read_all(model)


class TestDocument:
    @pytest.mark.parametrize(
        ('content', 'sentence'),
        [
            (b'', 'is not JSON'),
            (b'{"schema": 1', 'is not JSON'),
            (b'\xff\xfe\x00\xd8', 'is not JSON'),
            (b'[' * 100_000, 'is not JSON'),
            (b'[]', 'has schema None'),
            (b'null', 'has schema None'),
            (b'{}', 'has schema None'),
            (b'{"schema": 2}', 'has schema 2; this version reads schema 1: export'),
            (b'{"schema": "1"}', "has schema '1'"),
            (b'{"schema": 1}', "lacks 'input'"),
            (b' ' * ((1 << 20) + 1), 'larger than 1048576 bytes'),
        ],
    )
    def test_what_is_not_a_manifest_is_refused_by_name(
        self, tmp_path: Path, content: bytes, sentence: str
    ) -> None:
        (tmp_path / MANIFEST).write_bytes(content)
        with pytest.raises(ModelError, match=sentence) as caught:
            model_from_folder(tmp_path)
        assert str(tmp_path / MANIFEST) in str(caught.value)

    def test_a_folder_without_one_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"manifest\.json' can't be read: No such file"):
            model_from_folder(tmp_path)

    @pytest.mark.parametrize(
        ('change', 'sentence'),
        [
            (lambda d: d['classes'].reverse(), 'class ids count from 0; found 2'),
            (lambda d: d['classes'][2].update(part_of='sea'), "part_of 'sea', which is no whole"),
            (lambda d: d['classes'][1].update(part_of='line'), 'which is no whole class'),
            (lambda d: d['input'].update(dtype='float16'), 'input.dtype must be one of uint8'),
            (lambda d: d['output'].update(dtype='float32'), "output.dtype must be 'uint8'"),
            (lambda d: d['classes'][1].update(id=2), 'class ids count from 0; found 2'),
            (lambda d: d['classes'].__delitem__(slice(1, None)), '2 to 8 classes'),
            (lambda d: d['classes'][0].update(color=[0, 0, 256]), '256 is not 0 to 255'),
            (lambda d: d['classes'][0].update(color=[0, 0]), 'wrong value'),
            (lambda d: d['classes'][0].update(name=''), 'not a short text'),
            (lambda d: d['input'].update(layout='NCHW'), "input.layout must be 'NHWC'"),
            (lambda d: d['input'].update(channels='bgr'), "input.channels must be 'rgb'"),
            (lambda d: d['input'].update(resize='crop'), "'crop' is not a valid Resize"),
            (lambda d: d['output'].update(kind='logits'), "must be 'probabilities'"),
            (lambda d: d.update(operating_points=[]), 'operating_points is empty'),
            (lambda d: d.update(artifacts=[]), 'of the same sizes'),
            (lambda d: d['artifacts'][0].update(height=64), 'of the same sizes'),
            (lambda d: d['artifacts'][0].update(width=4), '4 is not 8 to 8192'),
            (lambda d: d['classes'][0].update(color=[True, 0, 0]), 'True is not 0 to 255'),
            (lambda d: d['artifacts'][0].update(width=512.0), '512.0 is not 8 to 8192'),
            (lambda d: d['artifacts'][0].update(bytes=0), '0 is not 1 to'),
            (lambda d: d['artifacts'][0].update(precision='fp8'), "'fp8' is unknown"),
            (lambda d: d['calibration'].update(temperature=0), 'temperature must be'),
            (lambda d: d['calibration'].update(temperature=float('nan')), 'temperature must be'),
            (lambda d: d['calibration'].pop('ece_after'), "lacks 'ece_after'"),
            (lambda d: d['operating_points'][0].pop('golden'), "lacks 'golden'"),
            (lambda d: d.pop('classes'), "lacks 'classes'"),
            (lambda d: d.update(classes=7), 'wrong value'),
        ],
    )
    def test_a_value_that_cannot_be_is_refused(
        self, folder: Path, change: Change, sentence: str
    ) -> None:
        edit_manifest(folder, change)
        with pytest.raises(ModelError, match=sentence) as caught:
            model_from_folder(folder)
        assert str(folder / MANIFEST) in str(caught.value)

    def test_more_classes_than_the_output_has_room_for_are_refused(self, folder: Path) -> None:
        def classes(count: int) -> Change:
            rows = [{'id': k, 'name': f'c{k}', 'color': [k, k, k]} for k in range(count)]
            return lambda document: document.update(classes=rows)

        edit_manifest(folder, classes(MOST_CLASSES))
        assert len(model_from_folder(folder).manifest.classes) == MOST_CLASSES
        edit_manifest(folder, classes(MOST_CLASSES + 1))
        with pytest.raises(ModelError, match='2 to 8 classes'):
            model_from_folder(folder)

    @pytest.mark.parametrize(
        'name', ['../x', '/etc/passwd', 'sub/x', './x', '.', 'a\0b', 'a\nb', 'a\ud800b', 'x' * 201]
    )
    @pytest.mark.parametrize('where', ['artifacts', 'operating_points'])
    def test_a_file_outside_the_folder_or_with_an_odd_name_is_refused(
        self, folder: Path, where: str, name: str
    ) -> None:
        def point_there(document: dict[str, Any]) -> None:
            entry = document[where][0]
            entry.get('golden', entry)['file'] = name

        edit_manifest(folder, point_there)
        with pytest.raises(ModelError, match=r'model folder itself|not a short text'):
            model_from_folder(folder)

    def test_a_sentence_stays_a_sentence_however_long_the_value(self, folder: Path) -> None:
        for change in ({'name': 'x' * 500_000}, {'schema': 'x' * 500_000}):
            edit_manifest(folder, lambda document, change=change: document.update(change))
            with pytest.raises(ModelError) as caught:
                model_from_folder(folder)
            assert len(str(caught.value)) < 1000

    @given(
        st.sampled_from(sorted(DOCUMENT)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(['id', 'file', 'golden', 'layout']), inner)
            ),
            max_leaves=6,
        ),
    )
    def test_any_value_anywhere_is_understood_or_refused(
        self, tmp_path_factory: pytest.TempPathFactory, key: str, value: object
    ) -> None:
        folder = tmp_path_factory.getbasetemp() / 'any_manifest'
        folder.mkdir(exist_ok=True)
        (folder / MANIFEST).write_text(json.dumps({**DOCUMENT, key: value}))
        try:
            said = json.dumps(model_from_folder(folder).manifest.document[key])
        except ModelError as exc:
            said = str(exc)
        assert said == json.dumps(value) or str(folder) in said

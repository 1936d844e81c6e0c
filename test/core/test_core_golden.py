"""An engine serves only if it answers the golden image as the shipped model does."""

import io
from pathlib import Path
import zipfile

from helpers import SHIPPED, noise
import numpy as np
import pytest

from unet_perception.core.engine import EngineOptions
from unet_perception.core.frame import U8
from unet_perception.core.golden import LEAST_IOU, Golden, check_golden, golden_from_bytes
from unet_perception.core.manifest import model_from_folder
from unet_perception.engines import available_engines, open_engine
from unet_perception.engines.fake import FakeEngine
from unet_perception.errors import GoldenError, ModelError

IMAGE = noise(32, 64, 3)


def halves(split: int, classes: int = 2, width: int = 64) -> U8:
    """Return certain probabilities (C, 32, width): class 1 to the left of `split`."""
    probabilities = np.zeros((classes, 32, width), np.uint8)
    probabilities[1, :, :split] = 255
    probabilities[0, :, split:] = 255
    return probabilities


def npz(**arrays: object) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as target:
        for name, content in members.items():
            target.writestr(f'{name}.npy', content)
    return stream.getvalue()


def array_header(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {'descr': '|u1', 'fortran_order': False, 'shape': shape}
    )
    return stream.getvalue()


class TestCheck:
    @pytest.mark.parametrize('backend', available_engines())
    @pytest.mark.parametrize('shipped', SHIPPED, ids=lambda f: f.name)
    def test_every_installed_engine_serves_every_shipped_model(
        self, shipped: Path, backend: str
    ) -> None:
        model = model_from_folder(shipped)
        for artifact in model.manifest.artifacts:
            (point,) = (
                p
                for p in model.manifest.operating_points
                if p[:2] == (artifact.height, artifact.width)
            )
            golden = golden_from_bytes(model.read(point.golden), point.golden.file)
            with open_engine(backend, model, artifact, EngineOptions(1)) as engine:
                least = 0.999 if artifact.precision == 'fp32' else LEAST_IOU[artifact.precision]
                assert min(check_golden(engine, golden)) > least

    def test_the_right_answer_has_iou_one_and_the_image_is_what_was_asked(self) -> None:
        engine = FakeEngine(halves(30))
        assert check_golden(engine, Golden(IMAGE, halves(30))) == [1.0, 1.0]
        assert np.array_equal(engine.images[0], IMAGE[None])

    @pytest.mark.parametrize(
        ('precision', 'split', 'is_served'),
        [
            ('fp32', 61, True),  # IoU 0.984
            ('fp32', 60, False),  # 0.968
            ('fp16', 60, False),
            ('int8', 58, True),  # 0.935
            ('int8', 57, False),  # 0.919
        ],
    )
    def test_each_precision_has_its_limit(
        self, precision: str, split: int, is_served: bool
    ) -> None:
        engine = FakeEngine(halves(split, width=124), precision=precision)
        golden = Golden(noise(32, 124, 3), halves(62, width=124))
        if is_served:
            assert min(check_golden(engine, golden)) == pytest.approx(split / 62)
        else:
            with pytest.raises(GoldenError, match=r'fake on none .* IoU 0\.9\d\d for class 1'):
                check_golden(engine, golden)

    def test_a_wrong_answer_for_a_rare_class_is_not_lost_in_the_rest(self) -> None:
        with pytest.raises(GoldenError, match=r'IoU 0\.000 for class 1'):
            check_golden(FakeEngine(halves(0)), Golden(IMAGE, halves(1)))

    @pytest.mark.parametrize(('classes', 'split'), [(2, 0), (2, 64), (3, 32)])
    def test_a_golden_that_misses_a_class_proves_nothing(self, classes: int, split: int) -> None:
        golden = halves(split, classes)
        with pytest.raises(ModelError, match='covers less than 1% of the golden'):
            check_golden(FakeEngine(golden), Golden(IMAGE, golden))

    @pytest.mark.parametrize('shape', [(3, 32, 64), (2, 64, 32)])
    def test_a_golden_of_another_shape_is_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ModelError, match='export the model again'):
            check_golden(FakeEngine(noise(*shape)), Golden(IMAGE, halves(30)))


class TestFile:
    def test_what_was_saved_comes_back(self) -> None:
        golden = golden_from_bytes(npz(image=IMAGE, probabilities=halves(30)), 'g')
        assert np.array_equal(golden.image, IMAGE)
        assert np.array_equal(golden.probabilities, halves(30))

    @pytest.mark.parametrize(
        'content',
        [
            b'',
            b'PK\x03\x04',
            np.arange(9, dtype=np.uint8).tobytes(),
            npz(image=IMAGE),
            archive(image=b'hello', probabilities=b'hello'),
            archive(image=array_header((1 << 46,)), probabilities=array_header((1,))),
        ],
        ids=['empty', 'cut', 'bytes', 'half', 'no arrays', 'array of 64 TB'],
    )
    def test_anything_else_is_refused_by_name(self, content: bytes) -> None:
        with pytest.raises(ModelError, match=r"'golden\.npz' (is not a golden|holds arrays)"):
            golden_from_bytes(content, 'golden.npz')

    @pytest.mark.parametrize(
        'arrays',
        [
            {'image': IMAGE.astype(np.float32)},
            {'image': IMAGE[..., 0]},
            {'image': IMAGE[:16]},
            {'image': IMAGE[..., :2]},
            {'probabilities': halves(30).astype(np.float64)},
            {'probabilities': halves(30)[0]},
        ],
    )
    def test_arrays_of_the_wrong_type_or_shape_are_refused(self, arrays: dict[str, U8]) -> None:
        content = npz(**{'image': IMAGE, 'probabilities': halves(30), **arrays})
        with pytest.raises(ModelError, match="'g' holds arrays of the wrong type or shape"):
            golden_from_bytes(content, 'g')

    def test_a_pickle_is_refused_without_being_run(self, tmp_path: Path) -> None:
        class Intruder:
            def __reduce__(self) -> tuple[object, ...]:
                return Path.touch, (tmp_path / 'was_here',)

        content = npz(image=IMAGE, probabilities=np.array([Intruder()], dtype=object))
        with pytest.raises(ModelError, match="'g' is not a golden file"):
            golden_from_bytes(content, 'g')
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_unpacks_beyond_reason_is_refused_unpacked(self) -> None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as target:
            for name in ('image', 'probabilities'):
                target.writestr(f'{name}.npy', bytes(1 << 20))
        bomb = stream.getvalue()
        large = (1 << 28).to_bytes(4, 'little')
        bomb = bomb.replace((1 << 20).to_bytes(4, 'little'), large)
        with pytest.raises(ModelError, match='unpacks to more than'):
            golden_from_bytes(bomb, 'g')

    def test_no_damage_escapes_as_another_error(self) -> None:
        whole = npz(image=IMAGE, probabilities=halves(30))
        random = np.random.default_rng(0)
        refused = 0
        for position in random.integers(0, len(whole), 400):
            damaged = bytearray(whole)
            damaged[position] ^= 0xFF
            try:
                golden_from_bytes(bytes(damaged), 'g')
            except ModelError:
                refused += 1
        assert refused > 0

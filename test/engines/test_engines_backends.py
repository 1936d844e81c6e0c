"""Each backend runs the file as it is, agrees with the others, and refuses what it can't serve."""

from collections.abc import Callable, Iterator
import importlib
import inspect
from pathlib import Path
import sys
import tracemalloc

from helpers import LANE, flip_byte, model_copy, noise
import numpy as np
import pytest

from unet_perception.core.engine import Engine, EngineOptions, EngineSpec
from unet_perception.core.frame import U8
from unet_perception.core.golden import Golden, check_golden, golden_from_bytes
from unet_perception.core.manifest import Artifact, ModelFile, model_from_folder
from unet_perception.engines import ENGINES, available_engines, default_artifact, open_engine
from unet_perception.errors import EngineError, ModelError

BACKENDS = pytest.mark.parametrize('backend', available_engines())
HEIGHT, WIDTH = 16, 32
IMAGE = noise(1, HEIGHT, WIDTH, 3)


def tiny_model(
    input_type: str = 'UINT8',
    output_type: str = 'UINT8',
    shape: tuple[int | str, ...] = (1, HEIGHT, WIDTH, 3),
    outputs: int = 1,
) -> bytes:
    """Return an ONNX file whose three classes are the image's three channels."""
    onnx = pytest.importorskip('onnx')
    helper, types = onnx.helper, onnx.TensorProto
    element = getattr(types, output_type)
    batch, height, width, channels = shape
    names = [f'out{k}' for k in range(outputs)]
    nodes = [helper.make_node('Transpose', ['image'], ['planes'], perm=[0, 3, 1, 2])]
    nodes += [helper.make_node('Cast', ['planes'], [name], to=element) for name in names]
    planes = (batch, channels, height, width)
    graph = helper.make_graph(
        nodes,
        'tiny',
        [helper.make_tensor_value_info('image', getattr(types, input_type), shape)],
        [helper.make_tensor_value_info(name, element, planes) for name in names],
    )
    opsets = [helper.make_opsetid('', 17)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def opened(
    backend: str, content: bytes, size: tuple[int, int] = (HEIGHT, WIDTH), classes: int = 3
) -> Engine:
    """Open bytes as if the manifest promised this size and number of classes."""
    module = importlib.import_module(f'unet_perception.engines.{ENGINES[backend].module}')
    artifact = Artifact(ModelFile('tiny.onnx', '', len(content)), 'fp32', *size)
    return module.open_engine(content, artifact, classes, EngineOptions(1))


def shipped_engine(backend: str, threads: int = 1, folder: Path = LANE) -> Engine:
    model = model_from_folder(folder)
    return open_engine(backend, model, default_artifact(model)[0], EngineOptions(threads))


def shipped_golden() -> Golden:
    model = model_from_folder(LANE)
    _, point = default_artifact(model)
    return golden_from_bytes(model.read(point.golden), point.golden.file)


def answers(backend: str, threads: int = 1) -> list[U8]:
    """Return what the shipped model says of its golden image, of noise and of night."""
    golden = shipped_golden().image[None]
    images = (golden, noise(*golden.shape), np.zeros_like(golden))
    with shipped_engine(backend, threads) as engine:
        return [engine.infer(image).probabilities.copy() for image in images]


class TestAnswers:
    def test_backends_agree_within_one_of_255(self) -> None:
        first, *others = (answers(backend) for backend in available_engines())
        for other in others:
            for one, two in zip(first, other, strict=True):
                assert np.abs(one.astype(int) - two).max() <= 1

    @BACKENDS
    def test_the_answer_is_the_shipped_one(self, backend: str) -> None:
        expected = shipped_golden().probabilities
        assert np.abs(answers(backend)[0][0].astype(int) - expected).max() <= 1

    @BACKENDS
    def test_probabilities_of_a_pixel_add_up_to_one(self, backend: str) -> None:
        for answer in answers(backend):
            assert np.abs(answer[0].astype(int).sum(0) - 255).max() <= answer.shape[1] / 2

    @BACKENDS
    def test_the_same_image_gives_the_same_answer_bit_for_bit(self, backend: str) -> None:
        assert all(map(np.array_equal, answers(backend), answers(backend)))

    def test_openvino_answers_alike_with_any_number_of_threads(self) -> None:
        pytest.importorskip('openvino')
        assert all(map(np.array_equal, answers('openvino', 1), answers('openvino', 2)))

    @BACKENDS
    def test_another_image_gives_another_answer(self, backend: str) -> None:
        one, two, three = answers(backend)
        assert not np.array_equal(one, two)
        assert not np.array_equal(two, three)

    @BACKENDS
    def test_every_pixel_of_every_channel_arrives_where_it_belongs(self, backend: str) -> None:
        with opened(backend, tiny_model()) as engine:
            for seed in (1, 2):
                image = noise(*IMAGE.shape, seed=seed)
                assert np.array_equal(
                    engine.infer(image).probabilities, image.transpose(0, 3, 1, 2)
                )
                assert np.array_equal(image, noise(*IMAGE.shape, seed=seed))


class TestLife:
    @BACKENDS
    def test_an_engine_says_what_it_serves(self, backend: str) -> None:
        with opened(backend, tiny_model()) as engine:
            assert engine.spec == EngineSpec(backend, 'CPU', 'fp32', HEIGHT, WIDTH, 3)

    @BACKENDS
    def test_an_engine_is_an_engine(self, backend: str) -> None:
        with opened(backend, tiny_model()) as engine:
            for name in ('infer', 'close', '__enter__', '__exit__'):
                promised = inspect.signature(getattr(Engine, name)).parameters
                assert list(inspect.signature(getattr(type(engine), name)).parameters) == list(
                    promised
                )

    @BACKENDS
    def test_a_closed_engine_refuses_and_may_be_closed_again(self, backend: str) -> None:
        with opened(backend, tiny_model()) as engine:
            engine.infer(IMAGE)
        with pytest.raises(EngineError, match='engine is closed'):
            engine.infer(IMAGE)
        engine.close()
        engine.close()

    @BACKENDS
    def test_answers_come_in_one_buffer_and_take_time(self, backend: str) -> None:
        with opened(backend, tiny_model()) as engine:
            one, two = engine.infer(IMAGE), engine.infer(IMAGE)
            assert one.probabilities is two.probabilities
            assert min(one.times.run_ns, two.times.run_ns) > 0

    @BACKENDS
    def test_no_array_is_allocated_per_frame(self, backend: str) -> None:
        size = (256, 512)
        image = noise(1, *size, 3)
        with opened(backend, tiny_model(shape=image.shape), size) as engine:
            engine.infer(image)
            tracemalloc.start()
            try:
                for _ in range(3):
                    engine.infer(image)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert peak < 4096

    @BACKENDS
    def test_two_engines_share_nothing(self, backend: str) -> None:
        with opened(backend, tiny_model()) as one, opened(backend, tiny_model()) as two:
            first = one.infer(IMAGE).probabilities
            two.infer(np.zeros_like(IMAGE))
            assert np.array_equal(first, IMAGE.transpose(0, 3, 1, 2))
            two.close()
            one.infer(IMAGE)


class TestRefusals:
    @BACKENDS
    @pytest.mark.parametrize(
        'content',
        [lambda whole: whole[: len(whole) // 2], lambda _: b'', lambda _: b'no model' * 50],
        ids=['truncated', 'empty', 'garbage'],
    )
    def test_what_is_not_onnx_is_refused_in_one_sentence(
        self, backend: str, content: Callable[[bytes], bytes]
    ) -> None:
        whole = next(LANE.glob('*.onnx')).read_bytes()
        with pytest.raises(EngineError, match=r"can't open 'tiny\.onnx': .") as caught:
            opened(backend, content(whole))
        assert len(str(caught.value).splitlines()) == 1
        assert len(str(caught.value)) < 500

    @BACKENDS
    @pytest.mark.parametrize(
        ('model', 'what'),
        [
            ({'input_type': 'FLOAT'}, 'inputs .*float.* the manifest says .*uint8'),
            ({'output_type': 'FLOAT'}, 'outputs .*float.* the manifest says .*uint8'),
            ({'shape': (1, 8, WIDTH, 3)}, r'inputs .*8, 32, 3.* says .*16, 32, 3'),
            ({'shape': (1, HEIGHT, WIDTH, 2)}, r'inputs .*16, 32, 2.* says .*16, 32, 3'),
            ({'shape': (2, HEIGHT, WIDTH, 3)}, r'inputs .*\(2, 16, 32, 3.* says .*\(1, 16'),
            ({'outputs': 2}, r'outputs .*\(1, 3, 16, 32\).*\(1, 3, 16, 32\).* says'),
        ],
    )
    def test_a_file_that_contradicts_the_manifest_is_refused_naming_both(
        self, backend: str, model: dict[str, object], what: str
    ) -> None:
        with pytest.raises(EngineError, match=f'the model has {what}'):
            opened(backend, tiny_model(**model))

    @BACKENDS
    def test_another_number_of_classes_is_refused(self, backend: str) -> None:
        with pytest.raises(EngineError, match=r'\(1, 3, 16, 32\).* manifest says .*\(1, 2, 16'):
            opened(backend, tiny_model(), classes=2)

    @BACKENDS
    def test_a_size_left_open_is_refused(self, backend: str) -> None:
        with pytest.raises(EngineError):
            opened(backend, tiny_model(shape=('batch', HEIGHT, WIDTH, 3)))

    @BACKENDS
    def test_a_tampered_file_is_refused_before_the_backend_sees_it(
        self, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = model_copy(tmp_path)
        flip_byte(next(folder.glob('*.fp32.256x512.onnx')))
        monkeypatch.setattr('importlib.import_module', lambda *_: pytest.fail('backend was used'))
        with pytest.raises(ModelError, match='sha256 differs'):
            shipped_engine(backend, folder=folder)

    @BACKENDS
    def test_a_backend_that_does_not_load_is_named_with_its_cure(
        self, backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entry = ENGINES[backend]
        monkeypatch.setitem(sys.modules, f'unet_perception.engines.{entry.module}', None)
        with pytest.raises(EngineError, match=f'{backend!r} is not available: .*; {entry.cure}'):
            shipped_engine(backend)


class TestOpenVinoCache:
    @pytest.fixture
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        pytest.importorskip('openvino')
        monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
        return tmp_path / 'unet_perception' / 'openvino'

    def test_a_model_is_compiled_once(self, cache: Path) -> None:
        shipped_engine('openvino').close()
        (blob,) = cache.iterdir()
        written = blob.stat().st_mtime_ns
        shipped_engine('openvino').close()
        assert [file.stat().st_mtime_ns for file in cache.iterdir()] == [written]

    @pytest.mark.parametrize('share', [0.0, 0.0001, 0.5])
    @pytest.mark.parametrize('filler', [b'', b'\xff' * 10_000])
    def test_a_broken_cache_does_not_keep_a_good_model_from_running(
        self, cache: Path, share: float, filler: bytes
    ) -> None:
        shipped_engine('openvino').close()
        (blob,) = cache.iterdir()
        content = blob.read_bytes()
        blob.write_bytes(content[: int(len(content) * share)] + filler)
        with shipped_engine('openvino') as engine:
            assert min(check_golden(engine, shipped_golden())) > 0.999

    def test_a_cache_that_openvino_chokes_on_is_done_without(self, cache: Path) -> None:
        openvino = importlib.import_module('unet_perception.engines.openvino')
        tried = []

        class Choking:
            def compile_model(self, network: object, device: str, options: dict[str, str]) -> str:
                tried.append(options.get('CACHE_DIR'))
                if 'CACHE_DIR' in options:
                    raise RuntimeError('Check failed at blob.cpp:1')
                return 'compiled'

        assert openvino._compiled(Choking(), None, 1) == 'compiled'
        assert tried == [str(cache), None]

    def test_a_cache_that_others_can_write_is_neither_read_nor_written(self, cache: Path) -> None:
        cache.mkdir(parents=True)
        cache.chmod(0o777)
        with shipped_engine('openvino') as engine:
            check_golden(engine, shipped_golden())
        assert list(cache.iterdir()) == []

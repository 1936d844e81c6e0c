"""Frame in, mask and confidence out: the same for every encoding, and nothing left of before."""

from itertools import permutations
from time import perf_counter_ns
import tracemalloc

import cv2
from helpers import file_frame, noise, noise_frame, raw_frame
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.decode import ENCODINGS, Decoder, bgr_from_decoded
from unet_perception.core.engine import EngineOutput, EngineSpec, EngineTimes
from unet_perception.core.frame import U8, Frame
from unet_perception.core.geometry import Resize, Size, placement_from_sizes
from unet_perception.core.pipeline import SegmentationPipeline, digest_of
from unet_perception.engines.base import EngineBase
from unet_perception.engines.fake import FakeEngine
from unet_perception.errors import EngineError, FrameError

NETWORK = Size(32, 64)
PROBABILITIES = noise(3, *NETWORK, seed=3)
RGB = noise(45, 60, 3, seed=4)
GREY = noise(45, 60, seed=5)
PNG = bytes(cv2.imencode('.png', RGB[..., ::-1])[1])
JPEG = bytes(cv2.imencode('.jpg', RGB[..., ::-1])[1])
WIDE, TALL = noise(20, 90, 3, seed=6), noise(90, 20, 3, seed=7)
WORDS = noise(45, 60, 2, seed=8).view(np.uint16)[..., 0]
MOSAICS = [name for name, row in ENCODINGS.items() if row.mosaic]


def alpha(color: U8) -> U8:
    """Add a fourth channel, which must not matter."""
    return np.concatenate([color, noise(*color.shape[:2], 1, seed=9)], 2)


def mosaic_and_rgb(encoding: str) -> tuple[Frame, U8]:
    frame = noise_frame(encoding, 44, 60, padding=3)
    return frame, bgr_from_decoded(Decoder().decode(frame))[..., ::-1]


FRAMES = {
    'rgb8': (raw_frame(RGB, 'rgb8', padding=5), RGB),
    'bgr8': (raw_frame(np.ascontiguousarray(RGB[..., ::-1]), 'bgr8'), RGB),
    'rgba8': (raw_frame(alpha(RGB), 'rgba8', padding=3), RGB),
    'bgra8': (raw_frame(alpha(RGB[..., ::-1]), 'bgra8'), RGB),
    **{encoding: mosaic_and_rgb(encoding) for encoding in MOSAICS},
    'mono8': (raw_frame(GREY, 'mono8', padding=1), np.repeat(GREY[..., None], 3, 2)),
    'png': (file_frame(PNG), RGB),
    'jpeg': (
        file_frame(JPEG),
        cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_COLOR)[..., ::-1],
    ),
}


SAME_SCENE = ('rgb8', 'bgr8', 'rgba8', 'bgra8', 'png')


def letterboxed(rgb: U8, resize: Resize) -> U8:
    place = placement_from_sizes(Size(*rgb.shape[:2]), NETWORK, resize)
    canvas = np.zeros((*NETWORK, 3), np.uint8)
    place.content(canvas)[:] = cv2.resize(np.ascontiguousarray(rgb), (place.width, place.height))
    return canvas


def pipeline_and_engine(
    resize: Resize = Resize.LETTERBOX, threshold: float = 0.0
) -> tuple[SegmentationPipeline, FakeEngine]:
    engine = FakeEngine(PROBABILITIES)
    return SegmentationPipeline(engine, resize, threshold), engine


class Echo(EngineBase):
    """Answers with the image's own channels: what the network sees is what comes out."""

    def __init__(self, network: Size = NETWORK) -> None:
        super().__init__(EngineSpec('echo', 'none', 'fp32', *network, 3))

    def infer(self, image: U8) -> EngineOutput:
        self._probabilities[0] = image[0].transpose(2, 0, 1)
        return EngineOutput(self._probabilities, EngineTimes(0))


@pytest.mark.parametrize('resize', Resize)
@pytest.mark.parametrize('name', FRAMES)
def test_the_engine_sees_rgb_whatever_the_camera_sends(name: str, resize: Resize) -> None:
    pipeline, engine = pipeline_and_engine(resize)
    frame, rgb = FRAMES[name]
    pipeline.run(frame)
    assert engine.images[0].shape == (1, *NETWORK, 3)
    assert np.array_equal(engine.images[0][0], letterboxed(rgb, resize))


@pytest.mark.parametrize('order', '<>')
@pytest.mark.parametrize('padding', [0, 1, 2])
def test_sixteen_bits_become_eight_after_the_resize(order: str, padding: int) -> None:
    pipeline, engine = pipeline_and_engine(Resize.STRETCH)
    pipeline.run(raw_frame(WORDS.astype(f'{order}u2'), 'mono16', padding))
    small = cv2.resize(WORDS, (NETWORK.width, NETWORK.height)) * (255 / 65535)
    assert np.array_equal(engine.images[0][0], np.repeat(np.rint(small)[..., None], 3, 2))


def test_the_same_scene_gives_the_same_masks_in_every_lossless_encoding() -> None:
    results = [pipeline_and_engine()[0].run(FRAMES[n][0]) for n in SAME_SCENE]
    digests = {digest_of(r.mask.data, r.confidence.data) for r in results}
    assert len(digests) == 1


def test_the_frame_and_its_pixels_travel_with_the_result() -> None:
    frame, rgb = FRAMES['rgb8']
    result = pipeline_and_engine()[0].run(frame)
    assert result.frame is frame
    assert np.array_equal(result.pixels.pixels, rgb)
    assert result.mask.shape == result.confidence.shape == rgb.shape[:2]
    assert result.mask.dtype == result.confidence.dtype == np.uint8


CHANGES = [
    raw_frame(WIDE, 'rgb8'),
    raw_frame(WIDE[:, :50].copy(), 'rgb8'),
    raw_frame(TALL, 'bgr8'),
    raw_frame(WIDE[..., 0].copy(), 'mono8'),
    raw_frame(TALL[..., 0].copy(), 'mono8'),
    raw_frame(alpha(TALL), 'bgra8'),
    noise_frame('mono16', 90, 20),
    noise_frame('nv12', 20, 90),
    file_frame(PNG),
]


@pytest.mark.parametrize(('first', 'second'), list(permutations(CHANGES, 2)))
def test_nothing_of_another_size_or_encoding_is_left(first: Frame, second: Frame) -> None:
    used, fresh = (SegmentationPipeline(Echo(), Resize.LETTERBOX) for _ in range(2))
    used.run(first)
    after, alone = used.run(second), fresh.run(second)
    assert np.array_equal(after.mask, alone.mask)
    assert np.array_equal(after.confidence, alone.confidence)


@pytest.mark.parametrize(('first', 'second'), list(permutations(CHANGES, 2)))
def test_the_padding_stays_black(first: Frame, second: Frame) -> None:
    (used, used_engine), (fresh, fresh_engine) = pipeline_and_engine(), pipeline_and_engine()
    used.run(first)
    used.run(second)
    fresh.run(second)
    assert np.array_equal(used_engine.images[1], fresh_engine.images[0])


def test_buffers_are_reused_as_long_as_the_size_stays() -> None:
    pipeline, _ = pipeline_and_engine()
    one, two = pipeline.run(FRAMES['rgb8'][0]), pipeline.run(FRAMES['mono8'][0])
    assert one.mask is two.mask
    assert one.confidence is two.confidence
    assert pipeline.run(raw_frame(WIDE, 'rgb8')).mask is not one.mask


@pytest.mark.parametrize('is_bigendian', [False, True])
@pytest.mark.parametrize('padding', [0, 1, 2])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_no_array_is_allocated_per_frame(encoding: str, padding: int, is_bigendian: bool) -> None:
    frame = noise_frame(encoding, 480, 640, padding)._replace(is_bigendian=is_bigendian)
    pipeline = SegmentationPipeline(Echo(Size(96, 128)), Resize.LETTERBOX)
    pipeline.run(frame)
    tracemalloc.start()
    try:
        for _ in range(3):
            pipeline.run(frame)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4096


@pytest.mark.parametrize(
    ('threshold', 'least'), [(0.0, 0), (0.5, 128), (0.2, 51), (0.6, 153), (1.0, 255)]
)
def test_below_the_threshold_the_class_is_unknown(threshold: float, least: int) -> None:
    known = pipeline_and_engine()[0].run(FRAMES['rgb8'][0])
    result = pipeline_and_engine(threshold=threshold)[0].run(FRAMES['rgb8'][0])
    assert np.array_equal(result.mask == 255, known.confidence < least)
    assert np.array_equal(result.confidence, known.confidence)


def test_the_threshold_can_change_while_running() -> None:
    pipeline, _ = pipeline_and_engine()
    assert 255 not in pipeline.run(FRAMES['rgb8'][0]).mask
    pipeline.unknown_threshold = 1.0
    assert 255 in pipeline.run(FRAMES['rgb8'][0]).mask


def test_each_stage_is_timed_from_the_end_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = iter([0, 1, 11, 111, 1111])
    monkeypatch.setattr(
        'unet_perception.core.pipeline.perf_counter_ns', lambda: 1_000_000 + next(ticks)
    )
    times = pipeline_and_engine()[0].run(FRAMES['jpeg'][0]).times
    assert times._asdict() == {
        'decode_ns': 1,
        'preprocess_ns': 10,
        'inference_ns': 100,
        'postprocess_ns': 1000,
    }


def test_inference_takes_what_the_engine_takes() -> None:
    pipeline = SegmentationPipeline(FakeEngine(PROBABILITIES, [0.02]), Resize.LETTERBOX)
    start = perf_counter_ns()
    times = pipeline.run(FRAMES['jpeg'][0]).times
    assert times.inference_ns >= 20e6
    assert sum(times) <= perf_counter_ns() - start


def test_a_decoder_may_be_given() -> None:
    decoder = Decoder(max_pixels=RGB[..., 0].size - 1)
    pipeline = SegmentationPipeline(FakeEngine(PROBABILITIES), Resize.LETTERBOX, decoder=decoder)
    with pytest.raises(FrameError, match='megapixels'):
        pipeline.run(FRAMES['rgb8'][0])


def test_after_a_bad_frame_or_a_failed_inference_the_next_is_as_ever() -> None:
    engine = FakeEngine(PROBABILITIES, [EngineError('no')])
    pipeline, (fresh, _) = SegmentationPipeline(engine, Resize.LETTERBOX), pipeline_and_engine()
    with pytest.raises(EngineError):
        pipeline.run(raw_frame(WIDE, 'rgb8'))
    with pytest.raises(FrameError):
        pipeline.run(FRAMES['rgb8'][0]._replace(step=1))
    after, alone = pipeline.run(FRAMES['rgb8'][0]), fresh.run(FRAMES['rgb8'][0])
    assert np.array_equal(engine.images[-1], letterboxed(RGB, Resize.LETTERBOX)[None])
    assert np.array_equal(after.mask, alone.mask)


PAIRS = st.tuples(st.binary(min_size=6, max_size=6), st.binary(min_size=6, max_size=6))


@given(PAIRS, PAIRS)
def test_pairs_have_one_digest_exactly_if_they_are_equal(
    one: tuple[bytes, bytes], two: tuple[bytes, bytes]
) -> None:
    assert (digest_of(*one) == digest_of(*two)) == (one == two)
    assert digest_of(*one) == digest_of(*map(memoryview, one))


def test_one_bit_or_an_exchange_changes_the_digest() -> None:
    mask, confidence = bytes(1000), bytes(999) + b'\x01'
    digests = {digest_of(mask, mask), digest_of(mask, confidence), digest_of(confidence, mask)}
    assert len(digests) == 3

"""Bytes become pixels, without a copy where that can be, or a sentence that says why not."""

from collections.abc import Callable
import tracemalloc
from types import SimpleNamespace
from typing import Any

import cv2
from helpers import file_frame, noise, noise_frame, raw_frame
from hypothesis import assume, example, given
from hypothesis import strategies as st
import numpy as np
from numpy.typing import NDArray
import pytest

from unet_perception.core.decode import (
    ENCODINGS,
    Decoded,
    Decoder,
    Mosaic,
    bgr_from_decoded,
    eight_bit,
)
from unet_perception.core.frame import U8, Frame
from unet_perception.errors import FrameError

Reference = Callable[[Frame], U8]

MOSAICS = [name for name, row in ENCODINGS.items() if row.mosaic]
VIEWS = [name for name in ENCODINGS if name not in MOSAICS]
YUV = ['yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv', 'nv12', 'nv21']
BAYER = ['bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8']
SEEN_BY_ROSBAGS = [name for name in ENCODINGS if name not in ('mono16', 'nv12', 'nv21')]
"""It truncates mono16, where cv_bridge rounds, and takes the chroma rows of nv12 for none."""
GREEN_FIRST = np.array([[20, 200, 40], [250, 10, 90], [128, 128, 128], [60, 60, 240]], np.uint8)


def rgb_of(frame: Frame) -> U8:
    return bgr_from_decoded(Decoder().decode(frame))[..., ::-1]


@st.composite
def frames(draw: st.DrawFn, encodings: list[str]) -> Frame:
    """Generate frames of possible sizes, their rows padded or not."""
    encoding = draw(st.sampled_from(encodings))
    mosaic = ENCODINGS[encoding].mosaic or Mosaic(1, 1, 1, 1, '')
    height, width = (
        draw(st.integers(0, 6)) * multiple + max(mosaic.least, multiple) for multiple in mosaic[:2]
    )
    assume(height * width > 1)
    return noise_frame(encoding, height, width, draw(st.integers(0, 9)), draw(st.integers(0, 9)))


def without_padding(frame: Frame) -> Frame:
    """Return the frame with rows of the least step."""
    row = ENCODINGS[frame.encoding]
    least = frame.width * row.channels * row.samples[0].itemsize
    rows = frame.data.reshape(-1, frame.step)[:, :least]
    return frame._replace(data=np.ascontiguousarray(rows).reshape(-1), step=least)


def samples_of(frame: Frame) -> U8:
    """Return the samples (rows, W * C) of an 8 bit frame."""
    return without_padding(frame).data.reshape(
        -1, frame.width * ENCODINGS[frame.encoding].channels
    )


def rgb_from_yuv(y: U8, u: U8, v: U8) -> NDArray[Any]:
    """Convert planes by ITU-R BT.601, limited range."""
    y = 255 / 219 * np.maximum(y.astype(float) - 16, 0)  # OpenCV knows nothing below black
    u, v = u.astype(float) - 128, v.astype(float) - 128
    red, green, blue = y + 1.596 * v, y - 0.392 * u - 0.813 * v, y + 2.017 * u
    return np.stack([red, green, blue], 2).clip(0, 255)


def planes_of(frame: Frame) -> tuple[U8, U8, U8]:
    """Return Y, U and V at full size, by the encodings' definitions at fourcc.org."""
    samples = samples_of(frame)
    if frame.encoding in ('nv12', 'nv21'):
        y, chroma = samples[: frame.height], samples[frame.height :].repeat(2, 0)
        first, second = chroma[:, ::2].repeat(2, 1), chroma[:, 1::2].repeat(2, 1)
        return (y, first, second) if frame.encoding == 'nv12' else (y, second, first)
    start = 0 if frame.encoding in ('yuv422', 'uyvy') else 1  # of the chroma
    u, v = (samples[:, start + k :: 4].repeat(2, 1) for k in (0, 2))
    return samples[:, 1 - start :: 2], u, v


def is_sound(frame: Frame) -> bool:
    """Tell whether a header is possible, and the data as long as it says."""
    row = ENCODINGS.get(frame.encoding)
    height, width = frame.height, frame.width
    if row is None or min(height, width) < 1 or height * width == 1:
        return False
    mosaic = row.mosaic or Mosaic(1, 1, 1, 1, '')
    is_possible = (
        height % mosaic.height == width % mosaic.width == 0 and min(height, width) >= mosaic.least
    )
    least = width * row.channels * row.samples[0].itemsize
    size = frame.step * height * mosaic.rows // mosaic.height
    return is_possible and frame.step >= least and frame.data.size >= size


@pytest.fixture(scope='module')
def rosbags_rgb() -> Reference:
    image = pytest.importorskip('rosbags.image', reason='rosbags-image is the reference here')

    def rgb_from_frame(frame: Frame) -> U8:
        rgb: U8 = image.image_to_cvimage(SimpleNamespace(**frame._asdict()), 'rgb8')
        return rgb

    return rgb_from_frame


class TestRgb:
    @given(frame=frames(SEEN_BY_ROSBAGS))
    @example(frame=noise_frame('bgra8', 1, 2, 3))
    @example(frame=noise_frame('uyvy', 1, 2, 1))
    @example(frame=noise_frame('bayer_gbrg8', 3, 5, 1))
    def test_it_is_what_rosbags_makes_of_the_image(
        self, rosbags_rgb: Reference, frame: Frame
    ) -> None:
        assert np.array_equal(rgb_of(frame), rosbags_rgb(without_padding(frame)))

    @pytest.mark.parametrize('encoding', SEEN_BY_ROSBAGS)
    def test_so_it_is_at_camera_size(self, rosbags_rgb: Reference, encoding: str) -> None:
        frame = noise_frame(encoding, 480, 640, padding=7)
        assert np.array_equal(rgb_of(frame), rosbags_rgb(without_padding(frame)))

    @given(frames(YUV))
    @example(noise_frame('nv12', 2, 2, 1))
    def test_yuv_is_converted_by_bt_601(self, frame: Frame) -> None:
        assert np.abs(rgb_of(frame) - rgb_from_yuv(*planes_of(frame))).max() <= 2

    @given(frames(BAYER))
    def test_a_bayer_pixel_keeps_what_its_filter_let_through(self, frame: Frame) -> None:
        """The border is copied from its neighbours; inside, one channel is no guess."""
        rgb, samples = rgb_of(frame), samples_of(frame)
        for row in range(1, frame.height - 1):
            for column in range(1, frame.width - 1):
                letter = frame.encoding[6 + 2 * (row % 2) + column % 2]
                assert rgb[row, column, 'rgb'.index(letter)] == samples[row, column]

    @pytest.mark.parametrize('encoding', BAYER)
    @pytest.mark.parametrize('color', GREEN_FIRST)
    @pytest.mark.parametrize('size', [(3, 3), (3, 5), (4, 4), (5, 3), (20, 31)])
    def test_a_flat_colour_through_bayer_filters_stays_flat(
        self, encoding: str, color: U8, size: tuple[int, int]
    ) -> None:
        tile = np.array([color['rgb'.index(letter)] for letter in encoding[6:10]]).reshape(2, 2)
        pixels = np.tile(tile, (10, 16))[: size[0], : size[1]].astype(np.uint8)
        assert np.array_equal(rgb_of(raw_frame(pixels, encoding, 1)), np.full((*size, 3), color))

    @pytest.mark.parametrize(
        ('encoding', 'pixel', 'bgr'),
        [
            ('rgb8', [10, 100, 200], [200, 100, 10]),
            ('bgr8', [200, 100, 10], [200, 100, 10]),
            ('rgba8', [10, 100, 200, 77], [200, 100, 10]),
            ('bgra8', [200, 100, 10, 77], [200, 100, 10]),
            ('mono8', [100], [100, 100, 100]),
            (
                'mono16',
                [
                    100 * 257,
                ],
                [100, 100, 100],
            ),
        ],
    )
    def test_pictures_for_people_are_bgr_whatever_came_in(
        self, encoding: str, pixel: list[int], bgr: list[int]
    ) -> None:
        samples = np.full((2, 3, len(pixel)), pixel, ENCODINGS[encoding].samples[0])
        decoded = Decoder().decode(raw_frame(samples, encoding))
        assert np.array_equal(bgr_from_decoded(decoded), np.full((2, 3, 3), bgr))


class TestSixteenBit:
    @pytest.mark.parametrize('order', '<>')
    def test_every_value_is_rounded_as_by_cv_bridge(self, order: str) -> None:
        words = np.arange(65536, dtype=f'{order}u2').reshape(256, 256)
        decoded = Decoder().decode(raw_frame(words, 'mono16', 3))
        assert np.array_equal(eight_bit(decoded.pixels), np.rint(words * (255 / 65535)))
        assert decoded.to_rgb == cv2.COLOR_GRAY2RGB

    @given(frames(['mono16']), st.booleans())
    def test_the_order_of_the_bytes_is_the_messages(self, frame: Frame, is_big: bool) -> None:
        pixels = Decoder().decode(frame._replace(is_bigendian=is_big)).pixels
        data = without_padding(frame).data.reshape(frame.height, frame.width, 2).astype(int)
        high, low = (data[..., 0], data[..., 1]) if is_big else (data[..., 1], data[..., 0])
        assert np.array_equal(pixels, high * 256 + low)

    @given(frames([name for name in ENCODINGS if name != 'mono16']))
    def test_bytes_have_no_order(self, frame: Frame) -> None:
        assert np.array_equal(rgb_of(frame._replace(is_bigendian=True)), rgb_of(frame))


class TestMemory:
    @pytest.mark.parametrize('padding', [0, 1, 2, 13])
    @pytest.mark.parametrize('encoding', VIEWS)
    def test_pixels_are_a_view_of_the_message(self, encoding: str, padding: int) -> None:
        frame = noise_frame(encoding, 5, 7, padding)
        pixels = Decoder().decode(frame).pixels
        is_readable_in_place = encoding != 'mono16' or padding % 2 == 0
        assert np.shares_memory(pixels, frame.data) == is_readable_in_place
        assert pixels.tobytes() == without_padding(frame).data.tobytes()

    @pytest.mark.parametrize('encoding', [*MOSAICS, 'mono16'])
    def test_what_needs_memory_keeps_it_while_the_size_stays(self, encoding: str) -> None:
        decoder = Decoder()
        frames = [noise_frame(encoding, *size) for size in ((8, 6), (8, 6), (6, 8))]
        first, second, other = (decoder.decode(f._replace(is_bigendian=True)) for f in frames)
        assert first.pixels is second.pixels
        assert not np.shares_memory(second.pixels, other.pixels)
        assert not np.shares_memory(first.pixels, frames[0].data)

    @pytest.mark.parametrize('encoding', ENCODINGS)
    def test_read_only_data_is_enough(self, encoding: str) -> None:
        frame = noise_frame(encoding, 6, 8, 1)
        sealed = frame._replace(data=np.frombuffer(frame.data.tobytes(), np.uint8))
        assert np.array_equal(rgb_of(sealed), rgb_of(frame))

    def test_words_at_an_odd_address_are_read_all_the_same(self) -> None:
        frame = noise_frame('mono16', 6, 8)
        shifted = np.append(np.uint8(9), frame.data)[1:]
        assert np.array_equal(rgb_of(frame._replace(data=shifted)), rgb_of(frame))

    @pytest.mark.parametrize('encoding', ENCODINGS)
    def test_bytes_after_the_last_row_are_ignored(self, encoding: str) -> None:
        frame = noise_frame(encoding, 6, 8)
        longer = frame._replace(data=np.append(frame.data, np.uint8(9)))
        assert np.array_equal(rgb_of(longer), rgb_of(frame))


class TestRefusals:
    @pytest.mark.parametrize(
        ('change', 'sentence'),
        [
            ({'height': 0}, 'image is 7x0; both must be positive'),
            ({'width': 0}, 'image is 0x5; both must be positive'),
            ({'height': -1, 'width': -1}, 'image is -1x-1; both must be positive'),
            ({'height': 1, 'width': 1}, 'image is 1x1; it needs more than one pixel'),
            ({'height': -5}, 'image is 7x-5; both must be positive'),
            ({'step': 20}, r"step 20 is less than a row of 7 'rgb8' pixels \(21 bytes\)"),
            ({'step': -21}, 'step -21 is less'),
            ({'height': 6}, r'data holds 105 bytes, but 6 rows of step 21 are 126'),
            ({'data': np.zeros(0, np.uint8)}, 'data holds 0 bytes'),
            ({'data': np.zeros(104, np.uint8)}, r'data holds 104 bytes, .* are 105'),
            ({'width': 4096, 'step': 1 << 32}, 'data holds 105 bytes'),
            (
                {'height': 20_000, 'width': 20_000},
                'image is 20000x20000, 400 megapixels, but max_megapixels is 25.0; raise it',
            ),
            ({'height': 1 << 31, 'width': 1 << 31, 'step': 1 << 33}, 'megapixels'),
        ],
    )
    def test_a_header_that_contradicts_the_data_is_refused(
        self, change: dict[str, object], sentence: str
    ) -> None:
        with pytest.raises(FrameError, match=sentence):
            Decoder().decode(raw_frame(noise(5, 7, 3), 'rgb8')._replace(**change))

    @pytest.mark.parametrize(
        ('encoding', 'sizes', 'needs'),
        [
            *((name, [(2, 3), (1, 7)], 'an even width') for name in YUV[:4]),
            *((name, [(3, 4), (4, 3), (1, 2)], 'an even width and height') for name in YUV[4:]),
            *((name, [(1, 2), (2, 2), (2, 9), (9, 2)], 'at least 3x3 pixels') for name in BAYER),
        ],
    )
    def test_sizes_that_an_encoding_cannot_have_are_refused(
        self, encoding: str, sizes: list[tuple[int, int]], needs: str
    ) -> None:
        for height, width in sizes:
            frame = noise_frame(encoding, 20, 20)._replace(height=height, width=width)
            sentence = f"image is {width}x{height}, but '{encoding}' needs {needs}; set the camera"
            with pytest.raises(FrameError, match=sentence):
                Decoder().decode(frame)

    @pytest.mark.parametrize('encoding', ['nv12', 'nv21'])
    def test_chroma_rows_must_be_there(self, encoding: str) -> None:
        frame = noise_frame(encoding, 4, 6, padding=2)
        sentence = 'data holds 47 bytes, but 6 rows of step 8 are 48'
        with pytest.raises(FrameError, match=sentence):
            Decoder().decode(frame._replace(data=frame.data[:-1]))

    @pytest.mark.parametrize('encoding', ['rgb16', '', '8UC3', 'x' * 1000])
    def test_an_unknown_encoding_is_told_what_is_known(self, encoding: str) -> None:
        frame = raw_frame(noise(5, 7, 3), 'rgb8')._replace(encoding=encoding)
        known = 'not supported; publish one of rgb8, .*, nv12, .*bayer_grbg8, or install cv_bridge'
        with pytest.raises(FrameError, match=known) as caught:
            Decoder().decode(frame)
        assert len(str(caught.value)) < 400

    @given(
        st.sampled_from([*ENCODINGS, 'bgr16']),
        st.integers(-1, 9),
        st.integers(-1, 9),
        st.integers(-1, 40),
        st.integers(0, 400),
        st.booleans(),
    )
    def test_any_header_gives_pixels_of_its_size_or_a_frame_error(
        self, encoding: str, height: int, width: int, step: int, size: int, is_big: bool
    ) -> None:
        data = np.zeros(size, np.uint8)
        frame = Frame(0, 0, '', 0, encoding, data, height, width, step, is_big)
        try:
            decoded = Decoder().decode(frame)
        except FrameError:
            assert not is_sound(frame)
        else:
            assert is_sound(frame)
            assert bgr_from_decoded(decoded).shape == (height, width, 3)

    @pytest.mark.parametrize('encoding', ENCODINGS)
    @given(data=st.data())
    def test_no_header_makes_the_decoder_allocate_for_it(
        self, encoding: str, data: st.DataObject
    ) -> None:
        height, width, step = (data.draw(st.integers(0, 2**32 - 1)) for _ in range(3))
        frame = noise_frame(encoding, 4, 4)._replace(height=height, width=width, step=step)
        for header in (frame, frame._replace(height=10_000, width=10_000, step=20_000)):
            tracemalloc.start()
            try:
                with pytest.raises(FrameError):
                    Decoder().decode(header)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert peak < 50_000


class TestLimit:
    @pytest.mark.parametrize('encoding', ENCODINGS)
    def test_it_is_inclusive(self, encoding: str) -> None:
        frame = noise_frame(encoding, 6, 8)
        assert rgb_of(frame).shape == (6, 8, 3)
        Decoder(max_pixels=48).decode(frame)
        with pytest.raises(FrameError, match=r'image is 8x6, 4\.8e-05 megapixels, but'):
            Decoder(max_pixels=47).decode(frame)

    @pytest.mark.parametrize('suffix', ['.jpg', '.png'])
    def test_it_holds_for_files(self, suffix: str) -> None:
        frame = file_frame(bytes(cv2.imencode(suffix, noise(40, 50, 3))[1]))
        assert Decoder(max_pixels=2000).decode(frame).pixels.shape == (40, 50, 3)
        with pytest.raises(FrameError, match=r'image is 50x40, 0\.002 megapixels, but'):
            Decoder(max_pixels=1999).decode(frame)

    def test_it_is_looked_at_before_a_file_is_decompressed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cv2, 'imdecode', None)
        frame = file_frame(bytes(cv2.imencode('.png', noise(40, 50, 3))[1]))
        with pytest.raises(FrameError, match='megapixels'):
            Decoder(max_pixels=1).decode(frame)


class TestBridge:
    FRAME = raw_frame(noise(5, 7, 3), 'rgb8')._replace(encoding='rgb16')

    def test_what_it_returns_is_rgb(self) -> None:
        rgb = noise(5, 7, 3)
        assert Decoder(bridge=lambda _: rgb).decode(self.FRAME) == Decoded(rgb, None)

    def test_it_is_asked_for_nothing_that_the_table_has(self) -> None:
        frame = self.FRAME._replace(encoding='rgb8')
        assert rgb_of(frame).shape == (5, 7, 3)
        assert Decoder(bridge=self.refuse).decode(frame).pixels.shape == (5, 7, 3)

    def test_its_refusal_is_passed_on(self) -> None:
        with pytest.raises(FrameError, match='no such'):
            Decoder(bridge=self.refuse).decode(self.FRAME)

    @pytest.mark.parametrize('size', [(0, 7), (10_000, 10_000)])
    def test_it_sees_no_impossible_size(self, size: tuple[int, int]) -> None:
        frame = self.FRAME._replace(height=size[0], width=size[1])
        with pytest.raises(FrameError, match=r'positive|max_megapixels'):
            Decoder(bridge=self.refuse).decode(frame)

    def test_it_sees_no_frame_that_is_short_of_data(self) -> None:
        with pytest.raises(FrameError, match='but 5 rows of step 22 are 110'):
            Decoder(bridge=self.refuse).decode(self.FRAME._replace(step=22))

    def test_an_answer_of_another_size_is_refused(self) -> None:
        with pytest.raises(FrameError, match=r"'rgb16': cv_bridge makes \(5, 6, 3\)"):
            Decoder(bridge=lambda _: noise(5, 6, 3)).decode(self.FRAME)

    @staticmethod
    def refuse(frame: Frame) -> U8:
        raise FrameError('no such')


def test_a_raw_image_that_claims_to_be_compressed_is_no_file() -> None:
    content = bytes(cv2.imencode('.jpg', noise(40, 50, 3))[1])
    frame = file_frame(content)._replace(height=480, width=640)
    with pytest.raises(FrameError, match="encoding 'compressed' is not supported"):
        Decoder().decode(frame)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_a_file_is_decompressed_to_bgr(suffix: str) -> None:
    content = bytes(cv2.imencode(suffix, noise(40, 50, 3))[1])
    decoded = Decoder().decode(file_frame(content))
    expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(decoded.pixels, expected)
    assert decoded.to_rgb == cv2.COLOR_BGR2RGB
    assert bgr_from_decoded(decoded) is decoded.pixels

"""Bytes become pixels without a copy, or a sentence that says why not."""

import struct
import zlib

import cv2
from helpers import file_frame, noise, raw_frame
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.decode import ENCODINGS, bgr_from_decoded, decode
from unet_perception.core.frame import U8, Frame
from unet_perception.errors import FrameError

ROTATED = b'Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'


def scene(height: int = 48, width: int = 64) -> U8:
    """Return a smooth BGR image, with nothing that JPEG would blur."""
    return cv2.resize(noise(4, 5, 3, seed=1), (width, height), interpolation=cv2.INTER_CUBIC)


def encoded(suffix: str, image: U8) -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


def with_segment(jpeg: bytes, content: bytes) -> bytes:
    """Insert an APP1 segment, where cameras put orientation and thumbnail."""
    return jpeg[:2] + b'\xff\xe1' + struct.pack('>H', len(content) + 2) + content + jpeg[2:]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', checksum)


class TestRaw:
    @pytest.mark.parametrize('padding', [0, 1, 13])
    @pytest.mark.parametrize(
        ('encoding', 'to_rgb'),
        [('rgb8', None), ('bgr8', cv2.COLOR_BGR2RGB), ('mono8', cv2.COLOR_GRAY2RGB)],
    )
    def test_pixels_are_a_view_without_the_padding_of_the_rows(
        self, encoding: str, to_rgb: int | None, padding: int
    ) -> None:
        image = noise(5, 7) if encoding == 'mono8' else noise(5, 7, 3)
        frame = raw_frame(image, encoding, padding)
        decoded = decode(frame)
        assert np.array_equal(decoded.pixels, image)
        assert np.shares_memory(decoded.pixels, frame.data)
        assert decoded.to_rgb == to_rgb

    def test_bytes_after_the_last_row_are_ignored(self) -> None:
        frame = raw_frame(noise(5, 7, 3), 'rgb8')
        longer = frame._replace(data=np.append(frame.data, np.uint8(9)))
        assert np.array_equal(decode(longer).pixels, decode(frame).pixels)

    def test_read_only_data_is_enough(self) -> None:
        frame = raw_frame(noise(5, 7), 'mono8')
        sealed = frame._replace(data=np.frombuffer(frame.data.tobytes(), np.uint8))
        assert np.array_equal(decode(sealed).pixels, noise(5, 7))

    @pytest.mark.parametrize('encoding', ENCODINGS)
    def test_pictures_for_people_are_bgr_whatever_came_in(self, encoding: str) -> None:
        bgr = noise(5, 7, 3)
        image = {
            'bgr8': bgr,
            'rgb8': bgr[..., ::-1],
            'mono8': bgr[..., 0],
        }[encoding]
        expected = np.repeat(bgr[..., :1], 3, 2) if encoding == 'mono8' else bgr
        decoded = decode(raw_frame(np.ascontiguousarray(image), encoding))
        assert np.array_equal(bgr_from_decoded(decoded), expected)

    @pytest.mark.parametrize(
        ('change', 'sentence'),
        [
            ({'encoding': 'yuv422'}, "'yuv422' is not supported; .*rgb8, bgr8, mono8"),
            ({'encoding': ''}, 'not supported'),
            ({'height': 0}, 'image is 7x0; both must be positive'),
            ({'width': 0}, 'image is 0x5; both must be positive'),
            ({'height': -5}, 'image is 7x-5; both must be positive'),
            ({'step': 20}, r"step 20 is less than a row of 7 'rgb8' pixels \(21 bytes\)"),
            ({'step': -21}, 'step -21 is less'),
            ({'height': 6}, r'data holds 105 bytes, but step \* height is 126'),
            ({'data': np.zeros(0, np.uint8)}, 'data holds 0 bytes'),
            ({'data': np.zeros(104, np.uint8)}, r'data holds 104 bytes, .* is 105'),
            ({'height': 1 << 31, 'width': 1 << 31, 'step': 1 << 33}, 'data holds 105 bytes'),
        ],
    )
    def test_a_header_that_contradicts_the_data_is_refused(
        self, change: dict[str, object], sentence: str
    ) -> None:
        with pytest.raises(FrameError, match=sentence):
            decode(raw_frame(noise(5, 7, 3), 'rgb8')._replace(**change))

    @given(
        st.sampled_from(['rgb8', 'mono8']),
        st.integers(-1, 9),
        st.integers(-1, 9),
        st.integers(-1, 40),
        st.integers(0, 400),
    )
    def test_any_header_gives_a_view_of_its_size_or_a_frame_error(
        self, encoding: str, height: int, width: int, step: int, size: int
    ) -> None:
        frame = Frame(0, 0, '', 0, encoding, np.zeros(size, np.uint8), height, width, step)
        fits = height > 0 and width > 0 and step * height <= size
        if fits and step >= width * ENCODINGS[encoding].channels:
            assert decode(frame).pixels.shape[:2] == (height, width)
        else:
            with pytest.raises(FrameError):
                decode(frame)


class TestCompressed:
    def test_png_comes_back_bit_for_bit(self) -> None:
        decoded = decode(file_frame(encoded('.png', scene())))
        assert np.array_equal(decoded.pixels, scene())
        assert decoded.to_rgb == cv2.COLOR_BGR2RGB

    def test_jpeg_comes_back_nearly(self) -> None:
        decoded = decode(file_frame(encoded('.jpg', scene())))
        assert np.abs(decoded.pixels.astype(int) - scene()).mean() < 4
        assert decoded.to_rgb == cv2.COLOR_BGR2RGB

    @pytest.mark.parametrize('suffix', ['.jpg', '.png'])
    def test_grey_files_become_colour(self, suffix: str) -> None:
        pixels = decode(file_frame(encoded(suffix, scene()[..., 0]))).pixels
        assert pixels.shape == (48, 64, 3)
        assert np.array_equal(pixels[..., 0], pixels[..., 2])

    def test_a_camera_mounted_sideways_is_not_turned_by_exif(self) -> None:
        """A mask must lie on the pixels that were published."""
        jpeg = encoded('.jpg', scene())
        turned = file_frame(with_segment(jpeg, ROTATED))
        assert cv2.imdecode(turned.data, cv2.IMREAD_COLOR).shape == (64, 48, 3)
        assert np.array_equal(decode(turned).pixels, decode(file_frame(jpeg)).pixels)

    def test_zeros_after_the_end_are_what_drivers_send(self) -> None:
        jpeg = encoded('.jpg', scene())
        padded = decode(file_frame(jpeg + bytes(4000)))
        assert np.array_equal(padded.pixels, decode(file_frame(jpeg)).pixels)

    @pytest.mark.parametrize('suffix', ['.jpg', '.png'])
    @given(share=st.floats(0.05, 0.99))
    def test_a_truncated_file_is_refused_wherever_it_is_cut(
        self, suffix: str, share: float
    ) -> None:
        whole = encoded(suffix, scene())
        with pytest.raises(FrameError, match=r'(JPEG|PNG) of \d+ bytes is truncated'):
            decode(file_frame(whole[: int(len(whole) * share)]))

    def test_a_thumbnails_end_is_not_taken_for_the_photos(self) -> None:
        thumbnail = encoded('.jpg', scene())
        photo = with_segment(encoded('.jpg', noise(480, 640, 3)), ROTATED + thumbnail)
        with pytest.raises(FrameError, match='truncated'):
            decode(file_frame(photo[:-1000]))
        with pytest.raises(FrameError, match='damaged'):
            decode(file_frame(photo[: len(thumbnail) + 200]))

    def test_an_empty_message_says_so(self) -> None:
        with pytest.raises(FrameError, match='compressed data is empty'):
            decode(file_frame(b''))

    @pytest.mark.parametrize(
        'content', [b'\xff', b'GIF89a', b'\0' * 100, b'\x89PNG', b'RIFF....WEBP']
    )
    def test_other_content_is_refused_with_its_first_bytes(self, content: bytes) -> None:
        with pytest.raises(FrameError, match='neither JPEG nor PNG') as caught:
            decode(file_frame(content))
        assert content[:8].hex(' ') in str(caught.value)

    @pytest.mark.parametrize(
        'content', [b'\xff\xd8\xff\xff\xd9', b'\x89PNG\r\n\x1a\nIEND\xaeB`\x82']
    )
    def test_a_beginning_and_an_end_do_not_make_an_image(self, content: bytes) -> None:
        with pytest.raises(FrameError, match='does not decode; it is damaged'):
            decode(file_frame(content))

    def test_a_damaged_png_is_refused(self) -> None:
        content = bytearray(encoded('.png', scene()))
        content[len(content) // 2] ^= 0xFF
        with pytest.raises(FrameError, match='does not decode'):
            decode(file_frame(bytes(content)))

    def test_a_png_that_promises_a_huge_image_is_refused(self) -> None:
        header = struct.pack('>IIBBBBB', 60_000, 60_000, 8, 2, 0, 0, 0)
        body = png_chunk(b'IHDR', header) + png_chunk(b'IDAT', zlib.compress(b'\0'))
        with pytest.raises(FrameError, match='does not decode'):
            decode(file_frame(b'\x89PNG\r\n\x1a\n' + body + png_chunk(b'IEND', b'')))

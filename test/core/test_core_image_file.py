"""A JPEG or PNG is read if it is whole, and refused before it costs anything if it is not."""

from contextlib import suppress
import struct
from time import perf_counter
import zlib

import cv2
from helpers import noise
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.frame import U8
from unet_perception.core.image_file import ImageFile, image_file_from_bytes
from unet_perception.errors import FrameError

ROTATED = b'Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
PNG_MAGIC = b'\x89PNG\r\n\x1a\n'
SIZE = (48, 64)
SUFFIXES = ['.jpg', '.png']


def scene(height: int = 48, width: int = 64) -> U8:
    """Return a smooth BGR image, with nothing that JPEG would blur."""
    return cv2.resize(noise(4, 5, 3, seed=1), (width, height), interpolation=cv2.INTER_CUBIC)


def encoded(suffix: str, image: U8, *options: int) -> bytes:
    return bytes(cv2.imencode(suffix, image, options)[1])


def file_of(content: bytes) -> ImageFile:
    return image_file_from_bytes(np.frombuffer(content, np.uint8))


def with_prefix(jpeg: bytes, prefix: bytes) -> bytes:
    """Insert bytes after the start marker."""
    return jpeg[:2] + prefix + jpeg[2:]


def segment(content: bytes, marker: int = 0xE1) -> bytes:
    """Return a segment; APP1 is where cameras put orientation and thumbnail."""
    return struct.pack('>BBH', 0xFF, marker, len(content) + 2) + content


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack('>I', len(content)) + name + content + struct.pack('>I', checksum)


def png(*extra: bytes, height: int = 2, width: int = 2) -> bytes:
    """Return a black PNG that has 2x2 pixels of data, with chunks between header and data."""
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
    data = chunk(b'IDAT', zlib.compress(bytes(14)))
    return b''.join([PNG_MAGIC, header, *extra, data, chunk(b'IEND', b'')])


JPEG = encoded('.jpg', scene())
PROGRESSIVE = encoded('.jpg', scene(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
HUFFMAN_TABLES = JPEG[JPEG.index(b'\xff\xc4') : JPEG.index(b'\xff\xda')]
LAST_SCAN = PROGRESSIVE[PROGRESSIVE.rindex(b'\xff\xda') : -2]


class TestPixels:
    def test_png_comes_back_bit_for_bit(self) -> None:
        assert np.array_equal(file_of(encoded('.png', scene())).bgr(), scene())

    @pytest.mark.parametrize('content', [JPEG, PROGRESSIVE])
    def test_jpeg_comes_back_nearly(self, content: bytes) -> None:
        assert np.abs(file_of(content).bgr().astype(int) - scene()).mean() < 4

    @pytest.mark.parametrize('suffix', SUFFIXES)
    def test_grey_files_become_colour(self, suffix: str) -> None:
        pixels = file_of(encoded(suffix, scene()[..., 0])).bgr()
        assert pixels.shape == (*SIZE, 3)
        assert np.array_equal(pixels[..., 0], pixels[..., 2])

    def test_a_camera_mounted_sideways_is_not_turned_by_exif(self) -> None:
        """A mask must lie on the pixels that were published."""
        turned = file_of(with_prefix(JPEG, segment(ROTATED)))
        assert cv2.imdecode(turned.data, cv2.IMREAD_COLOR).shape == (64, 48, 3)
        assert np.array_equal(turned.bgr(), file_of(JPEG).bgr())

    @pytest.mark.parametrize('suffix', SUFFIXES)
    def test_zeros_after_the_end_are_what_drivers_send(self, suffix: str) -> None:
        content = encoded(suffix, scene())
        assert np.array_equal(file_of(content + bytes(4000)).bgr(), file_of(content).bgr())


class TestSize:
    @pytest.mark.parametrize('suffix', SUFFIXES)
    @given(height=st.integers(1, 40), width=st.integers(1, 40))
    def test_the_header_has_the_size_of_the_pixels(
        self, suffix: str, height: int, width: int
    ) -> None:
        file = file_of(encoded(suffix, noise(height, width, 3)))
        assert file.size == (height, width) == file.bgr().shape[:2]

    @given(
        st.lists(
            st.one_of(
                st.binary(max_size=9).map(lambda b: b.replace(b'\xff', b'\xfe')),  # garbage
                st.integers(0, 9).map(lambda n: b'\xff' * n + segment(b'text', 0xFE)),
                st.binary(max_size=40).map(segment),
                st.sampled_from([b'\xff\0', b'\xff\x01', b'\xff\xd0', b'\xff\xff\xd7']),
                st.just(segment(JPEG)),
                st.sampled_from([b'\xff\xe5\0\0', b'\xff\xe5\0\1', HUFFMAN_TABLES]),
                st.just(segment(b'', 0xCC)),
            )
        )
    )
    def test_what_the_decoder_skips_is_skipped(self, pieces: list[bytes]) -> None:
        file = file_of(with_prefix(JPEG, b''.join([segment(b''), *pieces])))
        assert file.size == SIZE
        assert np.array_equal(file.bgr(), file_of(JPEG).bgr())

    @given(st.integers(0, 500), st.binary(min_size=1, max_size=20))
    def test_whatever_the_decoder_reads_has_the_size_of_the_header(
        self, position: int, splice: bytes
    ) -> None:
        """A file that hides its size from the check would be decompressed unchecked."""
        for content in (JPEG, encoded('.png', scene())):
            damaged = content[: 3 + position] + splice + content[3 + position :]
            try:
                file = file_of(damaged)
                pixels = file.bgr() if file.size == SIZE else None
            except FrameError:
                continue
            assert pixels is None or pixels.shape[:2] == file.size

    @pytest.mark.parametrize(
        'content',
        [
            b'\xff\xd8\xff\xff\xd9',
            with_prefix(JPEG, b'\xff\xd8\0\2'),
            with_prefix(JPEG, b'\xff\xd9\0\2'),
            with_prefix(JPEG, b'\xff\xda\0\2'),
            JPEG[:2] + segment(b'', 0xC0) + b'\xff\xd9',
            JPEG.replace(struct.pack('>HH', *SIZE), struct.pack('>HH', 0, 64)),
            with_prefix(JPEG, segment(b'') * 1000),
            png()[:8] + chunk(b'tEXt', b'a\0b') + png()[8:],
            png(height=0),
            PNG_MAGIC + chunk(b'IEND', b''),
        ],
    )
    def test_without_a_size_before_its_pixels_it_is_damaged(self, content: bytes) -> None:
        with pytest.raises(FrameError, match='is damaged: it has no size before its pixels'):
            file_of(content)

    def test_a_huge_size_is_known_without_decompressing(self) -> None:
        assert file_of(png(height=60_000, width=50_000)).size == (60_000, 50_000)
        huge = JPEG.replace(struct.pack('>HH', *SIZE), struct.pack('>HH', 65_535, 65_534))
        assert file_of(huge).size == (65_535, 65_534)


class TestRefusals:
    @pytest.mark.parametrize('suffix', SUFFIXES)
    @given(share=st.floats(0.05, 0.99))
    def test_a_truncated_file_is_refused_wherever_it_is_cut(
        self, suffix: str, share: float
    ) -> None:
        whole = encoded(suffix, scene())
        with pytest.raises(FrameError, match=r'(JPEG|PNG) of \d+ bytes is truncated'):
            file_of(whole[: int(len(whole) * share)])

    def test_a_thumbnails_end_is_not_taken_for_the_photos(self) -> None:
        photo = with_prefix(encoded('.jpg', noise(480, 640, 3)), segment(ROTATED + JPEG))
        with pytest.raises(FrameError, match='truncated'):
            file_of(photo[:-1000])
        with pytest.raises(FrameError, match='damaged'):
            file_of(photo[: len(JPEG) + 200])

    def test_an_empty_message_says_so(self) -> None:
        with pytest.raises(FrameError, match='compressed data is empty'):
            file_of(b'')

    @pytest.mark.parametrize(
        'content', [b'\xff', b'GIF89a', b'\0' * 100, b'\x89PNG', b'RIFF....WEBP']
    )
    def test_other_content_is_refused_with_its_first_bytes(self, content: bytes) -> None:
        with pytest.raises(FrameError, match='neither JPEG nor PNG') as caught:
            file_of(content)
        assert content[:8].hex(' ') in str(caught.value)

    def test_a_damaged_png_is_refused(self) -> None:
        content = bytearray(encoded('.png', scene()))
        content[len(content) // 2] ^= 0xFF
        with pytest.raises(FrameError, match=r'PNG of \d+ bytes does not decode'):
            file_of(bytes(content)).bgr()

    def test_what_opencv_itself_throws_is_translated(self) -> None:
        with pytest.raises(FrameError, match='does not decode'):
            file_of(png(height=60_000, width=60_000)).bgr()


def test_a_jpeg_without_pixels_is_no_whole_file() -> None:
    header = JPEG[: JPEG.index(b'\xff\xda')]
    with pytest.raises(FrameError, match='has no pixels'):
        file_of(header + b'\xff\xd9')


class TestCost:
    def test_ten_scans_are_usual_and_more_than_a_hundred_an_attack(self) -> None:
        usual = PROGRESSIVE.count(b'\xff\xda')
        assert 5 < usual < 15
        most = PROGRESSIVE[:-2] + LAST_SCAN * (100 - usual) + PROGRESSIVE[-2:]
        assert file_of(most).bgr().shape == (*SIZE, 3)
        with pytest.raises(FrameError, match='more than 100 scans; publish baseline JPEG'):
            file_of(most[:-2] + LAST_SCAN + most[-2:])

    def test_scans_of_a_large_image_cost_more_and_may_be_fewer(self) -> None:
        size_at = PROGRESSIVE.index(b'\xff\xc2') + 5
        large = PROGRESSIVE[:size_at] + struct.pack('>HH', 5000, 5000) + PROGRESSIVE[size_at + 4 :]
        assert file_of(large).size == (5000, 5000)
        with pytest.raises(FrameError, match='more than 20 scans; publish baseline JPEG'):
            file_of(large[:-2] + LAST_SCAN * 20 + large[-2:])

    @pytest.mark.parametrize('name', [b'tEXt', b'IEND'])
    def test_a_chunk_that_promises_gigabytes_is_not_allocated(self, name: bytes) -> None:
        """OpenCV 4.11 and later do so before they notice that the file ends."""
        with pytest.raises(FrameError, match=r'PNG of \d+ bytes is truncated: it has no end'):
            file_of(png(struct.pack('>I', 0x7FFFFFFF) + name))

    @pytest.mark.parametrize('name', [b'iCCP', b'iTXt', b'zTXt'])
    def test_compressed_metadata_may_be_small_only(self, name: bytes) -> None:
        assert file_of(png(chunk(name, bytes(50_000)))).size == (2, 2)
        with pytest.raises(FrameError, match=r'100002 bytes of compressed text .*without'):
            file_of(png(chunk(name, bytes(50_001)), chunk(name, bytes(50_001))))

    def test_plain_text_may_be_long(self) -> None:
        assert file_of(png(chunk(b'tEXt', b'a\0' + b'b' * 200_000))).bgr().shape == (2, 2, 3)

    @pytest.mark.parametrize(
        'content',
        [
            png(chunk(b'IDAT', b'') * 80_000),
            png() + bytes(10_000_000),
            with_prefix(JPEG, b'\xff\xfe\0\2' * 250_000),
            with_prefix(JPEG, b'\xff\xd0' * 500_000),
            with_prefix(JPEG, b'\xff' * 1_000_000),
            with_prefix(JPEG, b'\xff\0' * 500_000),
            with_prefix(JPEG, b'\xff\xda' * 500_000),
        ],
        ids=['chunks', 'padding', 'segments', 'restarts', 'fill', 'stuffing', 'scans'],
    )
    def test_a_megabyte_of_nothing_is_passed_quickly(self, content: bytes) -> None:
        start = perf_counter()
        with suppress(FrameError):
            file_of(content)
        assert perf_counter() - start < 1

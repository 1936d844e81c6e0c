"""A video or a folder of images, in order, or a sentence about what is wrong with it."""

from pathlib import Path

import cv2
from helpers import ROOT
import numpy as np
import pytest

from unet_perception.core.footage import frames_from_path
from unet_perception.errors import RequestError

HIGHWAY = ROOT / 'examples' / 'footage' / 'highway.mp4'


def write_grey(file: Path, level: int) -> None:
    assert cv2.imwrite(str(file), np.full((4, 6, 3), level, np.uint8))


def test_images_come_by_name_whatever_their_kind_and_nothing_else(tmp_path: Path) -> None:
    for level, name in enumerate(['d.bmp', 'b.PNG', 'a.jpg', 'c.jpeg']):
        write_grey(tmp_path / name, 50 * level)
    (tmp_path / 'README.md').write_text('not an image')
    frames = list(frames_from_path(tmp_path))
    assert [round(frame.mean(), -1) for frame in frames] == [100, 50, 150, 0]
    assert {frame.shape for frame in frames} == {(4, 6, 3)}


def test_the_shipped_video_plays_to_its_end() -> None:
    frames = [frame.shape for frame in frames_from_path(HIGHWAY)]
    assert len(frames) > 200
    assert set(frames) == {(540, 960, 3)}


def test_a_video_can_be_left_early() -> None:
    frames = frames_from_path(HIGHWAY)
    assert next(frames).dtype == np.uint8
    frames.close()


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    write_grey(tmp_path / 'a.png', 1)
    (tmp_path / 'b.png').write_bytes(b'no image')
    frames = frames_from_path(tmp_path)
    next(frames)
    with pytest.raises(RequestError, match=r"b\.png' is not a readable image"):
        next(frames)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r'holds no image \(\.jpg, \.jpeg, \.png, \.bmp\)'):
        list(frames_from_path(tmp_path))


@pytest.mark.parametrize('content', [b'', b'no video', bytes(5000)])
def test_what_is_not_a_video_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / 'broken.mp4'
    file.write_bytes(content)
    with pytest.raises(RequestError, match=r"broken\.mp4' is not a video"):
        list(frames_from_path(file))


def test_what_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match='neither a video file nor a folder of images'):
        frames_from_path(tmp_path / 'missing')

"""Labels are read as written or refused by a sentence; those of the clip lie on its paint."""

from collections.abc import Sequence
from functools import cache
import json
import math
from pathlib import Path

import cv2
from helpers import ROOT
import numpy as np
import pytest

from unet_perception.core.footage import frames_from_path
from unet_perception.core.frame import U8
from unet_perception.core.line_labels import LabelledLines, Line, labelled_lines_from_file
from unet_perception.core.scores import F64
from unet_perception.errors import DataError

HIGHWAY = ROOT / 'examples' / 'footage' / 'highway.mp4'
LABELS = ROOT / 'test' / 'data' / 'highway_lines.json'
FRAMES = range(5, 221, 11)


DOCUMENT = {
    'clip': 'a.mp4',
    'size': [60, 90],
    'ignore_above_row': 7,
    'frames': [{'frame': 3, 'lines': [[[1, 59, 2.5], [4, 8.5, 1]]]}, {'frame': 0, 'lines': []}],
}


def written(folder: Path, document: object) -> Path:
    file = folder / 'lines.json'
    file.write_text(json.dumps(document))
    return file


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    labels = labelled_lines_from_file(written(tmp_path, DOCUMENT))
    assert (labels.clip, labels.size, labels.ignore_above) == ('a.mp4', (60, 90), 7)
    frames = {number: [line.tolist() for line in lines] for number, lines in labels.frames.items()}
    assert frames == {entry['frame']: entry['lines'] for entry in DOCUMENT['frames']}


def with_points(points: object) -> dict[str, object]:
    return DOCUMENT | {'frames': [{'frame': 3, 'lines': [points]}]}


@pytest.mark.parametrize(
    ('document', 'complaint'),
    [
        ({k: v for k, v in DOCUMENT.items() if k != 'size'}, "it lacks 'size'"),
        (DOCUMENT | {'size': [60]}, 'not enough values'),
        (DOCUMENT | {'size': [60, 9.5]}, 'size holds 9.5'),
        (DOCUMENT | {'clip': None}, 'clip is not a name'),
        (DOCUMENT | {'ignore_above_row': 60}, 'ignore_above_row holds 60, not 0 to 59'),
        (DOCUMENT | {'frames': []}, 'frames is empty'),
        (DOCUMENT | {'frames': [{'frame': -1, 'lines': []}]}, 'frame holds -1'),
        (DOCUMENT | {'frames': DOCUMENT['frames'] * 2}, 'frame 3 occurs twice'),
        (with_points([[1, 2, 3]]), 'line 0 of frame 3 is not a list of two or more'),
        (with_points([[1, 2], [1, 3]]), 'is not a list of two or more'),
        (with_points([[1, 2, 3], ['1', '3', '3']]), 'is not a list of two or more'),
        (with_points([[1, 2, 3], [1, 3, 10**400]]), 'is not a list of two or more'),
        (with_points([[1, 2, 3], [90, 3, 3]]), 'leaves the frame'),
        (with_points([[1, 2, 3], [1, -1, 3]]), 'leaves the frame'),
        (with_points([[1, 2, 3], [1, math.nan, 3]]), 'leaves the frame'),
        (with_points([[1, 2, 3], [1, 3, 0]]), 'a width that is not above 0'),
        (with_points([[1, 2, 3], [1, 3, math.inf]]), 'a width that is not above 0'),
        (with_points([[1, 2, 3], [5, 2, 3]]), 'does not rise or fall all the way'),
        ([], 'list indices'),
        (None, 'not subscriptable'),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_a_sentence(
    tmp_path: Path, document: object, complaint: str
) -> None:
    with pytest.raises(
        DataError, match=rf"lines\.json' can't be used \(.*{complaint}.*\); it holds"
    ):
        labelled_lines_from_file(written(tmp_path, document))


def test_a_file_that_is_missing_or_not_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / 'lines.json'
    with pytest.raises(DataError, match='No such file'):
        labelled_lines_from_file(file)
    for content in (b'', b'{', b'\xff', b'[' * 100000):
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"lines\.json' can't be used"):
            labelled_lines_from_file(file)


@cache
def shipped() -> LabelledLines:
    return labelled_lines_from_file(LABELS)


@cache
def greys() -> dict[int, U8]:
    """Return the labelled frames of the clip in grey."""
    frames = enumerate(frames_from_path(HIGHWAY))
    return {k: cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY) for k, bgr in frames if k in FRAMES}


def grey_beside(grey: U8, line: Line, widths: Sequence[float]) -> float:
    """Return the mean grey so many widths beside the centre of a line."""
    y = np.linspace(line[0, 1], line[-1, 1], 50)
    x, width = (np.interp(-y, -line[:, 1], line[:, k]) for k in (0, 2))
    columns = np.rint(x + np.outer(widths, width)).astype(int)
    rows = np.broadcast_to(np.rint(y).astype(int), columns.shape)
    inside = (columns >= 0) & (columns < grey.shape[1])
    return float(grey[rows[inside], columns[inside]].mean())


def contrasts(grey: U8, lines: Sequence[Line]) -> F64:
    """Return of each line how much brighter it is than the asphalt 1.5 widths beside it."""
    return np.array(
        [
            grey_beside(grey, line, (-0.25, 0, 0.25)) - grey_beside(grey, line, (-1.5, 1.5))
            for line in lines
        ]
    )


def test_the_shipped_labels_are_of_twenty_frames_all_over_the_clip() -> None:
    labels = shipped()
    assert (labels.clip, labels.ignore_above) == (HIGHWAY.name, 330)
    assert list(labels.frames) == list(FRAMES) == list(greys())
    assert {grey.shape for grey in greys().values()} == {labels.size}
    assert len(FRAMES) == 20


@pytest.mark.parametrize('frame', FRAMES)
def test_each_frame_has_its_solid_line_to_the_right_and_dashes_to_the_left(frame: int) -> None:
    solid, *dashes = shipped().frames[frame]
    assert solid[0, 1] == shipped().size.height - 1
    assert solid[-1, 1] < shipped().ignore_above
    assert len(dashes) >= 9
    assert max(dash[:, 0].max() for dash in dashes) < solid[:, 0].min()


@pytest.mark.parametrize('frame', FRAMES)
def test_each_label_lies_on_paint_brighter_than_the_asphalt_beside_it(frame: int) -> None:
    measured = contrasts(greys()[frame], shipped().frames[frame])
    assert measured.min() > 15
    assert measured.mean() > 60


@pytest.mark.parametrize('frame', FRAMES)
def test_the_labels_fit_their_own_frame_and_no_other(frame: int) -> None:
    by_labels = {k: contrasts(greys()[frame], shipped().frames[k]).mean() for k in FRAMES}
    own = by_labels.pop(frame)
    assert own > max(by_labels.values()) + 15

"""Painted lines of a clip as somebody marked them, from a JSON file.

Knows polylines and the file's fields; not masks, images or scores.

    {"clip": FILE NAME, "size": [height, width], "ignore_above_row": ROW,
     "frames": [{"frame": 0, "lines": [[[x, y, width], …], …]}, …]}
"""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError
from .geometry import Size
from .scores import F64

Line = F64
"""One painted piece, (points, 3): x and y of its centre and its horizontal width in pixels, from
one end to the other; rows rise or fall all the way, pixel centres are whole numbers."""


class LabelledLines(NamedTuple):
    """The painted lines of some frames of a clip."""

    clip: str
    size: Size
    ignore_above: int
    """Row above which lines are too thin to be judged."""
    frames: Mapping[int, list[Line]]
    """Lines by the frame's number, which counts from 0."""


def labelled_lines_from_file(path: Path) -> LabelledLines:
    """Read and check a file of labelled lines; DataError says what is wrong with it."""
    try:
        return _labels_from_document(json.loads(path.read_text(encoding='utf-8')))
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as exc:
        what = f'it lacks {exc}' if isinstance(exc, KeyError) else str(exc)
        raise DataError(
            f"{str(path)!r} can't be used ({what:.300}); it holds clip, size, ignore_above_row "
            f'and frames, each with lines of [x, y, width]'
        ) from exc


def _labels_from_document(document: Mapping[str, Any]) -> LabelledLines:
    """Build the labels; KeyError, TypeError or ValueError if a field is not as it must be."""
    height, width = (_integer(side, 'size', most=1 << 14) for side in document['size'])
    size = Size(height, width)
    limit = _integer(document['ignore_above_row'], 'ignore_above_row', most=height - 1)
    frames: dict[int, list[Line]] = {}
    for entry in document['frames']:
        number = _integer(entry['frame'], 'frame', most=1 << 32)
        _require(number not in frames, f'frame {number} occurs twice')
        frames[number] = [
            _line_from_points(points, size, f'line {k} of frame {number}')
            for k, points in enumerate(entry['lines'])
        ]
    _require(bool(frames), 'frames is empty')
    _require(isinstance(document['clip'], str), 'clip is not a name')
    return LabelledLines(document['clip'], size, limit, frames)


def _line_from_points(points: Any, size: Size, where: str) -> Line:
    """Check one polyline; ValueError for what can't be."""
    array = np.asarray(points)
    _require(
        array.dtype.kind in 'if' and array.ndim == 2 and array.shape[1] == 3 and len(array) > 1,
        f'{where} is not a list of two or more [x, y, width]',
    )
    line = array.astype(np.float64)
    inside = (line >= 0).all() and (line[:, :2] <= (size.width - 1, size.height - 1)).all()
    _require(bool(inside), f'{where} leaves the frame')
    _require(
        bool((line[:, 2] > 0).all() and np.isfinite(line).all()),
        f'{where} has a width that is not above 0',
    )
    steps = np.diff(line[:, 1])
    _require(
        bool((steps > 0).all() or (steps < 0).all()), f'{where} does not rise or fall all the way'
    )
    return line


def _integer(value: Any, name: str, most: int) -> int:
    _require(
        type(value) is int and 0 <= value <= most, f'{name} holds {value!r:.40}, not 0 to {most}'
    )
    return int(value)


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)

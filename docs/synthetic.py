"""Draws the contact sheets of docs/synthetic.md.

    python -m docs.synthetic tabletop
    python -m docs.synthetic streets
    python -m docs.synthetic lanes ROADS       a labelled road folder

Knows which sheet is drawn how; the figures beside them are of the commands that the page names.
"""

from collections.abc import Callable
from pathlib import Path
import sys
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from unet_perception.cli.main import main as unet_perception
from unet_perception.core.frame import U8
from unet_perception.core.overlay import bgr_table, overlay
from unet_perception.training.dataset import pairs_from_folder, read_pair
from unet_perception.training.labels import CLASSES, classes_from_folder

TARGET = Path(__file__).parent / 'images'
WIDTH, COLUMNS = 200, 6  # pixels of a picture; pictures and overlays in a row


def sheet(folder: Path) -> U8:
    """Return the images of a data folder, each beside its mask laid over it, (H, W, 3) BGR."""
    classes = classes_from_folder(folder)
    colors = bgr_table([entry.color for entry in classes])
    tiles: list[U8] = []
    for pair in pairs_from_folder(folder):
        image, mask = read_pair(pair, len(classes))
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        size = (WIDTH, round(WIDTH * len(bgr) / bgr.shape[1]))
        both = (bgr, overlay(bgr, mask, colors))
        tiles += (cv2.resize(tile, size, interpolation=cv2.INTER_AREA) for tile in both)
    starts = range(0, len(tiles) - COLUMNS + 1, COLUMNS)
    return np.vstack([np.hstack(tiles[k : k + COLUMNS]) for k in starts])


def tabletop() -> U8:
    """Draw a view of each of 18 scenes."""
    with TemporaryDirectory() as folder:
        words = ('synth', 'tabletop', folder, '--images', '18', '--views', '1', '--seed', '1')
        assert unet_perception([*words]) == 0
        return sheet(Path(folder))


def streets() -> U8:
    """Draw 18 streets."""
    with TemporaryDirectory() as folder:
        words = ('synth', 'streets', folder, '--images', '18', '--seed', '1')
        assert unet_perception([*words]) == 0
        return sheet(Path(folder))


def lanes(folder_of_roads: str) -> U8:
    """Paint 12 photos, evenly spaced over a labelled road folder."""
    roads = Path(folder_of_roads).resolve()
    pairs = pairs_from_folder(roads)
    step = len(pairs) // 12
    with TemporaryDirectory() as folder:
        few = Path(folder) / 'roads'
        for pair in pairs[step // 2 :: step][:12]:
            for file in (pair.image, pair.mask):
                link = few / file.relative_to(roads)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file)
        (few / CLASSES).symlink_to(roads / CLASSES)
        out = Path(folder) / 'painted'
        assert unet_perception(['synth', 'lanes', str(few), str(out)]) == 0
        return sheet(out)


SHEETS: dict[str, Callable[..., U8]] = {
    'tabletop': tabletop,
    'streets': streets,
    'lanes': lanes,
}


def main(name: str, *words: str) -> None:
    """Draw a sheet."""
    file = str(TARGET / f'{name}.jpg')
    cv2.imwrite(file, SHEETS[name](*words), [cv2.IMWRITE_JPEG_QUALITY, 80])


if __name__ == '__main__':
    main(*sys.argv[1:])

"""A data set that takes seconds to learn, and what its author says of a model of it."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

IMAGES, CLASSES = 40, 2
ABOUT: dict[str, Any] = {
    'name': 'disc',
    'version': '0.0.1',
    'task': 'red discs',
    'classes': [
        {'id': 0, 'name': 'ground', 'color': [0, 0, 0]},
        {'id': 1, 'name': 'disc', 'color': [255, 0, 0]},
    ],
    'data': 'Discs drawn on noise.',
    'limits': ['Knows no squares.', 'Has never seen daylight: Ωλ.'],
    'license': 'CC0-1.0, as the drawings are.',
    'attribution': 'Drawn by the tests.',
    'commands': ['unet_perception train DATA OUT', 'unet_perception export OUT DATA MODEL'],
}


def write_toy(folder: Path) -> Path:
    """Draw a red disc on noise `IMAGES` times, and its mask."""
    rng = np.random.default_rng(0)
    for part in ('images', 'masks'):
        (folder / part).mkdir(parents=True)
    for k in range(IMAGES):
        mask = np.zeros((72, 120), np.uint8)
        cv2.circle(mask, rng.integers((25, 25), (95, 47)).tolist(), 20, (1,), -1)
        noise = rng.integers(0, 100, (72, 120, 3), np.uint8)
        red = mask[..., None] * np.array((0, 0, 150), np.uint8)
        cv2.imwrite(str(folder / 'images' / f'{k:03}.png'), noise + red)
        cv2.imwrite(str(folder / 'masks' / f'{k:03}.png'), mask)
    return folder


def write_about(folder: Path, **changes: Any) -> Path:
    """Write `about.json` into a model folder yet to be filled."""
    folder.mkdir(exist_ok=True)
    (folder / 'about.json').write_text(json.dumps({**ABOUT, **changes}), encoding='utf-8')
    return folder

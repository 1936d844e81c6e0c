"""A data set that takes seconds to learn, and what its author says of a model of it."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

IMAGES, CLASSES = 40, 2
NOISE_CLASSES = ('ground', 'left', 'right')
ABOUT: dict[str, Any] = {
    'name': 'disc',
    'version': '0.0.1',
    'task': 'red discs',
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
    (folder / 'classes.yaml').write_text(
        'classes:\n- {id: 0, name: ground}\n- {id: 1, name: disc, color: [255, 0, 0]}\n'
    )
    return folder


def write_noise(root: Path, names: str = 'abcd') -> Path:
    """Write a pair per letter: noise, and a mask that shows each of three classes and 255."""
    for part in ('images', 'masks'):
        (root / part).mkdir(parents=True)
    for seed, name in enumerate(names):
        image = np.random.default_rng(seed).integers(0, 256, (8, 12, 3), np.uint8)
        mask = np.repeat(np.array([[0, 1, 2, 255]], np.uint8), 8, 0).repeat(3, 1)
        cv2.imwrite(str(root / 'images' / f'{name}.png'), image)
        cv2.imwrite(str(root / 'masks' / f'{name}.png'), mask)
    entries = ', '.join(f'{{id: {k}, name: {name}}}' for k, name in enumerate(NOISE_CLASSES))
    (root / 'classes.yaml').write_text(f'classes: [{entries}]')
    return root


def write_about(folder: Path, **changes: Any) -> Path:
    """Write `about.json` into a model folder yet to be filled."""
    folder.mkdir(exist_ok=True)
    (folder / 'about.json').write_text(json.dumps({**ABOUT, **changes}), encoding='utf-8')
    return folder

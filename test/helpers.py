"""Frames, models and processes that several tests need."""

from collections.abc import Callable
import json
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Any

import numpy as np

from unet_perception.core.decode import ENCODINGS, Pixels
from unet_perception.core.frame import COMPRESSED, U8, Frame
from unet_perception.core.manifest import MANIFEST

ROOT = Path(__file__).parents[1]
LANE = ROOT / 'models' / 'lane'
SHIPPED = sorted(file.parent for file in (ROOT / 'models').glob(f'*/{MANIFEST}'))


def raw_frame(
    samples: Pixels, encoding: str, padding: int = 0, height: int | None = None
) -> Frame:
    """Make a frame of samples (rows, W[, C]); `padding` bytes of 0xee end each row.

    `height` is that of the image, where it is not the number of rows.
    """
    rows = np.ascontiguousarray(samples).view(np.uint8).reshape(len(samples), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xEE)
    size = height or len(samples), samples.shape[1]
    is_bigendian = samples.dtype.byteorder == '>'
    data, step = rows.reshape(-1), rows.shape[1]
    return Frame(7, 123, 'camera', 456, encoding, data, *size, step, is_bigendian)


def noise_frame(encoding: str, height: int, width: int, padding: int = 0, seed: int = 0) -> Frame:
    """Make a frame of random samples in any encoding of the table."""
    row = ENCODINGS[encoding]
    rows = height * row.mosaic.rows // row.mosaic.height if row.mosaic else height
    row_bytes = width * row.channels * row.samples[0].itemsize
    frame = raw_frame(noise(rows, row_bytes, seed=seed), encoding, padding, height)
    return frame._replace(width=width)


def file_frame(content: bytes) -> Frame:
    """Make a frame of a JPEG's or PNG's bytes."""
    return Frame(7, 123, 'camera', 456, COMPRESSED, np.frombuffer(content, np.uint8), 0, 0, 0)


def noise(*shape: int, seed: int = 0) -> U8:
    """Return random bytes, the same for the same seed."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def model_copy(folder: Path) -> Path:
    """Copy a shipped model into `folder`, to be damaged."""
    return Path(shutil.copytree(LANE, folder / LANE.name))


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Rewrite a model's manifest after `change`."""
    file = folder / MANIFEST
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def flip_byte(file: Path, position: int = -100) -> None:
    """Change one byte of a file."""
    content = bytearray(file.read_bytes())
    content[position] ^= 0x01
    file.write_bytes(content)


def run_python(code: str, *arguments: str, **options: Any) -> 'subprocess.CompletedProcess[str]':
    """Run a program in a Python of its own."""
    command = [sys.executable, '-c', code, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )

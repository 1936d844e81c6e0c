"""The folder that a synthesis fills: images, masks, instances, classes, groups, its own recipe.

Knows files; not how a picture is made.

    DIR/images/NAME.jpg   DIR/masks/NAME.png   DIR/instances/NAME.png   8-bit ids
    DIR/classes.yaml   DIR/groups.csv   DIR/synthesis.json
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
import json
from pathlib import Path
import platform
import shutil
from tempfile import mkdtemp
from typing import Any

import cv2
import numpy as np

from ... import __version__
from ...core.files import replace_file
from ...core.frame import U8
from ...core.geometry import Size
from ...core.manifest import ClassInfo
from ...errors import RequestError
from ..labels import IMAGES, MASKS, write_classes, write_groups

INSTANCES, SYNTHESIS = 'instances', 'synthesis.json'
SMALLEST, LARGEST = 64, 2048  # pixels a side that can be rendered
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]


def check_order(images: int, seed: int, size: Size) -> None:
    """RequestError, by the option's name, unless so many pictures of a size can be rendered."""
    if images < 1:
        raise RequestError(f'--images {images} draws nothing; ask for 1 or more')
    if seed < 0:
        raise RequestError(f'--seed {seed} is not possible; give 0 or more')
    if min(size) < SMALLEST or max(size) > LARGEST:
        raise RequestError(
            f'--size {size.height} {size.width} is not possible; each side can be '
            f'{SMALLEST} to {LARGEST} pixels'
        )


@contextmanager
def synthesis_folder(
    out: Path, parts: Sequence[str] = (IMAGES, MASKS)
) -> Iterator['SynthesisFolder']:
    """Give a folder beside `out` to fill, which becomes `out` when all is written.

    RequestError unless `out` is new or empty and can be written. What ends before leaves nothing.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RequestError(f'{str(out)!r} is not an empty folder; name a new one, or empty it')
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        root = Path(mkdtemp(prefix=f'.{out.name}.', dir=out.parent))
    except OSError as exc:
        raise RequestError(
            f"{str(out)!r} can't be written ({exc.strerror}); name a folder that can be"
        ) from exc
    try:
        for part in parts:
            (root / part).mkdir()
        yield SynthesisFolder(root)
        root.chmod(0o755)
        root.replace(out)
    finally:  # where it became `out`, there is nothing left to remove
        shutil.rmtree(root, ignore_errors=True)


class SynthesisFolder:
    """A folder that is being filled."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._groups: dict[str, str] = {}

    def add(self, name: str, group: str, image: U8, ids: Mapping[str, U8]) -> None:
        """Write an image (H, W, 3) RGB and its ids (H, W) by part (masks, instances)."""
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode('.jpg', bgr, JPEG)[1]
        replace_file(self.root / IMAGES / f'{name}.jpg', jpeg.tobytes())
        for part, pixels in ids.items():
            png = cv2.imencode('.png', pixels)[1]
            replace_file(self.root / part / f'{name}.png', png.tobytes())
        self._groups[name] = group

    def finish(self, classes: Sequence[ClassInfo], recipe: Mapping[str, Any]) -> None:
        """Write classes and groups, then the recipe with the versions it was cooked with."""
        write_classes(self.root, classes)
        write_groups(self.root, self._groups)
        versions = {
            'unet_perception': __version__,
            'python': platform.python_version(),
            'numpy': np.__version__,
            'opencv': cv2.__version__,
        }
        document = {**recipe, 'versions': {**versions, **recipe.get('versions', {})}}
        text = json.dumps(document, indent=2) + '\n'
        replace_file(self.root / SYNTHESIS, text.encode())

"""The folder that a synthesis fills: images, masks, instances, classes, groups, its own recipe.

Knows files; not how a picture is made.

    DIR/images/NAME.jpg   DIR/masks/NAME.png   DIR/instances/NAME.png   8-bit ids
    DIR/classes.yaml   DIR/groups.csv   DIR/synthesis.json   written last
"""

from collections.abc import Mapping, Sequence
import json
from pathlib import Path
import platform
from typing import Any

import cv2
import numpy as np

from ... import __version__
from ...core.files import replace_file
from ...core.frame import U8
from ...core.manifest import ClassInfo
from ...errors import RequestError
from ..labels import IMAGES, MASKS, write_classes, write_groups

INSTANCES, SYNTHESIS = 'instances', 'synthesis.json'
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]


class SynthesisFolder:
    """A folder that was new or empty, and what was written to it."""

    def __init__(self, root: Path, parts: Sequence[str] = (IMAGES, MASKS, INSTANCES)) -> None:
        self.root = root
        self._groups: dict[str, str] = {}
        try:
            root.mkdir(parents=True, exist_ok=True)
            if any(root.iterdir()):
                raise RequestError(f'{str(root)!r} is not empty; name a new folder or empty it')
            for part in parts:
                (root / part).mkdir()
        except OSError as exc:
            raise RequestError(
                f"{str(root)!r} can't be written ({exc.strerror}); name a folder that can be"
            ) from exc

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

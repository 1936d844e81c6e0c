"""Draws the README's picture from the shipped footage and model: `make docs`.

Image, mask and confidence of one frame, as the node would publish them.
"""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from unet_perception.core.footage import frames_from_path
from unet_perception.core.frame import frame_from_pixels
from unet_perception.core.manifest import model_from_folder
from unet_perception.core.overlay import bgr_table, overlay
from unet_perception.core.paths import model_folder, sample_footage
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.engines import choose_backend, default_artifact, open_engine

FRAME, WIDTH = 110, 640
FILE = Path(__file__).parent / 'images' / 'overlay.jpg'


def main() -> None:
    """Segment one frame and write the picture."""
    footage = sample_footage()
    bgr = next(islice(frames_from_path(footage), FRAME, None))
    model = model_from_folder(model_folder('lane'))
    artifact, _ = default_artifact(model)
    height, width = bgr.shape[:2]
    with open_engine(choose_backend('auto').backend, model, artifact) as engine:
        result = SegmentationPipeline(engine, model.manifest.resize).run(
            frame_from_pixels(bgr, 'bgr8')
        )
        mask = overlay(bgr, result.mask, bgr_table(model.manifest.colors))
        confidence = cv2.applyColorMap(result.confidence, cv2.COLORMAP_VIRIDIS)
    panels = [cv2.resize(panel, (WIDTH, WIDTH * height // width)) for panel in (mask, confidence)]
    cv2.imwrite(str(FILE), np.hstack(panels), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == '__main__':
    main()

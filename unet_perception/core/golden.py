"""Proves that the engine about to serve is still the model that was shipped.

Knows one image and its expected probabilities; not how the engine works.
"""

import io
from typing import NamedTuple
import zipfile

import numpy as np

from ..errors import GoldenError, ModelError
from .engine import Engine
from .frame import U8
from .manifest import Model, OperatingPoint
from .scores import Confusion

LEAST_IOU = {'fp32': 0.97, 'fp16': 0.97, 'int8': 0.93}
LEAST_SHARE = 0.01
_MOST_BYTES = 1 << 28


class Golden(NamedTuple):
    """An image at network size and what the fp32 reference makes of it."""

    image: U8  # (H, W, 3) RGB
    probabilities: U8  # (C, H, W)


def golden_from_bytes(content: bytes, name: str) -> Golden:
    """Parse a golden `.npz`; ModelError, with `name`, if it is not one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
                raise ModelError(f'{name!r} unpacks to more than {_MOST_BYTES} bytes')
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            golden = Golden(np.asarray(arrays['image']), np.asarray(arrays['probabilities']))
    except ModelError:
        raise
    except Exception as exc:  # zip, zlib and the array header each have exceptions of their own
        raise ModelError(f'{name!r} is not a golden file: {exc}') from exc
    image, probabilities = golden
    if (
        image.dtype != np.uint8
        or probabilities.dtype != np.uint8
        or (image.ndim, probabilities.ndim) != (3, 3)
        or image.shape != (*probabilities.shape[1:], 3)
    ):
        raise ModelError(f'{name!r} holds arrays of the wrong type or shape; export it again')
    return golden


def golden_of(model: Model, point: OperatingPoint) -> Golden:
    """Read the golden of an operating point; ModelError if it is not the manifest's."""
    return golden_from_bytes(model.read(point.golden), point.golden.file)


def check_golden(engine: Engine, golden: Golden) -> list[float]:
    """Return the IoU of each class between engine and golden; GoldenError if one is too low."""
    spec = engine.spec
    if golden.probabilities.shape != (spec.classes, spec.height, spec.width):
        raise ModelError(
            f'the golden is {golden.probabilities.shape}, the engine gives '
            f'{(spec.classes, spec.height, spec.width)}; export the model again'
        )
    expected = golden.probabilities.argmax(0).astype(np.uint8)
    shares = np.bincount(expected.ravel(), minlength=spec.classes) / expected.size
    if shares.min() < LEAST_SHARE:
        raise ModelError(
            f'class {int(shares.argmin())} covers less than {LEAST_SHARE:.0%} of the golden '
            f'image, so the check would not see it; export with another golden image'
        )
    answer = engine.infer(golden.image[None]).probabilities[0].argmax(0).astype(np.uint8)
    confusion = Confusion(spec.classes)
    confusion.add(expected, answer)
    iou = confusion.iou()
    if iou.min() < LEAST_IOU[spec.precision]:
        raise GoldenError(
            f'{spec.backend} on {spec.device} answers the golden image with IoU '
            f'{iou.min():.3f} for class {int(iou.argmin())}; at least '
            f'{LEAST_IOU[spec.precision]} is needed, so it does not serve the shipped model; '
            f'if it did before, delete the compiled models in ~/.cache/unet_perception'
        )
    return [float(value) for value in iou]

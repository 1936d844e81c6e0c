"""The golden of a size: a validation image, and what the fp32 reference makes of it.

Knows what the golden check of the runtime asks of an image; not who runs it.
"""

from collections.abc import Sequence
import io

import numpy as np

from ..core.engine import Engine
from ..core.geometry import Size, letterboxed
from ..core.golden import LEAST_SHARE, Golden
from ..errors import DataError
from ..training.dataset import Pair, read_pair

SAFE_SHARE = 1.5 * LEAST_SHARE
"""So that the check finds each class in it on engines that round otherwise, too."""


def golden_from_pairs(engine: Engine, pairs: Sequence[Pair]) -> Golden:
    """Return the image whose least class is the largest; DataError if none shows every class."""
    spec, best, best_share = engine.spec, None, 0.0
    for pair in pairs:
        image, _ = read_pair(pair, spec.classes)
        canvas, _ = letterboxed(image, Size(spec.height, spec.width))
        probabilities = engine.infer(canvas[None]).probabilities[0]
        counts = np.bincount(probabilities.argmax(0).ravel(), minlength=spec.classes)
        share = float(counts.min() / counts.sum())
        if share > best_share:
            best, best_share = Golden(canvas, probabilities.copy()), share
    if best is None or best_share < SAFE_SHARE:
        raise DataError(
            f'the network finds every class in no validation image, each in {SAFE_SHARE:.1%} of '
            f'the pixels, and the golden check needs such an image; train longer'
        )
    return best


def bytes_from_golden(golden: Golden) -> bytes:
    """Return the golden as a file that `golden_from_bytes` reads."""
    stream = io.BytesIO()
    np.savez_compressed(stream, image=golden.image, probabilities=golden.probabilities)
    return stream.getvalue()

"""Frame in, mask and confidence out: the one implementation, live and offline.

Knows the order of the stages and owns their buffers; not where frames come from or masks go.
"""

import hashlib
import math
from time import perf_counter_ns
from typing import NamedTuple

import cv2
import numpy as np

from .cleaning import NOTHING, Cleaning
from .decode import Decoded, Decoder, Pixels, eight_bit
from .engine import Engine
from .frame import U8, Frame
from .geometry import Resize, Size, placement_from_sizes
from .postprocess import MaskBuffers


class StageTimes(NamedTuple):
    """How long each stage took, ns."""

    decode_ns: int
    preprocess_ns: int
    inference_ns: int
    postprocess_ns: int


class Segmentation(NamedTuple):
    """What one frame became; the arrays are valid until the pipeline's next run."""

    frame: Frame
    pixels: Decoded
    mask: U8  # (H, W), class id or 255
    confidence: U8  # (H, W), 0 to 255 for 0 to 1
    times: StageTimes


def digest_of(mask: bytes | memoryview, confidence: bytes | memoryview) -> str:
    """Return a hash of a pair; pairs of one size share it only if they are equal bit for bit."""
    digest = hashlib.blake2b(mask, digest_size=32)
    digest.update(confidence)
    return digest.hexdigest()


class SegmentationPipeline:
    """Runs an open engine on frames of any size; one thread at a time."""

    def __init__(
        self,
        engine: Engine,
        resize: Resize,
        unknown_threshold: float = 0.0,
        decoder: Decoder | None = None,
        cleaning: Cleaning = NOTHING,
    ) -> None:
        self._engine, self._resize = engine, resize
        self._decoder = Decoder() if decoder is None else decoder
        self._cleaning = cleaning
        self._network = Size(engine.spec.height, engine.spec.width)
        self._rgb: U8 = np.zeros((1, *self._network, 3), np.uint8)
        self._grey: U8 = np.zeros(self._network, np.uint8)
        rgba, words = np.zeros((*self._network, 4), np.uint8), np.zeros(self._network, np.uint16)
        self._canvases: dict[object, Pixels] = {
            (canvas.dtype, canvas.shape[2:]): canvas
            for canvas in (self._rgb[0], self._grey, rgba, words)
        }
        self._buffers: MaskBuffers | None = None
        self.spec = engine.spec
        self.unknown_threshold = unknown_threshold

    def run(self, frame: Frame) -> Segmentation:
        """Segment one frame; FrameError if it can't be decoded, EngineError if inference fails."""
        start = perf_counter_ns()
        decoded = self._decoder.decode(frame)
        decoded_at = perf_counter_ns()
        buffers = self._buffers_for(Size(*decoded.pixels.shape[:2]))
        self._preprocess(decoded, buffers)
        prepared_at = perf_counter_ns()
        output = self._engine.infer(self._rgb)
        inferred_at = perf_counter_ns()
        buffers.segment(output.probabilities[0], math.ceil(self.unknown_threshold * 255))
        times = StageTimes(
            decoded_at - start,
            prepared_at - decoded_at,
            inferred_at - prepared_at,
            perf_counter_ns() - inferred_at,
        )
        return Segmentation(frame, decoded, buffers.mask, buffers.confidence, times)

    def _buffers_for(self, source: Size) -> MaskBuffers:
        """Return the planes for this camera size, anew (with clean padding) when it changes."""
        if self._buffers is None or self._buffers.placement.source != source:
            placement = placement_from_sizes(source, self._network, self._resize)
            self._buffers = MaskBuffers(placement, self.spec.classes, self._cleaning)
            for canvas in self._canvases.values():
                canvas.fill(0)
        return self._buffers

    def _preprocess(self, decoded: Decoded, buffers: MaskBuffers) -> None:
        """Place the pixels on a canvas of their kind, and that on the RGB canvas."""
        pixels, to_rgb = decoded
        canvas = self._canvases[pixels.dtype, pixels.shape[2:]]
        buffers.placement.apply(pixels, canvas)
        if to_rgb is not None:
            cv2.cvtColor(eight_bit(canvas, self._grey), to_rgb, dst=self._rgb[0])

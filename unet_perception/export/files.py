"""The files of a model: one ONNX file for each size and precision, and a golden for each size.

Knows how files are made and named; not what they are worth.
"""

from collections.abc import Iterator, Sequence
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.geometry import Size, letterboxed
from ..core.golden import Golden
from ..core.manifest import Artifact, ModelFile
from ..core.progress import OnProgress
from ..training.dataset import Pair, read_pair
from ..training.unet import UNet
from .golden_image import bytes_from_golden, golden_from_pairs
from .onnx_from_checkpoint import onnx_from_network
from .precision import convert
from .reference_engine import reference_engine
from .wrap import wrap

QUANTISED_ON = 48
"""Training images that tell int8 how large activations get; `int8` says why so, and not more."""


class Recipe(NamedTuple):
    """All that decides a model's files."""

    network: UNet
    normalisation: dict[str, Any]
    temperature: float
    sizes: Sequence[Size]
    precisions: Sequence[str]
    io: str
    training: Sequence[Pair]
    validation: Sequence[Pair]


class Made(NamedTuple):
    """A file, its content, and the golden of its size."""

    artifact: Artifact
    content: bytes
    golden_file: ModelFile
    golden: Golden


def make_files(folder: Path, recipe: Recipe, on_progress: OnProgress) -> list[Made]:
    """Write every file to `folder`; fp32 of a size comes before its other precisions."""
    made: list[Made] = []
    total = len(recipe.sizes) * len(recipe.precisions)
    for size in recipe.sizes:
        core = onnx_from_network(recipe.network, size)
        samples = list(_samples(recipe, size)) if 'int8' in recipe.precisions else []
        golden: tuple[ModelFile, Golden] | None = None
        for precision in recipe.precisions:
            on_progress(f'making {precision} {size.height}x{size.width}', len(made), total)
            graph = wrap(
                convert(core, precision, samples),
                **recipe.normalisation,
                temperature=recipe.temperature,
                io=recipe.io,
            )
            content = graph.SerializeToString()
            name = f'model.{precision}.{size.height}x{size.width}.onnx'
            artifact = Artifact(write(folder, name, content), precision, *size, recipe.io)
            golden = golden or _golden(folder, artifact, content, recipe)
            made.append(Made(artifact, content, *golden))
    return made


def write(folder: Path, name: str, content: bytes) -> ModelFile:
    """Write a file, and return what the manifest says of it."""
    (folder / name).write_bytes(content)
    return ModelFile(name, hashlib.sha256(content).hexdigest(), len(content))


def _samples(recipe: Recipe, size: Size) -> Iterator[NDArray[np.float32]]:
    """Yield what the bare network gets to see, (1, 3, *size), of training images."""
    step = max(1, len(recipe.training) // QUANTISED_ON)
    some, classes = recipe.training[::step][:QUANTISED_ON], recipe.network.config.classes
    mean, std = (np.float32(recipe.normalisation[name]) for name in ('mean', 'std'))
    for pair in some:
        image, _ = read_pair(pair, classes)
        canvas, _ = letterboxed(image, size)
        yield ((canvas - mean) / std).astype(np.float32).transpose(2, 0, 1)[None]


def _golden(
    folder: Path, artifact: Artifact, content: bytes, recipe: Recipe
) -> tuple[ModelFile, Golden]:
    """Write the golden of the fp32 file."""
    classes = recipe.network.config.classes
    with reference_engine(content, artifact, classes) as engine:
        golden = golden_from_pairs(engine, recipe.validation)
    name = f'golden.{artifact.height}x{artifact.width}.npz'
    return write(folder, name, bytes_from_golden(golden)), golden

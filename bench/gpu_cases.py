"""Which files are tried: every precision at every size, each with both types at its ends.

Knows manifests and the nodes that the exporter puts around a network; runs nothing.
"""

from collections.abc import Iterator
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from onnx import ModelProto, helper, load_from_string

from unet_perception.core.golden import Golden, golden_of
from unet_perception.core.manifest import IO_TYPES, Artifact, Model, ModelFile, OperatingPoint
from unet_perception.engines import choose_precision
from unet_perception.export.wrap import ENDS, IMAGE, PROBABILITIES


class Case(NamedTuple):
    """A file to be tried, and what it must answer."""

    model: Model
    artifact: Artifact
    content: bytes
    golden: Golden

    @property
    def name(self) -> str:
        """The case as reports call it."""
        return f'{self.model.manifest.name}, {self.artifact.file.file}'

    @property
    def classes(self) -> int:
        """How many classes it tells apart."""
        return len(self.model.manifest.classes)


def cases(model: Model, points: list[OperatingPoint]) -> Iterator[tuple[Case, Case]]:
    """Yield every file of a model at these sizes, as it is shipped and with the other ends."""
    for point in points:
        golden = golden_of(model, point)
        for artifact in model.manifest.artifacts:
            if artifact.size == (point.height, point.width):
                shipped = Case(model, artifact, model.read(artifact.file), golden)
                yield shipped, twin_of(shipped)


def served_case(model: Model, point: OperatingPoint) -> Case:
    """Return the file that the node serves by TensorRT, unless it is told otherwise."""
    artifact = model.manifest.artifact(choose_precision('auto', 'tensorrt', model), point)
    golden = golden_of(model, point)
    return Case(model, artifact, model.read(artifact.file), golden)


def twin_of(case: Case) -> Case:
    """Return the same network with the other type at its ends."""
    (io,) = set(IO_TYPES) - {case.artifact.io}
    content = with_ends(case.content, io)
    name = Path(case.artifact.file.file)
    file = ModelFile(
        f'{name.stem}.{io}{name.suffix}', hashlib.sha256(content).hexdigest(), len(content)
    )
    return case._replace(artifact=case.artifact._replace(file=file, io=io), content=content)


def with_ends(content: bytes, io: str) -> bytes:
    """Return an exported file's bytes with `io` at its ends, the values as before."""
    model = load_from_string(content)
    graph = model.graph
    first = [n for n in graph.node if IMAGE in n.input and n.op_type == 'Cast']
    (last,) = (n for n in graph.node if PROBABILITIES in n.output)
    before, floats, after = ENDS[io]()
    after.input[0] = last.input[0]
    kept = [n for n in graph.node if n not in (*first, last)]
    old = first[0].output[0] if first else IMAGE
    for node in kept:
        node.input[:] = [floats if name == old else name for name in node.input]
    del graph.node[:]
    graph.node.extend([*before, *kept, after])
    _set_types(model, io)
    return bytes(model.SerializeToString())


def _set_types(model: ModelProto, io: str) -> None:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(io))
    for end in (*model.graph.input, *model.graph.output):
        end.type.tensor_type.elem_type = kind

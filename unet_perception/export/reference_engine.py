"""The engine that tells what a file means: ONNX Runtime, each operator computed as it is written.

Knows the backend; not what the file is for. Optimised, runtimes round otherwise, and of some
quantised files they make something else.
"""

from ..core.engine import DEFAULT_OPTIONS, Engine
from ..core.manifest import Artifact


def reference_engine(content: bytes, artifact: Artifact, classes: int) -> Engine:
    """Open the bytes of an artifact with no operators fused."""
    from ..engines import ort

    return ort.open_engine(content, artifact, classes, DEFAULT_OPTIONS, optimize=False)

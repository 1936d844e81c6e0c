"""Stand-ins for CUDA's runtime and for TensorRT, with which our own code runs without a GPU.

Knows what the real ones forbid and reports it; nothing of our engine. They prove order, bounds
and lifetimes; no kernel, no speed and no rounding of a real GPU.
"""

from .cuda import FakeCuda
from .tensorrt import FakeTensorRT

__all__ = ['FakeCuda', 'FakeTensorRT']

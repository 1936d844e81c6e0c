"""Whether an NVIDIA GPU is here, and what Python needs to use it.

Knows device files and names of modules; loads nothing, asks no driver.
"""

from importlib.util import find_spec
from pathlib import Path
import re

from .trt_library import MODULES

GPU_FILES = (
    'dev/nvidia[0-9]*',
    'dev/nvhost-gpu',  # Jetson
    'dev/nvgpu/igpu*',  # Jetson, in a container
    'dev/dxg',  # WSL
    'proc/driver/nvidia/version',
    'etc/nv_tegra_release',
)
CUDA = 'cuda.bindings'
DRIVER_FILE = 'proc/driver/nvidia/version'


def has_gpu(root: Path = Path('/')) -> bool:
    """Tell whether this machine shows an NVIDIA GPU or its driver."""
    return any(next(root.glob(pattern), None) for pattern in GPU_FILES)


def driver_version(root: Path = Path('/')) -> str:
    """Return the version of NVIDIA's driver, as 540.4.0; empty where it does not show it."""
    try:
        text = (root / DRIVER_FILE).read_text()
    except OSError:
        return ''
    found = re.search(r'\b\d+\.\d+(\.\d+)?\b', text)
    return found.group() if found else ''


def what_tensorrt_lacks(root: Path = Path('/')) -> str:
    """Say what is missing here to serve by TensorRT, with its cure; empty if nothing is."""
    lacks = []
    if not has_gpu(root):
        lacks.append('there is no NVIDIA GPU here (in a container: docker run --runtime nvidia)')
    if not any(map(_is_installed, MODULES)):
        lacks.append(
            'TensorRT is not installed (Jetson: sudo apt install python3-libnvinfer; elsewhere: '
            'pip install tensorrt-cu12, or -cu13)'
        )
    if not _is_installed(CUDA):
        lacks.append(
            "cuda-bindings is not installed (pip install 'cuda-bindings>=12.9.1,<13' for CUDA 12, "
            "'cuda-bindings>=13,<14' for CUDA 13)"
        )
    return ', '.join(lacks)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is missing
        return False

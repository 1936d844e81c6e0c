"""The GPU to be tried, with its libraries and a cache of its own: the real one, or a stand-in.

Knows modules, folders and files that describe a machine; nothing of what is measured.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import gc
import importlib
import os
from pathlib import Path
import platform
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from unet_perception import __version__
from unet_perception.core.memory import resident_mb
from unet_perception.core.paths import private_cache_folder
from unet_perception.engines.cuda import Cuda
from unet_perception.engines.cuda_api import CudaRuntime
from unet_perception.engines.device import Device
from unet_perception.engines.gpu import what_tensorrt_lacks
from unet_perception.engines.plan_cache import PlanCache
from unet_perception.engines.tensorrt import Machine
from unet_perception.engines.trt_api import TensorRT
from unet_perception.engines.trt_library import Library, load_tensorrt
from unet_perception.errors import EngineError

DESCRIPTIONS = {
    'board': 'proc/device-tree/model',
    'jetson_linux': 'etc/nv_tegra_release',
    'power_mode': 'var/lib/nvpmodel/status',
}
"""Files that tell what a Jetson is, and how it is set, by what they tell."""
MOST_TEXT = 200


class Rig(NamedTuple):
    """One GPU, opened twice: `without_graph` takes no captures, so its engines do without."""

    runtime: CudaRuntime
    cache: PlanCache
    machine: Machine
    without_graph: Machine
    is_dry: bool

    def memory(self) -> dict[str, float | None]:
        """Return what this process holds, and what all processes hold on the GPU, MB."""
        gc.collect()
        return {'rss_mb': resident_mb(), 'gpu_used_mb': self._gpu_used_mb()}

    def faults(self) -> list[str]:
        """Return what the stand-in saw that a GPU would not forgive, and what was not freed."""
        gc.collect()
        if not self.is_dry:
            return []
        fake: Any = self.runtime
        return [*fake.violations, *(f'not freed: {each}' for each in fake.live)]

    def _gpu_used_mb(self) -> float:
        error, free, total = self.runtime.cudaMemGetInfo()
        if int(error) != 0:
            raise EngineError(f'cudaMemGetInfo: error {int(error)}')
        return float(total - free) / 1e6


@contextmanager
def opened_rig(is_dry: bool) -> Iterator[Rig]:
    """Open the GPU, or its stand-in, with an empty cache of plans that child processes share.

    EngineError, with what is missing, if there is no GPU to use.
    """
    with (
        TemporaryDirectory(prefix='unet_perception_gpu_') as folder,
        patch.dict(os.environ, {'XDG_CACHE_HOME': folder}),
    ):
        trt, runtime = _stand_ins() if is_dry else _libraries()
        plans = private_cache_folder('tensorrt')
        if plans is None:
            raise EngineError(f'{folder!r} is not private; set TMPDIR to a folder that can be')
        cache, library = PlanCache(plans), Library(trt)
        machine = Machine(library, Device(runtime), cache)
        without_graph = Machine(library, Device(no_capture(runtime)), cache)
        yield Rig(runtime, cache, machine, without_graph, is_dry)


def no_capture(runtime: CudaRuntime) -> Any:
    """Return the runtime with every capture refused: the product then runs without a graph."""
    names = (name for name in dir(runtime) if name.startswith('cuda'))
    functions = {name: getattr(runtime, name) for name in names}
    refused = functions['cudaError_t'].cudaErrorNotSupported

    def cudaStreamBeginCapture(*_: object) -> tuple[Any, ...]:  # noqa: N802, the name is CUDA's
        return (refused,)

    return SimpleNamespace(**{**functions, 'cudaStreamBeginCapture': cudaStreamBeginCapture})


def machine_facts(rig: Rig, root: Path = Path('/')) -> dict[str, str]:
    """Describe machine, GPU and versions; what a machine does not tell is left out."""
    told = {name: _text_of(root / file) for name, file in DESCRIPTIONS.items()}
    memory = 'shared with the CPU' if Cuda(rig.runtime).gpu().is_integrated else 'its own'
    return {
        'package': f'unet_perception {__version__}',
        'python': platform.python_version(),
        'system': platform.platform(),
        'cores': str(os.cpu_count()),
        **{name: text for name, text in told.items() if text},
        **rig.machine.facts(),
        'gpu_memory': memory,
    }


def _libraries() -> tuple[TensorRT, CudaRuntime]:
    if lacks := what_tensorrt_lacks():
        raise EngineError(lacks)
    return load_tensorrt(), importlib.import_module('cuda.bindings.runtime')


def _stand_ins() -> tuple[TensorRT, CudaRuntime]:
    from .fake_gpu import FakeCuda, FakeTensorRT  # a robot may lack what it computes with

    cuda = FakeCuda(is_integrated=True)
    return FakeTensorRT(cuda), cuda


def _text_of(file: Path) -> str:
    try:
        words = file.read_bytes()[:MOST_TEXT].decode(errors='replace')
    except OSError:
        return ''
    return ' '.join(words.replace('\0', ' ').split())

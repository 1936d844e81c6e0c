"""Every name of TensorRT and CUDA that is used exists in the real bindings, of each version.

Nothing runs on a GPU: TensorRT's bindings are imported over libraries that do nothing (those for
RTX over their own), and CUDA's find no GPU.
"""

from functools import cache
from inspect import isfunction
import json
import os
from pathlib import Path
import platform
import re
import shutil
import subprocess
import sys
from typing import Any, NamedTuple, Protocol

from helpers import ROOT, run_python
import pytest

from unet_perception.engines import trt_api
from unet_perception.engines.cuda_api import CudaRuntime

SURFACE = Path(__file__).parent / 'surface'
STUBS = [f'lib{n}.so.{v}' for n in ('nvinfer', 'nvonnxparser', 'nvinfer_plugin') for v in (10, 11)]
IS_FOR_HERE = sys.version_info[:2] == (3, 11) and platform.machine() == 'x86_64'
"""The requirements' own condition."""


class Pin(NamedTuple):
    """A version of a package."""

    name: str
    version: str

    def __str__(self) -> str:
        return f'{self.name}=={self.version}'


def pins(file: str, *names: str) -> list[Pin]:
    """Return a requirements file's pins of packages whose names begin with one of these."""
    lines = (ROOT / 'requirements' / file).read_text().splitlines()
    return [Pin(*line.split(';')[0].split('==')) for line in lines if line.startswith(names)]


IN_FOLDERS = pins('bindings.txt', 'tensorrt', 'cuda')
IN_THE_ENVIRONMENT = pins('test.txt', 'tensorrt-rtx-cu13-bindings', 'cuda-bindings')
PINS = IN_FOLDERS + IN_THE_ENVIRONMENT
TENSORRT = [pin for pin in PINS if pin.name.startswith('tensorrt')]
CUDA = [pin for pin in PINS if pin.name == 'cuda-bindings']
of_each_tensorrt = pytest.mark.parametrize('pin', TENSORRT, ids=str)
of_each_cuda = pytest.mark.parametrize('pin', CUDA, ids=str)


def module_of(pin: Pin) -> str:
    if pin in CUDA:
        return 'cuda.bindings.runtime'
    return 'tensorrt_rtx' if 'rtx' in pin.name else 'tensorrt_bindings'


@cache
def folders_of(pin: Pin) -> list[Path]:
    """Return where a version is, beside the environment; skip where it is not meant to be."""
    if not IS_FOR_HERE:
        pytest.skip('the bindings are only installed on Python 3.11 and x86-64')
    if pin in IN_THE_ENVIRONMENT:
        return []
    folder = Path(sys.prefix) / 'bindings' / str(pin)
    assert folder.is_dir(), f"{folder} is missing; 'make test' installs it"
    return [folder]


@pytest.fixture(scope='session')
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what TensorRT's bindings load, under all the names they load it by."""
    if not shutil.which('cc'):
        pytest.skip('there is no C compiler (cc) to make stand-ins for the libraries with')
    folder = tmp_path_factory.mktemp('stubs')
    for name in STUBS:
        options = ['-shared', f'-Wl,-soname,{name}', '-o', folder / name]
        subprocess.run(['cc', '-fPIC', *options, SURFACE / 'stub.c'], check=True)
    return folder


def said(pin: Pin, code: str, *arguments: str, stubs: Path | str = '') -> Any:
    """Run a program over a version of the bindings; return the JSON that it prints."""
    environment = os.environ | {
        'PYTHONPATH': os.pathsep.join(map(str, [*folders_of(pin), SURFACE])),
        'LD_LIBRARY_PATH': str(stubs),
        'CUDA_VISIBLE_DEVICES': '',
    }
    result = run_python(code, *arguments, env=environment)
    assert result.returncode == 0, f'{pin}: {result.stderr}'
    return json.loads(result.stdout)


WHOLE_MODULES = ('TensorRT', 'CudaRuntime')
"""The Protocols that are of a module; the others are of the class they are called by."""


def names_of(*protocols: type) -> dict[str, bool]:
    """Return the dotted names that Protocols ask for, and whether each is called."""
    names = {}
    for protocol in protocols:
        prefix = '' if protocol.__name__ in WHOLE_MODULES else f'{protocol.__name__}.'
        called = [n for n, v in vars(protocol).items() if isfunction(v) and n[0] != '_']
        names |= {prefix + name: False for name in protocol.__annotations__}
        names |= {prefix + name: True for name in called}
    return names


HOOKS = (
    'ILogger.log',
    'IProgressMonitor.phase_start',
    'IProgressMonitor.phase_finish',
    'IProgressMonitor.step_complete',
)
"""What TensorRT calls, in our classes."""
PROTOCOLS = [c for c in vars(trt_api).values() if getattr(c, '__module__', '') == trt_api.__name__]
USED = {
    **names_of(*PROTOCOLS),
    **dict.fromkeys(trt_api.CONSTANTS, False),
    **dict.fromkeys(HOOKS, True),
}


def faults(pin: Pin, names: dict[str, bool], stubs: Path | str = '') -> list[str]:
    """Return what is wrong with names in a version of the bindings."""
    arguments = module_of(pin), json.dumps(names)
    found, wrong = said(pin, 'import lookup; lookup.main()', *arguments, stubs=stubs)
    assert found == pin.version
    return [f'{pin}: {fault}' for fault in wrong]


def test_the_bindings_are_of_every_generation() -> None:
    assert {pin.version.split('.')[0] for pin in TENSORRT} == {'10', '11', '1'}  # 1 is RTX
    assert any(pin.version.startswith('10.3.') for pin in TENSORRT)  # JetPack 6
    assert {pin.version.split('.')[0] for pin in CUDA} == {'12', '13'}


def test_the_protocols_list_classes_methods_attributes_and_constants() -> None:
    assert {'Builder', 'nptype', '__version__', 'TensorIOMode.INPUT'} <= USED.keys()
    assert USED['ICudaEngine.get_tensor_name']
    assert not USED['ICudaEngine.num_io_tensors']
    assert len(USED) > 50


def test_every_member_of_an_enumeration_in_the_code_is_in_the_list() -> None:
    """Enumerations are Any to mypy, which lets every member pass."""
    sources = (ROOT / 'unet_perception' / 'engines').glob('*.py')
    named = {n for f in sources for n in re.findall(r'\btrt\.([A-Z]\w+\.\w+)', f.read_text())}
    assert 'BuilderFlag.TF32' in named
    assert named <= set(trt_api.CONSTANTS)


@of_each_tensorrt
def test_tensorrt_has_every_name_that_is_used(pin: Pin, stubs: Path) -> None:
    assert faults(pin, USED, stubs) == []


@of_each_cuda
def test_cuda_has_every_name_that_is_used(pin: Pin) -> None:
    assert faults(pin, names_of(CudaRuntime)) == []


class TensorRT(Protocol):
    """What weak typing was chosen with, up to 10.x."""

    IInt8EntropyCalibrator2: Any


class ICudaEngine(Protocol):
    """What engines had up to 10.x."""

    device_memory_size: int

    def create_execution_context_without_device_memory(self) -> Any: ...


GONE = names_of(TensorRT, ICudaEngine) | {'BuilderFlag.FP16': False}


@of_each_tensorrt
def test_a_name_that_is_gone_is_missed_where_it_is_gone(pin: Pin, stubs: Path) -> None:
    missed = [] if pin.version.startswith('10.') else [f'{name} is missing' for name in GONE]
    assert faults(pin, GONE, stubs) == [f'{pin}: {fault}' for fault in missed]


@of_each_tensorrt
def test_a_method_is_not_taken_for_an_attribute_nor_the_reverse(pin: Pin, stubs: Path) -> None:
    names = {'OnnxParser.num_errors': True, 'ParserError.desc': False}
    told = ['OnnxParser.num_errors is not to be called', 'ParserError.desc is to be called']
    assert faults(pin, names, stubs) == [f'{pin}: {fault}' for fault in told]


REFUSED = """
import json
from unet_perception.engines.trt_library import Library, load_tensorrt
from unet_perception.errors import EngineError

library = Library(load_tensorrt(['tensorrt_bindings']))
told = []
for kind in (library.trt.Builder, library.trt.Runtime):
    try:
        library.made(kind)
    except EngineError as error:
        told.append(str(error))
print(json.dumps(told))
"""


@pytest.mark.parametrize('pin', pins('bindings.txt', 'tensorrt'), ids=str)
def test_what_tensorrt_does_not_make_without_a_gpu_is_said(pin: Pin, stubs: Path) -> None:
    builder, runtime = said(pin, REFUSED, stubs=stubs)
    assert builder.startswith(f"tensorrt_bindings {pin.version} can't make a Builder: ")
    assert runtime.startswith(f"tensorrt_bindings {pin.version} can't make a Runtime: ")


NO_GPU = {35, 100}  # cudaErrorInsufficientDriver, cudaErrorNoDevice
NEED_NO_GPU = {'cudaDriverGetVersion', 'cudaRuntimeGetVersion', 'cudaGetErrorString'}


@cache
def calls_over(pin: Pin) -> Any:
    """Return what is said without a GPU, and each call that is made with one."""
    return said(pin, 'import calls; calls.main()')


@of_each_cuda
def test_every_function_of_cuda_takes_what_it_is_given_and_answers_with_an_error(
    pin: Pin,
) -> None:
    _, calls = calls_over(pin)
    assert calls.keys() >= {name for name, is_called in names_of(CudaRuntime).items() if is_called}
    errors = {name: call['error'] for name, call in calls.items()}
    assert {name for name, error in errors.items() if error == 0} == NEED_NO_GPU
    assert {error for error in errors.values() if error} <= NO_GPU


@of_each_cuda
def test_cuda_answers_with_as_many_values_as_are_read(pin: Pin) -> None:
    _, calls = calls_over(pin)
    for name, call in calls.items():
        assert call['values'] == call['expected'], name


@of_each_cuda
def test_cuda_refuses_arguments_of_a_wrong_kind(pin: Pin) -> None:
    _, calls = calls_over(pin)
    refusals = {refusal for call in calls.values() for refusal in call['refusals']}
    assert refusals == {'TypeError'}
    assert calls['cudaMemcpyAsync']['given'] == [
        'int', 'int', 'int', 'cudaMemcpyKind', 'cudaStream_t'
    ]  # fmt: skip


@of_each_cuda
def test_without_a_gpu_it_is_said_which_call_failed_and_what_helps(pin: Pin) -> None:
    told, _ = calls_over(pin)
    assert re.fullmatch(
        r'cudaGetDeviceCount: cudaError(InsufficientDriver|NoDevice) \(.*CUDA.*\); .*', told
    )


def test_both_versions_of_cuda_are_called_alike() -> None:
    first, *others = [calls_over(pin)[1] for pin in CUDA]
    assert others == [first]

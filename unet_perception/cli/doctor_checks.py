"""Judges the machine and the libraries: Python, memory, sockets, engines, GPU, shipped models.

Knows where Linux and libraries say what they are; not ROS. Libraries are imported in the check
that asks for them, so that one that is missing or broken is a verdict.
"""

from importlib import import_module
from pathlib import Path
import shutil
import sys

from ..core.memory import tune_malloc
from ..core.paths import share_folder
from .doctor_machine import FAIL, OK, WARN, Machine, Verdict

PYTHONS = ((3, 10), (3, 13))
LEAST_SHARED = 128 << 20
LEAST_SOCKET = 4 << 20
SOCKETS = {'rmem_max': 2**31 - 1, 'wmem_max': 2**31 - 1}
"""The kernel's limits, and what the cure sets them to."""
FAST_DDS_SOCKETS = {'rmem_default': 8 << 20, 'wmem_default': 8 << 20}
"""What Fast DDS takes where its profile names no size of its own: it does not ask for more."""
LIBRARY_CURES = {
    'numpy': 'pip install numpy, or sudo apt install python3-numpy',
    'cv2': 'pip install opencv-python-headless, or sudo apt install python3-opencv',
}


def check_python(_: Machine) -> Verdict:
    """Tell whether this Python is one that the package supports."""
    return judge_python(sys.version_info[:3])


def judge_python(version: tuple[int, ...]) -> Verdict:
    """Judge a version of Python."""
    text = '.'.join(map(str, version))
    least, most = ('.'.join(map(str, pair)) for pair in PYTHONS)
    if PYTHONS[0] <= version[:2] <= PYTHONS[1]:
        return Verdict(OK, text)
    level, what = (FAIL, 'supported') if version[:2] < PYTHONS[0] else (WARN, 'tested yet')
    message = f'{text} is not {what}: {least} to {most} are'
    return Verdict(level, message, f"make PYTHON=python{most} demo, or the distribution's python3")


def check_library(name: str) -> Verdict:
    """Tell whether a library loads, and its version."""
    try:
        library = import_module(name)
    except Exception as exc:  # built for another NumPy, it fails in ways of its own
        return Verdict(FAIL, f'does not load: {exc}', LIBRARY_CURES[name])
    return Verdict(OK, str(library.__version__))


def check_shared_memory(machine: Machine) -> Verdict:
    """Tell whether /dev/shm holds the segments that images cross in."""
    folder = machine.root / 'dev' / 'shm'
    cure = 'in Docker: docker run --shm-size=512m, or --ipc=host'
    if not folder.is_dir():
        return Verdict(WARN, 'no /dev/shm: images go by UDP at best', cure)
    return judge_shared_memory(shutil.disk_usage(folder).free, cure)


def judge_shared_memory(free: int, cure: str) -> Verdict:
    """Judge how many bytes are free."""
    text = f'{free / 2**20:.0f} MB free in /dev/shm'
    if free >= LEAST_SHARED:
        return Verdict(OK, text)
    message = f'{text}, less than {LEAST_SHARED >> 20} MB: with transport:=large_images each '
    return Verdict(WARN, f'{message}process takes 64 MB', cure)


def check_sockets(machine: Machine) -> Verdict:
    """Tell whether UDP sockets may hold the pieces of an image from another machine."""
    folder = machine.root / 'proc' / 'sys' / 'net' / 'core'
    wanted = {**SOCKETS, **(FAST_DDS_SOCKETS if machine.is_fast_dds else {})}
    try:
        limits = {name: int((folder / name).read_text()) for name in wanted}
    except (OSError, ValueError):
        return Verdict(OK, 'n/a: net.core.rmem_max is not shown here')
    text = ', '.join(f'{name} {limit / 2**20:.3g} MB' for name, limit in limits.items())
    small = [name for name, limit in limits.items() if limit < LEAST_SOCKET]
    if not small:
        return Verdict(OK, text)
    message = f'{text}: bursts of images from another machine get lost; within one it is no matter'
    cure = ' '.join(f'net.core.{name}={wanted[name]}' for name in small)
    return Verdict(WARN, message, f'sudo sysctl -w {cure}')


def check_malloc(machine: Machine) -> Verdict:
    """Tell whether memory of images can be kept instead of being mapped anew for each."""
    if not tune_malloc():
        cure = 'use a distribution with glibc (Debian, Ubuntu)'
        return Verdict(WARN, "the C library can't be tuned: each image costs about 2 ms", cure)
    named = [name for name in machine.environment if name.startswith('MALLOC_')]
    note = f'; the node overrides {", ".join(named)}' if named else ''
    return Verdict(OK, f'images keep their memory{note}')


def check_engine(_: Machine) -> Verdict:
    """Tell which engine would serve and why, and which ones are installed but do not load."""
    from ..engines import ENGINES, available_engines, choose_backend, problem_of

    problems = {name: problem_of(name) for name in available_engines()}
    broken = {name: f'{name} does not load: {why}' for name, why in problems.items() if why}
    if len(broken) == len(problems):
        cures = ' or '.join(entry.cure for name, entry in ENGINES.items() if name != 'tensorrt')
        return Verdict(FAIL, '; '.join(broken.values()) or 'no engine is installed', cures)
    text = '{}, {}'.format(*choose_backend('auto'))
    if broken:
        return Verdict(WARN, text, ' and '.join(ENGINES[name].cure for name in broken))
    return Verdict(OK, text)


def check_gpu(machine: Machine) -> Verdict:
    """Tell whether there is an NVIDIA GPU, and whether TensorRT can use it."""
    from ..engines import ENGINES, problem_of
    from ..engines.gpu import has_gpu, what_tensorrt_lacks

    if not has_gpu(machine.root):
        return Verdict(OK, 'none: serving on the CPU')
    lacks = what_tensorrt_lacks(machine.root)
    if problem := lacks or problem_of('tensorrt'):
        message = f'NVIDIA GPU here, but TensorRT can not use it, so the CPU serves: {problem}'
        return Verdict(WARN, message, ENGINES['tensorrt'].cure)
    return Verdict(OK, 'NVIDIA GPU, served by TensorRT')


def check_plans(_: Machine) -> Verdict:
    """List the TensorRT plans that are kept for this user."""
    from ..core.paths import private_cache_folder
    from ..engines.plan_cache import PlanCache

    folder = private_cache_folder('tensorrt')
    if folder is None:
        cure = 'chmod 700 ~/.cache/unet_perception/tensorrt, or set XDG_CACHE_HOME'
        return Verdict(
            WARN, "the folder for plans is not this user's alone, so none is kept", cure
        )
    plans = PlanCache(folder).plans()
    told = [f'{p.key.name} ({p.bytes / 1e6:.1f} MB, {p.key.tensorrt}, {p.key.gpu})' for p in plans]
    return Verdict(OK, f'{len(plans)} in {folder}{": " if told else ""}{", ".join(told)}')


def check_model(_: Machine) -> Verdict:
    """Tell whether every shipped model is whole and right on the engine that would serve it."""
    from ..engines import choose_backend

    backend = choose_backend('auto').backend
    folders = sorted(f for f in (share_folder() / 'models').iterdir() if f.is_dir())
    verdicts = {folder.name: judge_model(folder, backend) for folder in folders}
    failed = [verdict for verdict in verdicts.values() if verdict.level == FAIL]
    if failed or not verdicts:
        return failed[0] if failed else Verdict(FAIL, 'no model is shipped', 'install again')
    text = ', '.join(f'{name} {verdict.message}' for name, verdict in verdicts.items())
    waiting = [name for name, verdict in verdicts.items() if verdict.level == WARN]
    if waiting:
        return Verdict(WARN, text, f'unet_perception build-engine {waiting[0]}, and so on')
    return Verdict(OK, f'{text} (least golden IoU on {backend})')


def judge_model(folder: Path, backend: str) -> Verdict:
    """Judge one model folder by what `check-model` finds."""
    from ..core.manifest import model_from_folder
    from ..engines import choose_precision
    from .check_model import findings_about

    findings = findings_about(folder, [backend])
    for finding in findings:
        if finding['problem']:
            cure = f'restore {folder}, then unet_perception check-model {folder.name}'
            return Verdict(FAIL, f'{folder.name}: {finding["problem"]}', cure)
    served = f'.{choose_precision("auto", backend, model_from_folder(folder))}.'
    if any('not_built' in each and served in each['subject'] for each in findings):
        return Verdict(WARN, 'has plans that are not built for this GPU yet')
    least = min(min(finding.get('golden_iou', [1.0])) for finding in findings)
    return Verdict(OK, f'{least:.4f}')
